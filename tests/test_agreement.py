"""Two segmenters are compared where both claim, and silence is never agreement."""

import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import agreement

SHAPE = (40, 30, 20)
RIGHT = tuple(f"lung_{level}_lobe_right" for level in ("upper", "middle", "lower"))


def box(*limits):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(*pair) for pair in limits)] = True
    return mask


def lungs(shift=0, **others):
    right = box((22 + shift, 34 + shift), (5, 25), (4, 16))
    return regions.compose({"lung_right": right, **others})


def test_lobes_and_lungs_compare_as_lungs():
    assert agreement.shared_regions(RIGHT, ("lung_right", "heart")) == ("lung_right",)
    left = ("lung_upper_lobe_left", "lung_lower_lobe_left")
    both = agreement.shared_regions((*RIGHT, *left), ("lung_right", "lung_left"))
    assert both == ("lung_right", "lung_left", "lungs")


def test_a_region_that_only_one_claims_is_not_compared():
    assert agreement.shared_regions(RIGHT[:2], ("lung_right",)) == ()
    assert agreement.second_opinion(lungs(), lungs(), (("heart",), ("lung_right",))) == {}


def test_equal_maps_agree_at_no_distance():
    found = agreement.second_opinion(lungs(), lungs(), (("lung_right",), ("lung_right",)))
    assert found == {"lung_right": agreement.Agreement(1.0, 0.0)}


def test_a_lobe_map_equals_a_lung_map_of_the_same_lung():
    lobes = np.where(lungs() > 0, regions.label_id("lung_upper_lobe_right"), 0).astype(np.uint8)
    found = agreement.second_opinion(lobes, lungs(), (RIGHT, ("lung_right",)))
    assert found["lung_right"].dice == 1


def test_a_shift_is_measured_in_millimeters():
    pair = lungs(), lungs(shift=3)
    found = agreement.second_opinion(*pair, (("lung_right",),) * 2, (2.0, 1.0, 1.0))["lung_right"]
    assert found.dice == pytest.approx(9 / 12)
    assert found.distance_mm == pytest.approx(6)


def test_what_both_leave_out_is_no_agreement():
    found = agreement.second_opinion(lungs(), lungs(), (("heart",), ("heart",)))["heart"]
    assert math.isnan(found.dice)
    assert math.isnan(found.distance_mm)
    assert found.note == "both absent"
    assert agreement.opinion(found, 0.0) == "both absent"


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_leaves_out_is_disagreement(order):
    heart = lungs(heart=box((10, 20), (5, 15), (4, 10)))
    pair = (heart, lungs())[::order]
    found = agreement.second_opinion(*pair, (("heart",), ("heart",)))["heart"]
    assert found.dice == 0
    assert math.isnan(found.distance_mm)
    assert found.note == {1: "absent in second", -1: "absent in first"}[order]
    assert agreement.opinion(found, 0.0) == "disagree"


def test_the_limits_decide():
    found = agreement.Agreement(0.9, 4.0)
    assert agreement.opinion(found, 0.9) == "agree"
    assert agreement.opinion(found, 0.91) == "disagree"
    assert agreement.opinion(found, 0.9, most_mm=3.9) == "disagree"
    with pytest.raises(ValueError, match="least Dice"):
        agreement.opinion(found, 90)


def blobs(seed, shape):
    """Return two overlapping rough masks of one shape."""
    rng = np.random.default_rng(seed)
    away = sum((np.arange(n).reshape([-1 if a == i else 1 for a in range(len(shape))]) - n / 2) ** 2
               for i, n in enumerate(shape))  # fmt: skip
    return [away < radius**2 * rng.uniform(0.7, 1.3, shape) for radius in (7, 9)]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.5, 3.0)])
def test_the_surface_distance_is_that_of_monai(spacing):
    first, second = blobs(0, (30, 28, 26))
    pair = (torch.as_tensor(mask)[None, None] for mask in (first, second))
    theirs = compute_hausdorff_distance(*pair, percentile=95, spacing=spacing).item()
    assert agreement.surface_distance(first, second, spacing) == pytest.approx(theirs, abs=1e-4)


def test_a_radiograph_is_compared_as_a_picture():
    first, second = blobs(1, (40, 30))
    pair = (torch.as_tensor(mask)[None, None] for mask in (first, second))
    theirs = compute_hausdorff_distance(*pair, percentile=95, spacing=(0.5, 0.5)).item()
    planes = (mask[:, None, :] for mask in (first, second))
    ours = agreement.surface_distance(*planes, (0.5, 9.0, 0.5))
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_maps_of_different_shape_or_with_foreign_values_are_refused():
    film = volume.plane(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match="differ in shape"):
        agreement.second_opinion(film, lungs(), ((), ()))
    with pytest.raises(ValueError, match="99"):
        agreement.second_opinion(film + np.uint8(99), film, ((), ()))
