"""Detection metrics equal scikit-learn's, for one set of cases or many re-weighted ones."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from radfoundry.evaluation.metrics import detection

REFERENCES = [
    (detection.weighted_auroc, roc_auc_score),
    (detection.weighted_ap, average_precision_score),
]


def cases(decimals, n=40, seed=0):
    """Return truths and scores; few decimals give ties."""
    rng = np.random.default_rng(seed)
    diseased = rng.random(n) < 0.4
    return diseased, np.round(rng.normal(diseased * 0.8), decimals)


def pixels(seed=0, n=20000):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.05
    return np.clip(rng.exponential(0.02 + 0.06 * truth), 0, 1), truth


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize(("ours", "theirs"), REFERENCES)
def test_weighted_metrics_equal_scikit_learn_row_by_row(ours, theirs, decimals):
    diseased, scores = cases(decimals)
    weights = np.random.default_rng(1).integers(0, 4, size=(5, len(scores)))
    expected = [theirs(diseased, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(diseased, scores, weights), expected, atol=1e-12)


@pytest.mark.parametrize("decimals", [0, 6])
def test_equal_weights_give_the_metrics_of_the_cases_themselves(decimals):
    diseased, scores = cases(decimals)
    once = np.ones((1, len(scores)), int)
    auroc, ap = (f(diseased, scores, once)[0] for f, _ in REFERENCES)
    assert auroc == pytest.approx(detection.image_auroc(diseased, scores))
    assert ap == pytest.approx(detection.image_ap(diseased, scores))


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("metric", [detection.image_auroc, detection.image_ap])
def test_one_class_alone_has_no_detection_figure(metric, value):
    assert math.isnan(metric(np.full(4, value), np.arange(4.0)))


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(("metric", "_"), REFERENCES)
def test_a_draw_with_one_class_alone_has_no_detection_figure(metric, _, value):
    diseased = np.array([True, False, True, False])
    weights = np.stack([diseased == value, np.ones(4, bool)]).astype(int)
    found = metric(diseased, np.arange(4.0), weights)
    assert np.isnan(found).tolist() == [True, False]


def test_the_order_of_tied_cases_does_not_matter():
    diseased, scores = np.array([True, False, True, False]), np.zeros(4)
    once = np.ones((1, 4), int)
    for turn in range(4):
        turned = np.roll(diseased, turn)
        assert detection.weighted_auroc(turned, scores, once)[0] == 0.5
        assert detection.weighted_ap(turned, scores, once)[0] == 0.5


def test_pixel_precision_from_bins_is_close_to_scikit_learn():
    scores, truth = pixels()
    found = detection.binned_ap(detection.binned(scores, truth))
    assert found == pytest.approx(average_precision_score(truth, scores), abs=0.01)


def test_bins_of_two_pictures_add_up_to_those_of_both_together():
    (one, here), (two, there) = pixels(1, 500), pixels(2, 700)
    apart = detection.binned(one, here) + detection.binned(two, there)
    together = detection.binned(np.append(one, two), np.append(here, there))
    np.testing.assert_array_equal(apart, together)


def test_every_pixel_that_is_not_ignored_is_in_one_bin():
    scores, truth = np.array([0, 0.5, 1, 2, -1]), np.array([0, 1, 1, 0, 0], bool)
    table = detection.binned(scores, truth, ignored=np.array([0, 1, 0, 0, 0], bool))
    assert table.sum(1).tolist() == [3, 1]
    assert table.shape == (2, len(detection.EDGES) - 1)


def test_pixel_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        detection.binned(np.array([0.1, np.nan]), np.array([True, False]))


def test_without_diseased_pixels_there_is_no_precision_and_no_threshold():
    table = detection.binned(np.linspace(0, 1, 9), np.zeros(9, bool))
    assert math.isnan(detection.binned_ap(table))
    assert math.isnan(detection.best_threshold(table))


def test_the_best_threshold_has_the_best_dice_of_all_edges():
    scores, truth = pixels()
    found = detection.best_threshold(detection.binned(scores, truth))
    dices = {
        edge: 2 * (truth & (scores >= edge)).sum() / (truth.sum() + (scores >= edge).sum())
        for edge in detection.EDGES[:-1]
    }
    assert dices[found] == max(dices.values())
