"""Voxels are interpolated once, copied where that is exact, and labels never blended."""

import numpy as np
import pytest

from radfoundry.data.preprocess.resampling import Grid, grid_of, in_one_thread, resampled, steps
from radfoundry.volume import Volume

PLACED = np.array([[1.5, 0, 0, -20], [0, 2, 0, 5], [0, 0, 2.5, 100], [0, 0, 0, 1.0]])


@pytest.fixture
def image():
    voxels = np.random.default_rng(0).normal(size=(12, 10, 8)).astype(np.float32)
    return Volume(voxels, PLACED)


def moved(grid, shift, ratio=1.0, shape=None):
    """Return a grid that begins elsewhere (in voxels), with voxels of another size."""
    matrix = np.diag([ratio, ratio, ratio, 1.0])
    matrix[:3, 3] = shift
    return Grid(shape or grid.shape, grid.affine @ matrix)


@pytest.mark.parametrize("shift", [(0, 0, 0), (3, -2, 1), (-5, 4, 0), (40, 0, 0)])
def test_whole_steps_copy_voxels(image, shift):
    result = resampled(image, moved(grid_of(image), shift), outside=-9)
    padded = np.pad(image.voxels, 50, constant_values=-9)
    first = np.array(shift) + 50
    expected = padded[tuple(slice(a, a + n) for a, n in zip(first, (12, 10, 8), strict=True))]
    np.testing.assert_array_equal(result.voxels, expected)


def test_a_ramp_keeps_its_values_in_millimeters():
    at = np.indices((20, 18, 16)).astype(float)
    ramp = Volume((3 * at[0] - at[1] + 2 * at[2]).astype(np.float32), PLACED)
    target = moved(grid_of(ramp), (4.3, 5.1, 3.7), 0.7, (10, 9, 8))
    inside = steps(target, grid_of(ramp)) @ np.vstack(
        [np.indices((10, 9, 8)).reshape(3, -1), np.ones((1, 720))]
    )
    expected = 3 * inside[0] - inside[1] + 2 * inside[2]
    np.testing.assert_allclose(resampled(ramp, target).voxels.ravel(), expected, atol=1e-3)


def test_a_transform_leads_from_the_image_to_the_target(image):
    shift = np.eye(4)
    shift[:3, 3] = [3.0, -2.0, 2.5]  # whole voxels
    result = resampled(image, moved(grid_of(image), (2, -1, 1)), shift)
    np.testing.assert_array_equal(result.voxels, image.voxels)


def test_shrinking_keeps_the_amount_of_what_is_smaller_than_a_voxel():
    dot = np.zeros((41, 41, 41), np.float32)
    dot[20, 20, 20] = 1
    source = Volume(dot, np.eye(4))
    target = moved(grid_of(source), (0.5, 0.5, 0.5), 4, (10, 10, 10))
    assert resampled(source, target).voxels.sum() * 64 == pytest.approx(1, rel=0.15)


def test_labels_are_never_blended(image):
    labels = Volume(np.where(image.voxels > 0, 40, 7).astype(np.int16), PLACED)
    for ratio in (0.37, 1.9):
        result = resampled(labels, moved(grid_of(image), (0, 0, 0), ratio), order=0)
        assert result.voxels.dtype == np.int16
        assert set(np.unique(result.voxels)) <= {0, 7, 40}


def test_booleans_stay_booleans(image):
    mask = image.holding(image.voxels > 0)
    assert resampled(mask, moved(grid_of(image), (0.3, 0, 0)), order=0).voxels.dtype == bool


def test_halfway_between_two_labels_rounding_does_not_decide(image):
    labels = image.holding((image.voxels > 0).astype(np.uint8))
    halfway = moved(grid_of(image), (0.5, 0.5, 0.5))
    nudged = [Grid(halfway.shape, halfway.affine + noise) for noise in (-1e-7, 1e-7)]
    one, two = (resampled(labels, grid, order=0).voxels for grid in nudged)
    np.testing.assert_array_equal(one, two)


def test_nothing_but_the_outside_is_seen_from_far_away(image):
    far = moved(grid_of(image), (100.5, 0, 0))
    assert (resampled(image, far, outside=-1024).voxels == -1024).all()


def test_an_unknown_order_is_refused(image):
    with pytest.raises(ValueError, match="order 3"):
        resampled(image, grid_of(image), order=3)


def fail_alone():
    import SimpleITK as sitk  # noqa: N813

    with in_one_thread():
        raise KeyError(sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())


def test_threads_come_back_after_an_error():
    import SimpleITK as sitk  # noqa: N813

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    with pytest.raises(KeyError, match="1"):
        fail_alone()
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before
