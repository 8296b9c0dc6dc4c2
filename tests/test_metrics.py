"""Metrics: values known by hand or from scikit-learn, and NaN where they are not defined."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from radfoundry.evaluation.metrics import comparison, detection, overlap, statistics

DRAWS = 200


def rng(seed=0):
    return np.random.default_rng(seed)


def masks(*rows):
    return [np.array(row, bool) for row in rows]


def test_dice_counts_what_two_masks_share():
    found, truth = masks([1, 1, 0, 0], [1, 0, 1, 0])
    assert overlap.dice(found, truth) == pytest.approx(0.5)


def test_an_empty_mask_has_no_dice():
    nothing, something = masks([0, 0], [0, 1])
    assert np.isnan(overlap.dice(nothing, nothing))
    assert overlap.dice(nothing, something) == 0
    assert np.isnan(
        overlap.label_dice(np.zeros(4, int), np.zeros(4, int), {"heart": (9,)})["heart"]
    )


def test_ignored_pixels_do_not_count():
    found, truth, ignored = masks([1, 1], [1, 0], [0, 1])
    assert overlap.dice(found, truth, ignored) == 1


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        overlap.dice(np.ones(3), np.ones(4))


@pytest.mark.parametrize("metric", [detection.image_auroc, detection.image_ap])
def test_one_class_alone_has_no_ranking(metric):
    assert np.isnan(metric(np.ones(4), np.arange(4)))
    assert np.isnan(metric(np.zeros(4), np.arange(4)))


def scored(n=60, seed=0):
    own = rng(seed)
    diseased = own.random(n) < 0.4
    return diseased, np.round(own.normal(size=n) + diseased, 1)  # rounded: there are ties


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (detection.weighted_auroc, roc_auc_score),
        (detection.weighted_ap, average_precision_score),
    ],
)
def test_weighted_metrics_agree_with_scikit_learn(ours, theirs):
    diseased, scores = scored()
    weights = rng(1).integers(0, 4, size=(5, 60))
    expected = [theirs(diseased, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(diseased, scores, weights), expected)


@pytest.mark.parametrize("ours", [detection.weighted_auroc, detection.weighted_ap])
def test_weights_that_leave_one_class_give_nan(ours):
    diseased, scores = scored()
    weights = np.stack([diseased, ~diseased, np.ones(60)]).astype(int)
    assert np.isnan(ours(diseased, scores, weights)).tolist() == [True, True, False]


def test_binned_pixels_give_the_average_precision_of_the_pixels():
    truth = rng().random((64, 64)) < 0.1
    scores = np.clip(0.05 * rng(1).exponential(size=truth.shape) + 0.05 * truth, 0, 1)
    found = detection.binned_ap(detection.binned(scores, truth))
    assert found == pytest.approx(average_precision_score(truth.ravel(), scores.ravel()), abs=0.01)


def test_every_pixel_that_counts_is_in_one_bin():
    scores, truth, ignored = rng().random((3, 8, 8))
    table = detection.binned(2 * scores - 0.5, truth > 0.5, ignored > 0.8)
    assert table.sum() == (ignored <= 0.8).sum()
    with pytest.raises(ValueError, match="finite"):
        detection.binned(np.array([np.nan]), np.array([True]))


def test_the_best_threshold_is_the_one_with_the_best_dice():
    truth = rng().random((40, 40)) < 0.2
    scores = np.clip(rng(1).normal(0.1 + 0.1 * truth, 0.04), 0, 1)
    chosen = detection.best_threshold(detection.binned(scores, truth))
    every = {edge: overlap.dice(scores >= edge, truth) for edge in detection.EDGES}
    assert every[chosen] == max(every.values())


def test_without_a_diseased_pixel_there_is_no_best_threshold():
    table = detection.binned(rng().random((4, 4)), np.zeros((4, 4), bool))
    assert np.isnan(detection.best_threshold(table))
    assert np.isnan(detection.binned_ap(table))


def test_wilson_stays_between_0_and_1_and_knows_nothing_of_nothing():
    low = statistics.wilson(0, 20)
    assert low.value == low.low == 0
    assert 0.1 < low.high < 0.2
    assert np.isnan(statistics.wilson(0, 0)).all()


def test_the_cases_of_a_patient_are_drawn_together():
    weights = statistics.patient_weights(["a", "b", "a", "c"], DRAWS, rng())
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    assert (weights[:, [0, 1, 3]].sum(1) == 3).all()


def test_patients_with_many_cases_widen_the_interval():
    values = np.repeat(rng().normal(size=30), 10)

    def width(patients):
        weights = statistics.patient_weights(patients, 2000, rng(1))
        found = statistics.interval(values.mean(), weights @ values / weights.sum(1))
        return found.high - found.low

    assert width(np.repeat(np.arange(30), 10)) > 2 * width(np.arange(300))


def test_an_interval_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(100):
        values = rng(seed).normal(size=50)
        weights = statistics.patient_weights(np.arange(50), 300, rng(seed + 1000))
        found = statistics.interval(values.mean(), weights @ values / 50)
        covered += found.low <= 0 <= found.high
    assert 85 <= covered <= 99


def test_limits_are_nan_where_most_draws_are_not_defined():
    drawn = np.array([np.nan, np.nan, 0.5])
    assert np.isnan(statistics.interval(0.5, drawn).low)
    assert np.isnan(statistics.interval(np.nan, np.ones(3)).high)


def test_a_paired_difference_is_narrower_than_two_intervals():
    easy = rng().normal(size=DRAWS)
    found = statistics.difference((1.0, 0.5), (easy + 1.0, easy + 0.5))
    assert found == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="not paired"):
        statistics.difference((1.0, 0.5), (easy, easy[1:]))


def predictions(quality, arms=("first", "other"), n=60):
    """Return a table of two arms and seeds; `quality` is how well each arm separates."""
    own, rows = rng(), []
    for arm, gain in zip(arms, quality, strict=True):
        for seed in (0, 1):
            for i in range(n):
                findings = ("", "opacity", "", "nodule")[i % 4]
                ill = bool(findings)
                found = np.clip(own.normal(0.2 + gain * ill, 0.05, (4, 4)), 0, 1)
                labels = np.full((4, 4), 40 * ill, np.uint8)
                row = {"arm": arm, "seed": seed, "case": f"c{i}", "patient": f"p{i // 2}"}
                row |= {"cohort": "b", "findings": findings, "score": own.normal(gain * 10 * ill)}
                rows.append(row | comparison.pixel_row(found, labels, 0.25))
    return pd.DataFrame(rows)


def figure(table, metric, arm, findings="synthesized"):
    chosen = (table["metric"] == metric) & (table["arm"] == arm) & (table["findings"] == findings)
    return table[chosen].iloc[0]


@pytest.fixture(scope="module")
def compared():
    return comparison.summarised(predictions((0.3, 0.0)), ("opacity",), DRAWS, rng())


def test_a_better_arm_gains_with_an_interval_that_excludes_0(compared):
    assert figure(compared, "image_auroc", "first")["value"] > 0.95
    assert figure(compared, "image_auroc_gain", "first-other")["low"] > 0
    assert figure(compared, "pixel_ap", "first")["value"] > 0.95


def test_findings_never_synthesized_are_a_test_set_of_their_own(compared):
    row = figure(compared, "image_auroc", "first", "never_synthesized")
    assert (row["n"], row["note"]) == (45, "15 diseased, 30 healthy")
    assert set(compared["findings"]) == {"synthesized", "never_synthesized", "opacity", "nodule"}


def test_a_value_is_the_mean_over_seeds(compared):
    frame = predictions((0.3, 0.0))
    frame = frame[(frame["arm"] == "other") & (frame["findings"] != "nodule")]
    each = [
        detection.image_auroc(r["findings"] != "", r["score"]) for _, r in frame.groupby("seed")
    ]
    assert figure(compared, "image_auroc", "other")["value"] == pytest.approx(np.mean(each))


def test_cases_that_no_one_judged_have_image_figures_only():
    frame = predictions((0.3, 0.0))
    nothing = comparison.pixel_row(np.zeros((4, 4)), None, 0.25)
    table = comparison.summarised(frame.assign(**nothing), ("opacity",), DRAWS, rng())
    assert np.isnan(figure(table, "pixel_dice", "first")["value"])
    assert np.isnan(figure(table, "pixel_ap", "first")["value"])
    assert figure(table, "image_auroc", "first")["value"] > 0.95


def test_one_class_alone_has_nan_figures():
    frame = predictions((0.3, 0.0))
    table = comparison.summarised(frame[frame["findings"] == "opacity"], ("opacity",), 20, rng())
    assert np.isnan(figure(table, "image_auroc", "first")["value"])
