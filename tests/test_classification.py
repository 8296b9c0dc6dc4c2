"""The task `classification`: what it is taught, what it is tested on, and what it may not claim."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry.case import Case
from radfoundry.config import catalogue, settings
from radfoundry.evaluation.learners import classifier
from radfoundry.evaluation.metrics import utility
from radfoundry.evaluation.tasks import _folds, classification
from radfoundry.volume import Volume

SCHEMA = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
QUICK = {
    "findings": ["pleural_effusion", "consolidation"], "steps": 30, "batch": 8, "folds": 3,
    "samples": 6, "bootstrap": 50,
}  # fmt: skip


def rng(seed=0):
    return np.random.default_rng(seed)


def case(name, findings="", seed=0, **facts):
    """Return a noisy lung with water at its bottom or a dense upper half, or neither."""
    voxels = rng(seed).normal(-800, 40, (16, 16, 16))
    if "pleural_effusion" in findings:
        voxels[:, :, :6] += 800
    if "consolidation" in findings:
        voxels[:8, :, 10:] += 800
    empty = np.zeros(voxels.shape, np.uint8)
    known = {"patient": name, "cohort": "own", "findings": findings, "split": "test"} | facts
    return Case(name, Volume(voxels.astype(np.float32), np.eye(4)), empty, empty, known)


KINDS = ("", "pleural_effusion", "consolidation", "pleural_effusion|consolidation")


def cohort(count, kinds=KINDS, name="c", **facts):
    return [case(f"{name}{i}", kinds[i % len(kinds)], i, **facts) for i in range(count)]


def cases(**parts):
    own = cohort(24)
    given = {"train": [], "tune": own[:12], "test": own[12:], "unseen": [], "samples": []}
    return given | parts


def ran(arm="real", seed=0, options=None, **parts):
    found = classification.run(arm, cases(**parts), QUICK | (options or {}), rng(seed))
    return found.assign(arm=arm, seed=seed)


def figures(*rows):
    found = classification.summarise(pd.concat(rows), QUICK, "own", rng())
    return found.set_index(["metric", "arm", "test", "findings"]).sort_index()


@pytest.fixture(scope="module")
def real():
    return ran(unseen=cohort(4, name="u", cohort="other"))


def test_findings_are_told_apart_in_cases_held_out_and_in_an_unseen_cohort(real):
    found = figures(real)
    for test in ("own", "other"):
        for finding in QUICK["findings"]:
            assert found["value"][("utility_auroc", "real", test, finding)] > 0.9
            assert found["value"][("utility_accuracy", "real", test, finding)] > 0.7


def test_every_case_is_held_out_once_and_no_patient_is_in_two_folds():
    pairs = [
        case(f"c{i}-{exam}", KINDS[i % 4], i, patient=f"p{i}") for i in range(8) for exam in "ab"
    ]
    found = ran(options={"steps": 1}, tune=pairs, test=[])
    assert not found.duplicated(["case", "finding"]).any()
    assert len(found) == 32
    assert (found.groupby("patient")["fold"].nunique() == 1).all()
    assert set(found["fold"]) == {1, 2, 3}


def test_folds_are_the_same_for_all_arms_and_seeds_and_share_rare_findings_out():
    labels = np.zeros((20, 2))
    labels[:10, 0] = labels[3:8, 1] = 1
    patients = [f"p{i}" for i in range(20)]
    folds = _folds.folds_of(labels, patients, 5)
    assert [labels[folds == fold, 1].sum() for fold in range(5)] == [1] * 5
    assert (np.bincount(folds) == 4).all()
    assert (folds == _folds.folds_of(labels, patients, 5)).all()
    assert _folds.folds_of(labels, ["one"] * 20, 5).max() == 0
    assert _folds.folds_of(labels[:2], patients[:2], 5).max() == 1


def test_the_splits_that_the_generator_saw_are_not_even_read():
    def never():
        raise AssertionError("the train split was read")
        yield

    assert len(ran(options={"steps": 1}, train=never()))


def test_as_many_samples_are_chosen_with_a_finding_as_without():
    labels = np.array([[1, 1], [1, 0], [0, 1], [0, np.nan], [0, 1]], float)
    chosen = _folds.balanced(labels, 100, rng())
    assert [(chosen == 1).sum(0).tolist(), (chosen == 0).sum(0).tolist()] == [[2, 1], [2, 1]]
    assert (labels[np.isfinite(chosen)] == chosen[np.isfinite(chosen)]).all()
    assert (_folds.balanced(labels, 1, rng()) == 1).sum(0).tolist() == [1, 1]
    assert np.isnan(_folds.balanced(labels[:2], 9, rng())[:, 0]).all()


def test_kinds_count_the_same_however_common_they_are():
    labels = np.array([[1, 1], [0, 1], [0, np.nan], [0, 1]], float)
    weights = classifier.weights_of(labels)
    assert weights[0, 0] == pytest.approx(weights[1:, 0].sum())
    assert weights[:, 0].mean() == pytest.approx(1)
    assert (weights[:, 1] == 0).all()


def test_the_synthetic_arms_learn_from_samples():
    samples = cohort(24, name="s", patient="elsewhere")
    only = ran("synthetic", samples=samples)
    assert figures(only)["value"][("utility_auroc", "synthetic", "own", "pleural_effusion")] > 0.9
    assert set(only["samples"]) == {6}


def test_without_kept_samples_an_arm_has_no_figure_and_says_why(real):
    found = figures(real, ran("real_synthetic"), ran("synthetic"))
    for arm in ("real_synthetic", "synthetic"):
        row = found.loc[("utility_f1", arm, "own", "consolidation")]
        assert np.isnan([row["value"], row["low"], row["high"]]).all()
        assert "no kept samples both with and without consolidation" in row["note"]
        gain = found.loc[("utility_f1_gain", f"{arm}-real", "own", "consolidation")]
        assert np.isnan(gain["value"])


def test_samples_that_all_show_a_finding_teach_the_other_one_alone():
    samples = cohort(12, ("pleural_effusion", "pleural_effusion|consolidation"), "s", patient="x")
    found = ran("synthetic", samples=samples, options={"steps": 1}).groupby("finding")["score"]
    assert found.count().to_dict() == {"consolidation": 24, "pleural_effusion": 0}


def test_a_fold_that_never_saw_a_finding_makes_the_figure_undefined():
    own = [case(f"c{i}", "pleural_effusion" if i == 0 else "", i) for i in range(9)]
    found = ran(options={"steps": 1, "findings": ["pleural_effusion"]}, tune=own, test=[])
    assert found["score"].isna().sum() == 3
    row = figures(found).loc[("utility_accuracy", "real", "own", "pleural_effusion")]
    assert np.isnan(row["value"])
    assert "a fold trains on no cases both with and without" in row["note"]


def test_a_finding_that_no_case_shows_has_no_figure():
    found = figures(ran(options={"steps": 1, "findings": ["emphysema"]}))
    assert found["value"].isna().all()
    assert found["note"].str.contains("one kind only").all()


def test_no_cases_at_all_give_an_empty_table():
    found = ran(tune=[], test=[])
    assert len(found) == 0
    assert len(classification.summarise(found, QUICK, "own", rng())) == 0


def test_samples_of_a_held_out_patient_teach_nothing():
    own = cohort(8)
    samples = [case(f"s{i}", c.facts["findings"], i, patient=c.name) for i, c in enumerate(own)]
    found = ran("synthetic", tune=own, test=[], samples=samples, options={"steps": 1, "folds": 8})
    assert (found["samples"] <= 3).all()  # four of eight have a finding, less the one held out


def test_a_case_in_doubt_is_not_counted():
    doubtful = case("d", report="Possible pleural effusion.")
    found = ran(options={"steps": 1}, test=[*cohort(24)[12:], doubtful])
    table = figures(found)["n"]
    assert table[("utility_f1", "real", "own", "pleural_effusion")] == 24
    assert table[("utility_f1", "real", "own", "consolidation")] == 25


def in_words(known):
    """Return a case whose findings are stated by its report alone."""
    words = known.facts["findings"].replace("_", " ").replace("|", ". ") or "Clear lungs"
    return replace(known, facts=known.facts | {"findings": "", "report": f"{words}."})


def test_a_cohort_that_is_known_by_its_reports_alone_is_learned_as_one_with_findings():
    own = cohort(24)
    columns = ["case", "finding", "truth", "score", "fold"]
    first, second = (
        ran(options={"steps": 2}, tune=pool[:12], test=pool[12:])[columns]
        for pool in (own, [in_words(one) for one in own])
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_case_whose_report_states_nothing_is_open_and_not_healthy():
    silent = case("s", report="COMPARISON: Chest CT of 2019.")
    found = ran(options={"steps": 1}, test=[*cohort(24)[12:], silent])
    assert found.loc[found["case"] == "s", "truth"].isna().all()


def predicted(truth, score, arm="real", seed=0):
    made = pd.DataFrame({"truth": np.array(truth, float), "score": np.array(score, float)})
    names = [f"c{i}" for i in range(len(made))]
    more = {"cohort": "own", "finding": "pleural_effusion", "threshold": 0.5, "note": ""}
    return made.assign(case=names, patient=names, arm=arm, seed=seed, samples=0, **more)


def test_figures_are_what_they_are_by_hand():
    rows = predicted([1, 1, 1, 0, 0], [0.9, 0.8, 0.2, 0.7, 0.1])
    accuracy, f1, auroc = utility.measured(rows, np.ones((1, 5), int))[0]
    assert (accuracy, f1) == pytest.approx((3 / 5, 4 / 6))
    assert auroc == pytest.approx(5 / 6)
    assert np.isnan(utility.measured(rows, np.array([[1, 1, 1, 0, 0]]))).all()


def test_a_value_is_the_mean_over_seeds_and_a_gain_is_to_real():
    truth, good, bad = [1, 1, 0, 0], [0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]
    both = [predicted(truth, good), predicted(truth, bad, seed=1)]
    better = [predicted(truth, good, "real_synthetic", seed) for seed in (0, 1)]
    found = figures(*both, *better)
    where = ("own", "pleural_effusion")
    assert found["value"][("utility_accuracy", "real", *where)] == 0.5
    gain = found.loc[("utility_accuracy_gain", "real_synthetic-real", *where)]
    assert gain["value"] == 0.5
    assert gain["low"] <= 0.5 <= gain["high"]
    assert gain["n"] == gain["patients"] == 4


def test_the_figures_of_the_paper_stand_beside_those_of_the_same_finding(real):
    found = figures(real, ran("real_synthetic", samples=cohort(8, name="s"), options={"steps": 1}))
    published = found["published"]
    where = ("own", "pleural_effusion")
    assert published[("utility_accuracy", "real_synthetic", *where)] == 0.94
    assert published[("utility_f1_gain", "real_synthetic-real", *where)] == pytest.approx(0.05)
    assert np.isnan(published[("utility_auroc", "real", *where)])
    other = found.loc[("utility_accuracy", "real", "own", "consolidation")]
    assert np.isnan(other["published"])
    assert "the paper has 0.61 for lung opacity" in other["note"]


def test_a_shrunk_volume_keeps_its_mean_and_ends_at_the_window():
    voxels = rng().uniform(-1000, 500, (12, 20, 8))
    cube = classifier.shrunk(voxels, 4)
    assert cube.shape == (1, 4, 4, 4)
    assert float(cube.mean()) == pytest.approx((voxels.mean() + 1024) / 812 - 1, abs=1e-3)
    assert classifier.shrunk(np.full((4, 4, 4), 3000), 4).max() == 1


def test_alterations_stay_small_and_depend_on_the_generator_alone():
    images = torch.rand((3, 1, 8, 8, 8))
    nothing = dict.fromkeys(("shift", "flip", "offset", "noise"), 0)
    same = classifier.altered(images, nothing, torch.Generator())
    assert torch.equal(same, images)
    some = classification.OPTIONS["augment"]
    first, again = (classifier.altered(images, some, torch.Generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, images)


@pytest.mark.parametrize("size", sorted(classifier.SIZES))
def test_every_size_answers_for_every_finding(size):
    with torch.device("meta"):
        network = classifier.build(size, 3, torch.Generator("cpu")).eval()
        side = classifier.SIZES[size].side
        assert network(torch.zeros((1, 1, side, side, side))).shape == (1, 3)


def test_what_a_prediction_says_does_not_depend_on_its_neighbors():
    network = classifier.build("phantom", 2, torch.Generator().manual_seed(0)).eval()
    one = classifier.Classifier(network, np.array([True, False]))
    images = torch.rand((3, 1, 32, 32, 32))
    together, alone = classifier.predict(one, images), classifier.predict(one, images[1:2])
    assert together[1, 0] == alone[0, 0]
    assert np.isnan(together[:, 1]).all()


def test_options_are_plain_values():
    assert json.dumps(dict(classification.OPTIONS))
    both = classification.merged({"augment": {"flip": 0.0}, "recipes": ["medsyn"]})
    assert both["augment"] == classification.OPTIONS["augment"] | {"flip": 0.0}
    assert set(both) == set(classification.OPTIONS)


def test_the_arms_of_the_schema_are_those_of_the_task_and_its_defaults_agree():
    rules = settings.strict_load(SCHEMA)["properties"]["evaluate"]["properties"]
    own = rules["classification"]["properties"]
    assert own["arms"]["items"]["enum"] == list(classification.ARMS)
    assert own["size"]["enum"] == list(classifier.SIZES)
    known = catalogue.options("tasks", "classification")
    for name in ("folds", "samples", "size", "threshold"):
        assert own[name]["default"] == known[name]


def test_a_recipe_of_radiographs_cannot_teach_a_classifier_of_volumes():
    films = {"phantom": {"kind": "chest_xray"}}
    recipes = {"films": {"cohort": "films", "generator": "artasyn"}}
    asked = {"classification": {"recipes": ["films"]}}
    config = {"cohorts": {"films": films}, "recipes": recipes, "evaluate": asked}
    with pytest.raises(settings.ConfigurationError) as error:
        settings.checked(config, SCHEMA)
    (fault,) = error.value.faults
    message = "evaluate.classification.recipes: 'films' draws CXR; classification reads CT"
    assert fault == message
