"""The atlas is the mean of a cohort's lungs, and no case's own."""

import numpy as np
import pytest
from torsos import dice, torso

from radfoundry.data.preprocess import atlas, registration
from radfoundry.data.preprocess.resampling import grid_of, resampled
from radfoundry.volume import Volume

STRETCHES = (0.85, 1.0, 1.18)


def litres(mask):
    return float((mask.voxels > 0).sum() * np.prod(mask.spacing_mm) / 1e6)


@pytest.fixture(scope="module")
def masks():
    drawn = [torso(stretch=s, degrees=(0, 0, 4 * i))[1] for i, s in enumerate(STRETCHES)]
    return [lungs.holding(lungs.voxels > 0) for lungs in drawn]


@pytest.fixture(scope="module")
def built(masks):
    return atlas.build(iter(masks), (48, 40, 44), (3.0, 3.0, 3.0))


def test_the_atlas_has_the_grid_asked_for_along_ras(built):
    assert built.voxels.shape == (48, 40, 44)
    np.testing.assert_allclose(built.affine[:3, :3], 3 * np.eye(3))
    assert built.voxels.dtype == np.uint8
    assert set(np.unique(built.voxels)) == {0, 1}


def test_the_atlas_is_as_large_as_lungs_are_in_the_geometric_mean(masks, built):
    typical = np.exp(np.mean([np.log(litres(mask)) for mask in masks]))
    assert litres(built) == pytest.approx(typical, rel=0.05)


def test_the_lungs_lie_in_the_middle_of_the_grid(built):
    ends = np.array([[f(np.flatnonzero(built.voxels.any(o))) for f in (np.min, np.max)]
                     for o in ((1, 2), (0, 2), (0, 1))])  # fmt: skip
    np.testing.assert_allclose(ends.mean(1), (np.array(built.voxels.shape) - 1) / 2, atol=1.5)


def test_every_case_comes_onto_the_atlas(masks, built):
    for mask in masks:
        way = registration.affine(mask, built)
        moved = resampled(Volume(mask.voxels.astype(np.float32), mask.affine), grid_of(built),
                          way.matrix).voxels > 0.5  # fmt: skip
        assert dice(moved, built.voxels > 0) > 0.93


def test_an_atlas_that_is_there_is_taken_and_one_of_another_grid_or_without_lungs_is_refused(built):
    taken = atlas.taken(built, (48, 40, 44), "mean.nii.gz")
    assert np.array_equal(taken.voxels, built.voxels)
    with pytest.raises(ValueError, match=r"mean.nii.gz has 48 x 40 x 44.*32 x 32 x 32"):
        atlas.taken(built, (32, 32, 32), "mean.nii.gz")
    with pytest.raises(ValueError, match="marks no lungs"):
        atlas.taken(built.holding(np.zeros_like(built.voxels)), (48, 40, 44), "mean.nii.gz")


def test_without_a_spacing_the_lungs_fill_three_quarters_of_the_grid(masks):
    built = atlas.build(masks[1:2], (32, 32, 32), rounds=0)
    filled = np.ptp(np.argwhere(built.voxels), axis=0).max() + 1
    assert filled == pytest.approx(24, abs=1.5)
    assert len(set(np.round(built.spacing_mm, 6))) == 1


def test_empty_masks_do_not_count_and_all_empty_is_refused(masks):
    empty = masks[0].holding(np.zeros_like(masks[0].voxels))
    with_empty = atlas.build([empty, masks[1]], (32, 32, 32), rounds=0)
    alone = atlas.build([masks[1]], (32, 32, 32), rounds=0)
    np.testing.assert_array_equal(with_empty.voxels, alone.voxels)
    with pytest.raises(ValueError, match="at least that is not empty"):
        atlas.build([empty], (32, 32, 32))
