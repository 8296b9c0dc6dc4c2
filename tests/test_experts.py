"""Promises every expert keeps, and what each of them sees."""

import json
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from chests import chest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.config.catalogue import load, names
from radfoundry.generators import artasyn
from radfoundry.volume import picture, plane


def perfect(options, weights=None, device="cpu"):
    """Prepare a planted segmenter: dark regions inside the body are lungs, by side."""

    def segment(image):
        smooth = ndimage.gaussian_filter(picture(image.voxels).astype(float), 2)
        dark = (smooth < 0.52) & ndimage.binary_erosion(smooth > 0.05, iterations=8)
        right = np.arange(dark.shape[1]) < dark.shape[1] / 2
        return plane(regions.compose({"lung_right": dark & right, "lung_left": dark & ~right}))

    return segment


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    module = load("experts", "anatomy")
    monkeypatch.setattr(module, "load", lambda kind, name: SimpleNamespace(prepare=perfect))


@pytest.fixture(scope="module")
def train():
    return [chest(f"train-{i}", seed=i, width=0.9 + i / 80) for i in range(14)]


@pytest.fixture(scope="module")
def sample(train):
    asked = {"shape": "patch", "strength": 0.6, "sides": "left", "detail": 0.4}
    request = {"request": "s0", "seed": 2, "parameters": json.dumps(asked)}
    return artasyn.draw(request, train[0])


@pytest.fixture(params=names("experts"))
def expert(request):
    return load("experts", request.param)


@pytest.fixture(scope="module")
def ill(train):
    """Return the same patients, and each again with an opacity: what experts of lesions need."""
    return [*train, *(painted(case, f"{case.name}-ill", n) for n, case in enumerate(train))]


def painted(case, name, seed):
    asked = {"shape": "patch", "strength": 0.6, "sides": "left", "detail": 0.4}
    request = {"request": name, "seed": seed, "parameters": json.dumps(asked)}
    return replace(artasyn.draw(request, case), name=name)


@pytest.fixture
def of_lesions(expert):
    return expert.__name__.endswith(("radiomics", "pathology"))


@pytest.fixture
def options(expert):
    return {"steps": 4} if expert.__name__.endswith("pathology") else {}


@pytest.fixture
def taught(of_lesions, train, ill):
    return ill if of_lesions else train


@pytest.fixture
def reference(expert, taught, options):
    return expert.fit(taught, options)


def holding(case, picture_):
    return replace(case, image=case.image.holding(plane(picture_.astype(np.float32))))


def pasted(sample, source, other):
    inside = picture(sample.findings) > 0
    return holding(sample, np.where(inside, picture(other.image.voxels), shown(source)))


def shown(case):
    return picture(case.image.voxels)


def test_a_reference_survives_json(expert, reference, train, sample):
    again = json.loads(json.dumps(reference))
    scores = [expert.score(sample, train[0], r, {}) for r in (reference, again)]
    assert scores[0] == scores[1]


def test_a_reference_is_learned_from_cases_that_are_read_on_the_way(
    expert, reference, taught, options
):
    alive = []

    def read():
        for case in taught:
            own = replace(case)
            alive.append(weakref.ref(own))
            assert sum(one() is not None for one in alive) <= 2  # this one, and the one before
            yield own
            del own

    assert json.dumps(expert.fit(read(), options)) == json.dumps(reference)


def test_real_cases_score_finite_and_alike_twice(expert, reference, of_lesions):
    case = chest("tune-1", seed=50)
    case = painted(case, case.name, 50) if of_lesions else case
    scores = [expert.score_real(case, reference, {}) for _ in range(2)]
    assert np.isfinite(scores[0])
    assert scores[0] == scores[1]


def test_a_drawn_sample_scores_like_a_real_case(expert, reference, train, sample, of_lesions):
    tune = [chest(f"tune-{i}", seed=50 + i) for i in range(6)]
    tune = [painted(case, case.name, 60 + n) if of_lesions else case for n, case in enumerate(tune)]
    real = [expert.score_real(case, reference, {}) for case in tune]
    assert expert.score(sample, train[0], reference, {}) >= min(real) - 0.5 * abs(min(real))


def test_experts_leave_their_inputs_alone(expert, train, sample, taught, options):
    before = [a.copy() for c in (sample, train[0]) for a in (c.image.voxels, c.anatomy, c.findings)]
    reference = expert.fit(taught, options)
    expert.score(sample, train[0], reference, {})
    expert.score_real(train[1], reference, {})
    after = [a for c in (sample, train[0]) for a in (c.image.voxels, c.anatomy, c.findings)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_case_without_labels_is_no_evidence(expert, reference, sample):
    bare = replace(sample, anatomy=np.zeros_like(sample.anatomy), findings=sample.findings * 0)
    assert np.isnan(expert.score_real(bare, reference, {}))


def score(name, sample, source, train, options=None):
    module = load("experts", name)
    return module.score(sample, source, module.fit(train, options or {}), options or {})


def test_a_lost_lung_lowers_the_anatomy_score(sample, train):
    whole = score("anatomy", sample, train[0], train)
    white = np.where(picture(regions.mask(sample.anatomy, "lung_right")), 0.8, shown(sample))
    assert whole > 0.7
    assert score("anatomy", holding(sample, white), train[0], train) < 0.2


def whitened(sample, region):
    """Return the sample with a lesion that hides a region, as white lungs hide their outline."""
    lesion = np.where(region, regions.label_id("opacity"), 0).astype(np.uint8)
    white = np.where(picture(region), 0.8, shown(sample)) + 0.0
    return replace(holding(sample, white), findings=lesion)


@pytest.mark.parametrize("rows", [(0.4, 0.55), (0.3, 0.7), (0, 1)], ids=["third", "most", "whole"])
def test_the_anatomy_under_a_lesion_is_the_sources(train, rows):
    lung, height = regions.mask(train[0].anatomy, "lung_right"), np.arange(96)
    top, bottom = (1 - share for share in rows[::-1])
    within = (height >= top * len(height)) & (height <= bottom * len(height))
    ill, unedited = whitened(train[0], lung & within), train[0]
    limits = {"lesion_fraction": [0, 1]}
    whole = score("anatomy", unedited, unedited, train, limits)
    assert score("anatomy", ill, unedited, train, limits) == pytest.approx(whole, abs=1e-6)


def test_what_an_edit_changes_outside_its_lesion_is_seen(sample, train):
    lungs = {side: regions.mask(sample.anatomy, f"lung_{side}") for side in ("right", "left")}
    ill = whitened(sample, lungs["right"])
    both = holding(ill, np.where(picture(lungs["left"]), 0.8, shown(ill)))
    assert score("anatomy", both, train[0], train) < 0.2


def test_a_lesion_outside_the_lungs_lowers_the_anatomy_score(sample, train):
    outside = np.where(regions.mask(sample.anatomy, "lungs"), 0, 40).astype(np.uint8)
    moved = replace(sample, findings=outside)
    options = {"lesion_fraction": [0, 10]}
    assert score("anatomy", moved, train[0], train, options) < 0.5


@pytest.mark.parametrize("limits", [[0.9, 1], [0, 0.001]])
def test_a_lesion_of_impossible_size_has_no_anatomy_score_left(sample, train, limits):
    assert score("anatomy", sample, train[0], train, {"lesion_fraction": limits}) == 0


def test_an_edit_that_changed_nothing_is_not_new(sample, train):
    assert score("novelty", holding(sample, shown(train[0])), train[0], train) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image[:, ::-1],
        lambda image: np.clip(0.8 * image + 0.05 * (image > 0), 0, 1),
        lambda image: np.roll(image, 1, axis=1),
    ],
    ids=["exact", "mirrored", "brightness", "shifted"],
)
def test_a_copy_of_a_training_image_is_not_new(sample, train, change):
    copy = holding(sample, change(shown(train[3])))
    assert score("novelty", copy, train[0], train) < 0.1
    assert score("novelty", sample, train[0], train) > 0.2


def test_a_piece_of_another_patient_pasted_in_is_not_new(sample, train):
    assert score("novelty", pasted(sample, train[0], train[5]), train[0], train) < 0.1


def test_what_starts_from_no_image_is_no_news_if_it_repeats_its_sources_patient(sample, train):
    copy = holding(sample, shown(train[0]))
    assert score("novelty", copy, None, train) < 0.1


def test_novelty_correlates_a_region_with_every_shift_and_mirror_image_of_what_is_known():
    rng, novelty = np.random.default_rng(3), load("experts", "novelty")
    thumb, region = rng.random((12, 12)), np.zeros((12, 12), bool)
    region[4:9, 5:11] = region[0, 0] = True
    known = rng.random((5, 12, 12))
    level = novelty.surfaces(region, 0)
    direct = max(
        np.corrcoef(thumb[region], np.roll(other, shift, (0, 1))[region])[0, 1]
        for one in known
        for other in (one, one[:, ::-1])
        for shift in novelty.SHIFTS
    )
    assert novelty.nearest(thumb, region, known, level) == pytest.approx(direct, abs=1e-9)


def test_without_another_patient_novelty_has_no_evidence(sample, train):
    assert np.isnan(score("novelty", sample, train[0], train[:1]))


def test_a_repeated_sample_is_a_twin_of_the_first(sample, train):
    novelty = load("experts", "novelty")
    asked = {"shape": "patch", "strength": 0.6, "sides": "left", "detail": 0.4}
    request = {"request": "other", "seed": 9, "parameters": json.dumps(asked)}
    other = artasyn.draw(request, train[0])
    cases = [sample, other, replace(sample, name="again")]
    assert novelty.twins(cases, {}) == {"again": sample.name}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: ndimage.gaussian_filter(image, 2),
        lambda image: np.clip(image + np.random.default_rng(0).normal(0, 0.1, image.shape), 0, 1),
        lambda image: np.where(image > 0, 1 - image, 0),
        lambda image: np.full_like(image, 0.5),
    ],
    ids=["blurred", "noisy", "inverted", "constant"],
)
def test_a_spoiled_image_is_less_real_than_any_tune_case(sample, train, spoil):
    realism = load("experts", "realism")
    reference = realism.fit(train, {})
    real = [realism.score_real(chest(f"t{i}", seed=60 + i), reference, {}) for i in range(6)]
    assert realism.score(holding(sample, spoil(shown(sample))), None, reference, {}) < min(real)


def test_too_few_training_images_are_no_evidence_of_realism(sample, train):
    assert np.isnan(score("realism", sample, train[0], train[:5]))
