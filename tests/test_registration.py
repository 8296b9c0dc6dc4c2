"""One affine transform lays a mask on another; one that makes things worse is not used."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from torsos import torso

from radfoundry.data.preprocess import registration
from radfoundry.volume import Volume

CORNERS = np.array([[*(100 * np.array(c) - 50), 1] for c in np.ndindex(2, 2, 2)])


def mask_of(lungs):
    return lungs.holding((lungs.voxels > 0).astype(np.uint8))


@pytest.fixture(scope="module")
def fixed():
    return mask_of(torso((4.0, 4.0, 5.0), stretch=2.2)[1])


def elsewhere(mask, degrees, stretch, shift):
    """Return a mask moved by a known transform, and the transform."""
    known = np.eye(4)
    known[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * stretch
    known[:3, 3] = shift
    return Volume(mask.voxels, known @ mask.affine), known


@pytest.fixture(scope="module")
def found(fixed):
    moving, known = elsewhere(fixed, (6, -5, 8), (1.12, 0.9, 1.06), (60, -45, 300))
    return registration.affine(moving, fixed), known, moving


def test_a_known_affine_transform_is_found_to_a_millimeter(found):
    way, known, _ = found
    assert way.warnings == ()
    assert way.dice_before < 0.1
    assert way.dice_after > 0.98
    errors = (way.matrix @ known - np.eye(4)) @ (CORNERS + [12, -35, 410, 0]).T
    assert np.linalg.norm(errors, axis=0).max() < 1


def test_the_scale_of_volumes_is_told(found):
    way, known, _ = found
    assert way.volume_scale == pytest.approx(1 / np.linalg.det(known[:3, :3]), rel=0.03)


def test_equal_masks_give_equal_bits(found, fixed):
    way, _, moving = found
    again = registration.affine(moving, fixed)
    np.testing.assert_array_equal(again.matrix, way.matrix)


def test_the_threads_of_others_are_left_as_they_were(fixed):
    import SimpleITK as sitk  # noqa: N813

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    registration.affine(fixed, fixed)
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before


def test_a_mask_that_lies_right_already_stays(fixed):
    way = registration.affine(fixed, fixed)
    assert way.dice_after > 0.99
    np.testing.assert_allclose(way.matrix @ [12, -35, 410, 1], [12, -35, 410, 1], atol=0.5)


def lost(moving, fixed, start, seed):
    astray = np.eye(4)
    astray[0, 3] = 500.0
    return astray


def test_where_the_optimizer_is_lost_center_and_extent_are_used_with_a_warning(fixed, monkeypatch):
    monkeypatch.setattr(registration, "_optimized", lost)
    moving, _ = elsewhere(fixed, (0, 0, 0), 1.2, (80, 0, 0))
    way = registration.affine(moving, fixed)
    assert way.warnings == ("registration.moments",)
    assert way.dice_after > 0.95


def test_where_nothing_is_better_the_image_stays_with_a_warning(fixed, monkeypatch):
    monkeypatch.setattr(registration, "_optimized", lost)
    monkeypatch.setattr(registration, "fitted_moments", lambda *_: lost(None, None, None, 0))
    way = registration.affine(fixed, fixed)
    assert way.warnings == ("registration.identity",)
    np.testing.assert_array_equal(way.matrix, np.eye(4))
    assert way.dice_after == way.dice_before


def test_an_empty_mask_cannot_be_registered(fixed):
    with pytest.raises(ValueError, match="mask is empty"):
        registration.affine(fixed.holding(np.zeros_like(fixed.voxels)), fixed)


def test_a_coarse_mask_keeps_its_volume_and_place(fixed):
    small = registration.coarse(fixed)
    ratio = np.prod(small.spacing_mm) / np.prod(fixed.spacing_mm)
    assert small.voxels.sum() * ratio == pytest.approx(fixed.voxels.sum(), rel=0.02)
    inside = fixed.affine[:3] @ [*np.argwhere(fixed.voxels).mean(0), 1]
    np.testing.assert_allclose(registration.moments(small)[0], inside, atol=0.3)
