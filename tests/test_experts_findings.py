"""Experts of rules, of lesions' radiomics and of findings: what each of them sees."""

from dataclasses import replace

import numpy as np
import pytest
from chests import chest
from drawn_volumes import as_sample, phantoms
from test_few_shot_lesions import case as tumour
from test_few_shot_radiographs import film

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.learners import lesion_volumes
from radfoundry.evaluation.readers import network
from radfoundry.experts import pathology, plausibility, radiomics

SMALL = (24, 24, 24)
READER = {
    "side": 32, "haar": 1, "widths": [8, 16, 16], "blocks": 1, "batch": 12,
    "settings": {"steps": 120, "learning_rate": 1e-2, "warmup": 10, "ema": 0.9},
}  # fmt: skip


def told(expert, sample, reference, **options):
    return expert.score(sample, None, reference, options)


def rules(sample, **options):
    return told(plausibility, sample, plausibility.fit([sample], {}), **options)


def relabeled(sample, **structures):
    """Return a case in whose map some structures' places are those of others."""
    labels = np.zeros_like(sample.anatomy)
    ids = {label.name: label.id for label in regions.vocabulary().structures}
    for name, place in structures.items():
        labels[place] = ids[name]
    return replace(sample, anatomy=labels)


def masks(sample, *names):
    return [regions.mask(sample.anatomy, name) for name in names]


def test_a_chest_obeys_every_rule_and_one_with_lungs_on_the_wrong_sides_does_not():
    own = chest("a")
    right, left, heart = masks(own, "lung_right", "lung_left", "heart")
    assert rules(own) == 0
    assert rules(relabeled(own, lung_right=left, lung_left=right, heart=heart)) < 0


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lung_of_a_few_pixels_breaks_a_rule(lost):
    own = chest("a")
    both = masks(own, "lung_right", "lung_left")
    both[lost] = both[lost] & (np.arange(96) < 30)
    assert rules(relabeled(own, lung_right=both[0], lung_left=both[1])) < 0


def test_a_heart_outside_of_the_chest_breaks_a_rule():
    own = chest("a")
    right, left, heart = masks(own, "lung_right", "lung_left", "heart")
    moved = np.roll(heart, 40, axis=0) & ~right & ~left
    assert rules(relabeled(own, lung_right=right, lung_left=left, heart=moved)) < 0


def test_a_ct_obeys_the_rules_until_its_airways_fall_apart_or_its_lungs_fill_up():
    own = as_sample(phantoms(1, seed=3)[0])
    assert rules(own) == 0
    airway = regions.mask(own.anatomy, "airway")
    labels = own.anatomy.copy()
    labels[airway] = 0
    corners = [(slice(1, 3),) * 3, (slice(-3, -1),) * 3]
    for corner in corners:
        labels[corner] = next(x.id for x in regions.vocabulary().structures if x.name == "airway")
    assert rules(replace(own, anatomy=labels)) < 0
    full = np.where(regions.mask(own.anatomy, "lungs"), 30, own.image.voxels)
    assert rules(replace(own, image=own.image.holding(full.astype(np.int16)))) < 0


def test_intensities_that_no_scanner_stores_break_a_rule():
    own = as_sample(phantoms(1, seed=3)[0])
    odd = own.image.holding(np.where(own.image.voxels > 0, 9000, own.image.voxels))
    assert rules(replace(own, image=odd)) < 0
    flat = chest("a")
    assert rules(replace(flat, image=flat.image.holding(flat.image.voxels * 0))) < 0


def test_a_lesion_outside_of_its_organ_breaks_a_rule():
    own = tumour("a", shape=SMALL)
    assert rules(own) == 0
    away = np.roll(own.findings, 12, axis=0)
    blank = own.anatomy.copy()
    blank[12:] = 0
    assert rules(replace(own, findings=np.where(blank > 0, 0, away), anatomy=blank)) < 0


@pytest.mark.parametrize("lost", ["lung_right", "lung_left"])
def test_a_lung_that_is_missing_beside_the_other_breaks_a_rule(lost):
    own = chest("a")
    kept = [name for name in ("lung_right", "lung_left", "heart") if name != lost]
    assert rules(relabeled(own, **dict(zip(kept, masks(own, *kept), strict=True)))) < 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_of_a_ct_breaks_no_rule_that_only_volumes_can_keep(axis):
    own = as_sample(phantoms(1, seed=3)[0])
    cut = [slice(None)] * 3
    middle = own.anatomy.shape[axis] // 2
    cut[axis] = slice(middle, middle + 1)
    parts = (part[tuple(cut)] for part in (own.image.voxels, own.anatomy, own.findings))
    voxels, anatomy, findings = parts
    one = Case("s", replace(own.image, voxels=voxels), anatomy, findings, own.facts)
    assert told(plausibility, one, {"hu": True}) == 0


@pytest.fixture(scope="module")
def lesions():
    return radiomics.fit((tumour(f"t{n}", shape=SMALL) for n in range(14)), {})


def test_lesions_that_measure_like_real_ones_score_like_them(lesions):
    real = [radiomics.score_real(tumour(f"u{n}", shape=SMALL), lesions, {}) for n in range(6)]
    assert told(radiomics, tumour("v", shape=SMALL), lesions) > min(real) - 0.5 * abs(min(real))


def test_a_lesion_that_is_too_dark_or_too_large_or_has_a_seam_scores_lower(lesions):
    own = tumour("v", shape=SMALL)
    there, image = own.findings > 0, own.image.voxels
    dark = replace(own, image=own.image.holding(np.where(there, image - 0.3, image)))
    wide = np.zeros_like(own.findings)
    wide[3:15, 3:15, 3:15] = own.findings.max()
    large = replace(own, findings=wide)
    rim = np.zeros(SMALL, bool)
    for axis in range(3):
        rim |= np.roll(there, 1, axis) | np.roll(there, -1, axis)
    seam = replace(own, image=own.image.holding(np.where(rim & ~there, 0.0, image)))
    whole = told(radiomics, own, lesions)
    assert all(told(radiomics, one, lesions) < 1.5 * whole for one in (dark, large, seam))


def test_a_sample_without_a_lesion_has_none_that_measures_wrong(lesions):
    assert told(radiomics, tumour("v", ill=False, shape=SMALL), lesions) == 0


def test_a_real_case_without_a_lesion_says_nothing_of_a_threshold(lesions):
    well = tumour("v", ill=False, shape=SMALL)
    assert np.isnan(radiomics.score_real(well, lesions, {}))
    stated = replace(well, facts=well.facts | {"findings": "tumour_core"})
    assert np.isnan(told(radiomics, stated, lesions))  # named, and nowhere outlined


def test_lesions_of_which_too_few_are_known_are_no_evidence(lesions):
    own = tumour("v", shape=SMALL)
    few = radiomics.fit([tumour(f"t{n}", shape=SMALL) for n in range(9)], {})
    assert few["findings"] == {}
    assert np.isnan(told(radiomics, own, few))
    other = replace(own, findings=np.where(own.findings > 0, 43, 0).astype(np.uint8))
    assert np.isnan(told(radiomics, other, lesions))


@pytest.mark.parametrize("shape", [(24, 24, 1), (24, 1, 24), (1, 24, 24)])
def test_lesions_of_a_slice_are_measured_in_its_plane(shape):
    cases = [tumour(f"t{n}", shape=shape) for n in range(12)]
    known = radiomics.fit(cases, {})["findings"]["tumour"]
    assert known["n"] == 12
    assert len(known["center"]) == 13


@pytest.fixture
def small(monkeypatch):
    """Let networks be as small as they still learn."""
    own = lesion_volumes.SIZES["phantom"]._replace(side=16, channels=(4, 8, 8, 8), steps=120)
    monkeypatch.setitem(lesion_volumes.SIZES, "phantom", own)
    monkeypatch.setitem(network.SIZES, "phantom", READER)
    monkeypatch.setitem(pathology.TRAINING, "learning_rate", 0.03)


def test_a_tumour_that_is_not_where_its_mask_says_agrees_less(small):
    known = pathology.fit([tumour(f"t{n}") for n in range(15)], {})
    assert known["of"] == pathology.TUMOURS
    own = tumour("v")
    elsewhere = replace(own, findings=np.roll(own.findings, 6, axis=0))
    claimed = tumour("w", ill=False)
    false = replace(claimed, findings=own.findings)
    whole = told(pathology, own, known)
    assert whole > 0.5
    assert max(told(pathology, one, known) for one in (elsewhere, false)) < 0.5 * whole


def test_a_tumour_that_was_removed_and_is_still_seen_agrees_less(small):
    known = pathology.fit([tumour(f"t{n}") for n in range(15)], {})
    own = tumour("v")
    unseen = told(pathology, tumour("w", ill=False), known)
    gone = own.facts | {"findings": ""}
    left = replace(own, findings=own.findings * 0, facts=gone)
    real = [pathology.score_real(tumour(f"u{n}"), known, {}) for n in range(6)]
    assert told(pathology, left, known) < min(real)  # and so below any threshold
    assert unseen > min(real)
    assert np.isnan(told(pathology, replace(left, facts=own.facts), known))  # named, not outlined


def test_an_empty_image_is_no_evidence_and_stops_no_job(small):
    known = pathology.fit([tumour(f"t{n}") for n in range(15)], {"steps": 2})
    own = tumour("v")
    for spoiled in (own.image.voxels * np.nan, own.image.voxels * 0):
        assert np.isnan(told(pathology, replace(own, image=own.image.holding(spoiled)), known))


def test_a_film_that_does_not_show_what_it_states_agrees_less(small):
    labeled = [marked(film(f"f{n}", n % 2 == 0)) for n in range(24)]
    known = pathology.fit(labeled, {})
    assert known["card"]["placed"] == {"opacity": True}
    pairs = [(marked(film(f"v{n}", True)), marked(film(f"w{n}"))) for n in range(6)]
    right = [told(pathology, one, known) for pair in pairs for one in pair]
    wrong = [
        told(pathology, replace(one, findings=other.findings, facts=other.facts), known)
        for pair in pairs
        for one, other in (pair, pair[::-1])
    ]
    assert np.mean(right) > np.mean(wrong) + 0.3


def marked(one: Case) -> Case:
    """Return a film with an organ: what carries no label is no evidence."""
    labels = np.zeros_like(one.anatomy)
    labels[8:24] = 18
    return replace(one, anatomy=labels)


def test_a_volume_is_held_against_the_findings_that_it_states(small, monkeypatch):
    def shaded(name, ill):
        own = tumour(name, ill=False)
        image = own.image.voxels + (0.3 if ill else 0.0)
        facts = own.facts | {"findings": "pleural_effusion" if ill else ""}
        return replace(own, image=own.image.holding(np.clip(image, 0, 1)), facts=facts)

    known = pathology.fit([shaded(f"t{n}", n % 2 == 0) for n in range(16)], {"steps": 60})
    assert (known["of"], known["card"]["findings"]) == (pathology.VOLUMES, ["pleural_effusion"])
    right, other = shaded("v", True), shaded("v", False)
    wrong = replace(other, facts=right.facts)
    assert told(pathology, right, known) > told(pathology, wrong, known) + 0.3


def test_without_cases_of_both_kinds_there_is_no_evidence_of_findings(small):
    assert pathology.fit([], {}) == {}
    assert pathology.fit([tumour(f"t{n}", ill=False) for n in range(6)], {"steps": 2}) == {}
    assert np.isnan(told(pathology, tumour("v"), {}))
