"""Methods that mark findings: what they take over, what is refused, and what is planned."""

import pytest
from factory import Factory

from radfoundry.config import finding_methods, lookups, radiographs, resources
from radfoundry.config.settings import ConfigurationError, checked


def config(**findings):
    """Return a config in which one cohort has its stated findings marked."""
    own = {"anatomy": "shape", "findings": {"cohort": "films", **findings}}
    shape = {"segmenter": "projected", "seed": 3, "options": {"steps": 5}}
    phantom = {"kind": "chest_xray", "patients": 8, "size": 64}
    films = {"phantom": phantom, "pseudolabel": "marked", "batch": 8}
    return {"cohorts": {"films": films}, "pseudolabel": {"shape": shape, "marked": own}}


def faults(stated):
    with pytest.raises(ConfigurationError) as error:
        checked(stated)
    return error.value.faults


def test_a_method_takes_its_segmenter_and_options_from_the_anatomy_that_it_names():
    methods = checked(config())["pseudolabel"]
    assert methods["marked"]["segmenter"] == "projected"
    assert methods["marked"]["options"] == {"steps": 5}
    assert methods["marked"]["findings"]["names"] == ["opacity", "consolidation", "ground_glass"]


def test_the_weights_and_the_labeling_are_those_of_the_anatomys_method():
    settings = checked(config())
    assert radiographs.trained_method(settings, cohort="films") == "shape"
    assert radiographs.segmenter_of_films(settings, "films") == {}
    assert resources.methods_on(settings, "cpu") == "shape"
    assert finding_methods.methods(settings) == "marked"


def test_pseudo_masks_are_measured_of_the_methods_that_make_some():
    stated = config() | {"evaluate": {"labels": {"methods": ["shape", "marked"]}}}
    settings = checked(stated)
    assert lookups.label_measurements(settings, "findings") == [("films", "marked")]
    assert len(lookups.label_measurements(settings, "labels")) == 2


def test_a_detector_reads_the_anatomy_of_its_own_cohort_and_films_that_of_theirs():
    settings = checked(config())
    assert finding_methods.below(settings, "marked") == ("films", ["shape"], None)
    assert finding_methods.below(settings, "marked", "other", "b0") == ("other", ["shape"], ["b0"])


def test_other_cuts_of_a_mask_train_no_detector_again():
    first, second = (checked(config(least_confidence=c)) for c in (0.5, 0.9))
    assert finding_methods.asked_of(first, "marked") == finding_methods.asked_of(second, "marked")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("detector", "classification", "allowed: anomaly"),
        ("arm", "artasin", "allowed: artasyn, cutpaste"),
        ("generator", "aurad", "allowed: one without"),
        ("names", ["opacty"], "did you mean 'opacity'"),
        ("options", {"stepps": 3}, "did you mean 'steps'"),
        ("cohort", "film", "did you mean 'films'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_job(key, value, words):
    (fault,) = faults(config(**{key: value}))
    assert f"pseudolabel.marked.findings.{key}" in fault
    assert words in fault


def test_a_method_states_a_segmenter_or_the_anatomy_of_another_method_and_findings():
    for wrong in ({"anatomy": "shape"}, {"findings": {"cohort": "films"}}, {}):
        stated = config()
        stated["pseudolabel"]["marked"] = wrong
        assert "pseudolabel.marked" in faults(stated)[0]


def test_findings_are_not_marked_on_top_of_marked_findings():
    stated = config()
    stated["pseudolabel"]["again"] = stated["pseudolabel"]["marked"] | {"anatomy": "marked"}
    assert faults(stated)[0].endswith("allowed: shape")


def test_a_detector_needs_healthy_films_of_two_splits():
    stated = config()
    stated["cohorts"]["films"]["splits"] = {"train": 0.7, "tune": 0.0, "test": 0.3}
    assert faults(stated)[0].startswith("cohorts.films.splits.tune: is 0")


def test_findings_are_marked_once_the_anatomy_and_the_splits_are_there(tmp_path):
    one = Factory(tmp_path, config())
    before = {"plan_cohort", "draw_phantoms", "preprocess_batch", "fit_segmenter", "segment_batch"}
    marking = {"assign_splits", "fit_detector", "mark_findings"}
    assert one.planned("pseudolabel") == before | marking
