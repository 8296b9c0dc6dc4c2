"""How pseudo-masks are measured against readers' masks and boxes."""

import numpy as np
import pandas as pd
import pytest

from radfoundry.evaluation.metrics import finding_masks

SIDE = 16
INSIDE = np.ones((SIDE, SIDE), bool)


def patch(rows, columns):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def test_a_perfect_mask_has_all_figures_at_one():
    truth = patch((2, 6), (2, 6))
    found = finding_masks.measured(truth, 1.0 * truth, truth, INSIDE)
    assert found == {"dice": 1.0, "box_iou": 1.0, "pointing": 1.0, "seen": 1.0}


def test_of_a_flat_score_pointing_is_the_chance_of_a_blind_point():
    truth = patch((0, 8), (0, 16))
    found = finding_masks.measured(~INSIDE, np.zeros((SIDE, SIDE)), truth, INSIDE)
    assert found["pointing"] == 0.5
    assert (found["dice"], found["box_iou"], found["seen"]) == (0.0, 0.0, 0.0)


def test_each_box_is_compared_with_the_part_that_fits_it_best():
    truth = patch((0, 4), (0, 4)) | patch((8, 12), (8, 12))
    mask = patch((0, 4), (0, 4)) | patch((8, 12), (8, 10))
    assert finding_masks.best_boxes(mask, truth) == pytest.approx((1 + 0.5) / 2)


def test_gains_are_paired_by_film_and_patient():
    rng = np.random.default_rng(0)
    own = {metric: rng.random(20) for metric in finding_masks.METRICS}
    cases = pd.DataFrame({"case": [f"c{n}" for n in range(20)], **own})
    cases["patient"] = cases["case"]
    worse = cases.assign(arm="null", dice=cases["dice"] - 0.1)
    rows = pd.concat([cases.assign(arm="detector"), worse])
    found = finding_masks.summarised(rows, "detector", 200, np.random.default_rng(0))
    gain = found[(found["metric"] == "dice") & (found["arm"] == "detector-null")].iloc[0]
    assert [gain["value"], gain["low"], gain["high"]] == pytest.approx([0.1] * 3)
    assert gain["n"] == 20
