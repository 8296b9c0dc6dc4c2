"""Experts on CT: what each of them sees in a drawn volume, and that radiographs score as before."""

import json
from dataclasses import replace

import numpy as np
import pytest
from chests import chest
from drawn_volumes import as_sample, phantoms
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.config.catalogue import load, names

FAST = {"lobes": False, "vessels": False, "heart": False, "pleural": False}
EXPERTS = [
    name for name in names("experts") if name not in ("pathology", "radiomics")
]  # of the ill
OPTIONS = {"anatomy": {"segmenter": "threshold", "segmenter_options": FAST, "repeats": 2}}


@pytest.fixture(scope="module")
def train():
    return phantoms(14, seed=1)


@pytest.fixture(scope="module")
def tune():
    return phantoms(5, seed=2)


@pytest.fixture(scope="module")
def sample():
    return as_sample(phantoms(6, seed=2)[5])


@pytest.fixture(scope="module")
def references(train):
    return {name: load("experts", name).fit(train, OPTIONS.get(name, {})) for name in EXPERTS}


@pytest.fixture(scope="module")
def real(tune, references):
    """Return each expert's scores of real cases."""
    return {
        name: [
            load("experts", name).score_real(case, references[name], OPTIONS.get(name, {}))
            for case in tune
        ]
        for name in references
    }


@pytest.fixture
def score(references):
    def measured(name, drawn, source=None):
        options = OPTIONS.get(name, {})
        return load("experts", name).score(drawn, source, references[name], options)

    return measured


def holding(case, voxels):
    return replace(case, image=case.image.holding(voxels.astype(case.image.voxels.dtype)))


@pytest.mark.parametrize("name", EXPERTS)
def test_a_drawn_chest_scores_like_real_ones(name, sample, real, score):
    assert np.isfinite(real[name]).all()
    assert score(name, sample) >= min(real[name]) - 0.5 * abs(min(real[name]))


@pytest.mark.parametrize("name", EXPERTS)
def test_references_survive_json_and_inputs_are_left_alone(name, sample, references):
    before = [part.copy() for part in (sample.image.voxels, sample.anatomy, sample.findings)]
    expert, options = load("experts", name), OPTIONS.get(name, {})
    again = json.loads(json.dumps(references[name]))
    scores = [expert.score(sample, None, r, options) for r in (references[name], again)]
    assert scores[0] == scores[1]
    after = (sample.image.voxels, sample.anatomy, sample.findings)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_real_anatomy_is_scored_alike_twice_and_asks_for_no_identity(tune, references, real):
    expert = load("experts", "anatomy")
    again = expert.score_real(tune[0], references["anatomy"], OPTIONS["anatomy"])
    assert again == real["anatomy"][0]
    assert 0.6 < min(real["anatomy"]) <= max(real["anatomy"]) < 0.98


def test_labels_of_another_chest_lower_the_anatomy_score(sample, train, real, score):
    other = replace(sample, anatomy=np.roll(sample.anatomy, 5, axis=2))
    assert score("anatomy", sample) > 0.97
    assert score("anatomy", other) < min(real["anatomy"])


def test_a_lung_missing_from_image_or_labels_is_no_agreement(sample, score):
    lung = regions.mask(sample.anatomy, "lung_left")
    filled = holding(sample, np.where(lung, 40, sample.image.voxels))
    unlabeled = replace(sample, anatomy=np.where(lung, 0, sample.anatomy))
    both = replace(filled, anatomy=unlabeled.anatomy)
    assert [score("anatomy", drawn) for drawn in (filled, unlabeled, both)] == [0, 0, 0]


def test_a_volume_without_labels_has_no_anatomy_score(sample, score):
    assert np.isnan(score("anatomy", replace(sample, anatomy=np.zeros_like(sample.anatomy))))


def test_a_small_nodule_is_plausible_and_one_outside_the_lungs_is_not(sample, score):
    lungs = np.argwhere(ndimage.binary_erosion(regions.mask(sample.anatomy, "lungs"), iterations=2))
    nodule, stray = np.zeros_like(sample.findings), np.zeros_like(sample.findings)
    nodule[tuple(lungs[0])] = stray[1, 1, 1] = regions.label_id("nodule")
    assert score("anatomy", replace(sample, findings=nodule)) > 0.9
    assert score("anatomy", replace(sample, findings=stray)) == 0


def test_outlined_findings_of_real_cases_do_not_move_the_limit(tune, references, real):
    marks = np.full_like(tune[0].findings, regions.label_id("nodule"))
    ill = replace(tune[0], findings=marks)
    expert = load("experts", "anatomy")
    again = expert.score_real(ill, references["anatomy"], OPTIONS["anatomy"])
    assert again == real["anatomy"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda hu: hu,
        lambda hu: hu[::-1],
        lambda hu: 0.9 * hu + 50,
        lambda hu: hu + np.random.default_rng(0).normal(0, 40, hu.shape),
        lambda hu: np.roll(hu, 1, axis=0),
    ],
    ids=["exact", "mirrored", "brightness", "noisy", "shifted"],
)
def test_a_planted_copy_of_any_training_volume_is_not_new(change, train, real, score):
    copy = holding(train[4], change(train[4].image.voxels))
    assert score("novelty", copy) < 0.1 < min(real["novelty"]) / 2


def test_a_copy_of_the_only_training_volume_is_not_new(train):
    novelty = load("experts", "novelty")
    assert novelty.score(train[0], None, novelty.fit(train[:1], {}), {}) < 0.01


def test_only_a_given_image_may_resemble_its_source(train, real, score):
    copy = replace(train[4], facts={**train[4].facts, "source": train[4].name})
    assert score("novelty", copy) < 0.01
    assert score("novelty", copy, source=train[4]) > min(real["novelty"]) / 2


def test_how_many_training_volumes_are_compared_at_once_changes_nothing(sample, score, monkeypatch):
    together = score("novelty", sample)
    monkeypatch.setattr(load("experts", "novelty"), "AT_ONCE", 3)
    assert score("novelty", sample) == pytest.approx(together, abs=1e-9)


def test_without_training_volumes_novelty_has_no_evidence(sample):
    novelty = load("experts", "novelty")
    assert np.isnan(novelty.score(sample, None, novelty.fit([], {}), {}))


def test_a_repeated_volume_is_a_twin_whatever_its_source(sample, tune):
    noisy = sample.image.voxels + np.random.default_rng(0).normal(0, 30, sample.image.voxels.shape)
    again = replace(holding(sample, noisy), name="again", facts={**sample.facts, "source": "b"})
    others = [replace(case, name=f"other-{n}") for n, case in enumerate(tune)]
    found = load("experts", "novelty").twins([sample, *others, again], {})
    assert found == {"again": sample.name}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hu: ndimage.gaussian_filter(hu, 1),
        lambda hu: hu + np.random.default_rng(0).normal(0, 100, hu.shape),
        lambda hu: -424 - hu,
        lambda hu: np.zeros_like(hu),
        lambda hu: hu + 150,
    ],
    ids=["blurred", "noisy", "inverted", "constant", "brighter"],
)
def test_a_spoiled_volume_is_less_real_than_any_tune_case(spoil, sample, real, score):
    assert score("realism", holding(sample, spoil(sample.image.voxels))) < min(real["realism"])


def test_realism_finds_the_lungs_of_a_volume_without_labels(sample, score):
    bare = replace(sample, anatomy=np.zeros_like(sample.anatomy))
    assert score("realism", bare) == pytest.approx(score("realism", sample))
    empty = holding(bare, np.full_like(bare.image.voxels, -1024))
    assert np.isnan(score("realism", empty))


def test_radiographs_score_as_before_volumes_were_judged():
    train = [chest(f"train-{i}", seed=i, width=0.9 + i / 80) for i in range(14)]
    realism, novelty = load("experts", "realism"), load("experts", "novelty")
    assert realism.score_real(train[3], realism.fit(train, {}), {}) == pytest.approx(
        -0.5373659234969944
    )
    assert novelty.score_real(train[3], novelty.fit(train, {}), {}) == pytest.approx(
        0.2728260961770146
    )
