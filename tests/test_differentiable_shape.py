"""Shape features with gradients are the engine's."""

import numpy as np
import pytest
import torch

from radfoundry import radiomics
from radfoundry.radiomics.differentiable_shape import NAMES, shape_features
from radfoundry.volume import Volume

SPACING = {2: (0.7, 1.3), 3: (0.7, 1.3, 2.1)}


def ellipsoid(dims, axes=(7.0, 5.0, 3.5), side=20):
    """Return how far inside of an ellipsoid every voxel lies, above 0 inside."""
    at = np.indices((side,) * dims) - (side - 1) / 2
    scaled = at / np.reshape(axes[:dims], (-1, *[1] * dims))
    return 1 - np.sqrt((scaled**2).sum(0))


def elongation(depth):
    """Return the elongation of the soft mask of depths."""
    return shape_features(torch.sigmoid(depth[None] / 0.1), [(1.0, 1.0, 1.0)])["Elongation"].sum()


def of_engine(mask, spacing_mm):
    """Return the engine's shape features by their last name."""
    planar = mask.ndim == 2
    grid = mask[:, None] if planar else mask
    lengths = (spacing_mm[0], 1.0, spacing_mm[1]) if planar else spacing_mm
    volume = Volume(grid.astype(np.float32), np.diag([*lengths, 1.0]))
    found = radiomics.extract(volume, grid, {"deprecatedShapes": not planar})
    return {name.split("_")[-1]: v for name, v in found.items() if "_shape" in name}


@pytest.mark.parametrize("dims", [2, 3])
def test_a_solid_body_measures_as_the_engine_says(dims):
    mask = ellipsoid(dims) > 0
    found = shape_features(torch.from_numpy(mask)[None].double(), [SPACING[dims]])
    expected = of_engine(mask, SPACING[dims])
    assert tuple(found) == NAMES[dims]
    for name, value in found.items():
        assert float(value) == pytest.approx(expected[name], rel=1e-6), name


def test_the_surface_of_any_mask_is_the_engines_and_its_volume_nearly():
    mask = np.random.default_rng(3).random((9, 8, 7)) < 0.5
    found = shape_features(torch.from_numpy(mask)[None].double(), [SPACING[3]])
    expected = of_engine(mask, SPACING[3])
    assert float(found["SurfaceArea"]) == pytest.approx(expected["SurfaceArea"], rel=1e-9)
    assert float(found["MeshVolume"]) == pytest.approx(expected["MeshVolume"], rel=0.1)


def test_masks_of_a_batch_have_their_own_voxels():
    mask = torch.from_numpy(ellipsoid(3) > 0).double()
    both = shape_features(torch.stack([mask, mask]), [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)])
    assert float(both["MeshVolume"][1] / both["MeshVolume"][0]) == pytest.approx(8)
    assert float(both["SurfaceArea"][1] / both["SurfaceArea"][0]) == pytest.approx(4)
    assert float(both["Elongation"][1]) == pytest.approx(float(both["Elongation"][0]))


@pytest.mark.parametrize("hard", [True, False])
def test_the_gradient_says_which_way_a_mask_grows(hard):
    depth = torch.from_numpy(ellipsoid(3)).double().requires_grad_()
    soft = torch.sigmoid(depth[None] / 0.05)
    shape_features(soft, [(1.0, 1.0, 1.0)], hard)["VoxelVolume"].sum().backward()
    assert (depth.grad >= 0).all()
    assert depth.grad.sum() > 0


def test_the_slope_of_the_area_is_what_turning_a_voxel_changes():
    mask = torch.from_numpy(ellipsoid(3) > 0).double()
    place = (9, 9, 13)
    assert not mask[place]
    soft = (0.9 * mask + 0.05)[None].requires_grad_()
    area = shape_features(soft, [(1.0, 1.0, 1.0)])["SurfaceArea"]
    area.sum().backward()
    turned = mask.clone()
    turned[place] = 1
    after = shape_features(turned[None], [(1.0, 1.0, 1.0)])["SurfaceArea"]
    assert float(soft.grad[0][place]) == pytest.approx(float(after - area.detach()), rel=1e-9)


def test_a_step_against_the_gradient_of_elongation_makes_a_ball_longer():
    depth = torch.from_numpy(ellipsoid(3, (5.0, 4.9, 5.1), 12)).double().requires_grad_()
    before = elongation(depth)
    (slope,) = torch.autograd.grad(before, depth)
    after = elongation(depth - 0.1 * slope / slope.abs().max())
    assert float(after.detach()) < float(before.detach()) - 0.02


def test_an_empty_mask_gives_numbers_and_gradients_that_are_finite():
    soft = torch.full((1, 6, 6, 6), 0.01, dtype=torch.float64, requires_grad=True)
    found = shape_features(soft, [(1.0, 1.0, 1.0)])
    torch.stack(list(found.values())).sum().backward()
    assert torch.isfinite(soft.grad).all()
    assert all(torch.isfinite(value).all() for value in found.values())
