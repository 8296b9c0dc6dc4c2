"""The task `anomaly`: it learns to find what it was shown, and is thresholded without peeking."""

from dataclasses import replace

import numpy as np
import pytest
from chests import chest as drawn_chest
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.evaluation.metrics import detection
from radfoundry.evaluation.tasks import anomaly
from radfoundry.evaluation.tasks.anomaly import image_scores
from radfoundry.evaluation.tasks.anomaly.pairs import (
    AnomalyPair,
    Material,
    Normal,
    normal_of,
    of_split,
)

QUICK = {"steps": 150, "batch": 8, "side": 64}


def rng(seed=0):
    return np.random.default_rng(seed)


def chest(seed, size=64):
    """Return two dark lungs in a bright body, a little noisy, never twice the same."""
    own = rng(seed)
    down, right = (g / size for g in np.indices((size, size)))
    lungs = np.zeros((size, size), bool)
    for middle in own.normal([0.3, 0.7], 0.01):
        lungs |= np.hypot((down - own.normal(0.5, 0.02)) / 0.35, (right - middle) / 0.15) < 1
    picture = ndimage.gaussian_filter(np.where(lungs, own.uniform(0.2, 0.3), 0.7), 1.5)
    noisy = np.clip(picture + own.normal(0, 0.01, picture.shape), 0, 1)
    return Normal(noisy.astype(np.float32), lungs)


def opacity(normal, seed):
    """Return a pair with a soft bright disk in a lung."""
    own = rng(seed)
    inside = np.argwhere(normal.region)
    distance = np.linalg.norm(
        np.moveaxis(np.indices(normal.picture.shape), 0, -1) - own.choice(inside), axis=-1
    )
    shape = np.clip(1.5 - distance / own.uniform(5, 9), 0, 1)
    changed = np.clip(normal.picture + own.uniform(0.2, 0.35) * shape, 0, 1).astype(np.float32)
    return AnomalyPair(normal.picture, changed, shape > 0)


@pytest.fixture(scope="module")
def normals():
    return [chest(i) for i in range(40)]


@pytest.fixture(scope="module")
def material(normals):
    train = normals[:24]
    return Material([opacity(n, 2 * i + k) for i, n in enumerate(train) for k in (0, 1)], train)


@pytest.fixture(scope="module")
def tests(normals):
    """Return pictures never trained on, their masks, and which of them show an opacity."""
    pairs = [opacity(normal, 1000 + i) for i, normal in enumerate(normals[24:])]
    shown = [p.anomalous if i % 2 else p.normal for i, p in enumerate(pairs)]
    masks = [p.mask if i % 2 else np.zeros_like(p.mask) for i, p in enumerate(pairs)]
    return shown, masks, np.arange(len(pairs)) % 2 == 1


@pytest.fixture(scope="module")
def weights(material):
    return anomaly.fit("artasyn", material, QUICK, rng())


def test_opacities_like_those_shown_are_found_in_new_pictures(weights, tests):
    shown, masks, diseased = tests
    found = anomaly.predict(weights, shown)
    assert detection.image_auroc(diseased, found.scores) > 0.9
    ill = [(m, mask) for m, mask in zip(found.maps, masks, strict=True) if mask.any()]
    assert np.mean([m[k].mean() for m, k in ill]) > 3 * np.mean([m[~k].mean() for m, k in ill])


def test_the_loss_of_every_term_is_in_the_card(weights):
    history = weights.card["history"]
    assert set(history) == {"global", "alignment", "region", "dice"}
    assert np.mean(history["dice"][-10:]) < np.mean(history["dice"][:10])


def test_the_reconstruction_arm_never_sees_an_anomaly(material):
    quick = QUICK | {"steps": 2}
    blind = anomaly.fit("reconstruction", material._replace(pairs=[]), quick, rng())
    usual = anomaly.fit("reconstruction", material, quick, rng())
    assert all((blind.state[name] == usual.state[name]).all() for name in usual.state)
    assert set(usual.card["history"]) == {"global"}


def test_an_untrained_detector_is_one_that_was_never_taught_and_finds_nothing(material, tests):
    shown, _, diseased = tests
    untrained = anomaly.fit("untrained", material, QUICK, rng())
    start = anomaly.fit("artasyn", material, QUICK | {"steps": 0}, rng())
    assert all((untrained.state[name] == start.state[name]).all() for name in start.state)
    assert untrained.card["history"] == {}
    found = anomaly.predict(untrained, shown)
    assert detection.image_auroc(diseased, found.scores) < 0.8
    threshold = anomaly.validate("untrained", untrained, material, QUICK, rng())
    assert np.isfinite(threshold)


@pytest.mark.parametrize("score", sorted(image_scores.SCORES))
def test_every_score_rises_with_an_opacity(score):
    plain = np.abs(rng().normal(0, 0.01, (32, 32)))
    spot = plain.copy()
    spot[8:12, 8:12] += 0.3
    of = image_scores.SCORES[score]
    assert of(spot, spot, 0.01) > 2 * of(plain, plain, 0.01)


def test_a_haze_on_both_sides_counts_less_than_one_on_one_side():
    one, both = np.zeros((2, 32, 32))
    one[8:12, 4:8] = both[8:12, 4:8] = both[8:12, -8:-4] = 0.3
    of = image_scores.SCORES["sides"]
    assert of(one, one, 0.01) == pytest.approx(2 * of(both, both, 0.01))


def scored(residual):
    options = anomaly.OPTIONS
    return image_scores.SCORES[options["score"]](residual, residual, options["top_fraction"])


def test_the_image_score_rises_with_a_spot_and_with_a_haze():
    plain = np.abs(rng().normal(0, 0.01, (64, 64)))
    spot, haze, both = plain.copy(), plain.copy(), plain.copy()
    spot[20:26, 10:16] += 0.3
    haze[20:50, 8:28] += 0.05
    both[20:50, 8:28] += 0.05
    both[20:50, -28:-8] += 0.05
    assert min(scored(spot), scored(haze)) > 1.5 * scored(plain)
    assert scored(both) > scored(haze)  # disease of both lungs is no less disease


def test_the_image_score_of_a_film_does_not_depend_on_its_exposure(weights):
    plain = drawn_chest("plain", 64, seed=3)
    voxels = plain.image.voxels
    darker, lighter = (
        replace(plain, image=plain.image.holding((gain * voxels + offset).astype(np.float32)))
        for gain, offset in ((0.7, 0.0), (0.8, 0.15))
    )
    pictures = [normal_of(case).picture for case in (plain, darker, lighter)]
    scores = anomaly.predict(weights, pictures).scores
    assert scores[1:] == pytest.approx(scores[0], rel=1e-3)


def test_an_unknown_score_is_told_which_there_are(weights, tests):
    with pytest.raises(ValueError, match="choose from top, sides, published"):
        anomaly.predict(weights, tests[0][:1], {"score": "mean"})


def test_maps_have_the_size_of_the_pictures_whatever_the_network_sees(weights, tests):
    found = anomaly.predict(weights, tests[0][:2])
    assert found.maps.shape == (2, 64, 64)
    large = [image.repeat(2, 0).repeat(2, 1) for image in tests[0][:1]]
    assert anomaly.predict(weights, large).maps.shape == (1, 128, 128)


def test_the_threshold_is_the_best_of_the_tune_split(weights, tests):
    shown, masks, _ = tests
    maps = anomaly.predict(weights, shown).maps
    chosen = anomaly.choose_threshold(maps, masks)
    table = sum(detection.binned(m, mask) for m, mask in zip(maps, masks, strict=True))
    assert chosen == detection.best_threshold(table)


def test_without_an_anomaly_to_tune_on_one_percent_of_normal_pixels_are_marked():
    maps = rng().random((4, 20, 20))
    chosen = anomaly.choose_threshold(maps, [np.zeros((20, 20), bool)] * 4)
    assert (maps >= chosen).mean() == pytest.approx(0.01, abs=0.002)
    with pytest.raises(ValueError, match="no tune case"):
        anomaly.choose_threshold(maps[:0], [])


def test_an_arm_is_validated_on_its_own_kind_of_anomaly(weights, material):
    threshold = anomaly.validate("artasyn", weights, material, QUICK, rng())
    assert 0.01 < threshold < 0.2
    again = anomaly.validate("artasyn", weights, material, QUICK, rng())
    assert threshold == again


def test_a_run_is_its_parts_in_order():
    plain = [drawn_chest(f"case-{i}", 64, seed=i, cohort="a") for i in range(4)]
    parts = {"train": plain[:2], "tune": plain[2:3], "test": plain[3:]}
    splits = {case.name: part for part, own in parts.items() for case in own}
    spot = np.zeros_like(plain[0].findings)
    spot[20:26, 0, 20:26] = 40
    samples = []
    for case in plain:
        image = case.image.holding(case.image.voxels + 0.2 * (spot > 0))
        facts = {"source": case.name, "split": splits[case.name]}
        samples.append(Case(f"syn-{case.name}", image, case.anatomy, spot, facts))
    quick, own = {"steps": 5, "batch": 4}, rng()
    rows = anomaly.run("artasyn", parts | {"samples": samples, "unseen": []}, quick, rng())
    train, tune = (Material(*of_split(plain, samples, splits, p)) for p in ("train", "tune"))
    weights = anomaly.fit("artasyn", train, quick, own)
    threshold = anomaly.validate("artasyn", weights, tune, quick, own)
    found = anomaly.predict(weights, [normal_of(plain[3]).picture], quick)
    by_hand = anomaly.score(found, plain[3:], threshold, [True])
    assert rows.drop(columns="finding").equals(by_hand)


def test_single_entries_of_an_option_can_be_changed():
    both = anomaly.merged({"loss": {"dice": 3.0}, "arms": ["artasyn"]})
    assert both["loss"] == anomaly.OPTIONS["loss"] | {"dice": 3.0}
    assert set(both) == set(anomaly.OPTIONS)
