"""The mesh of a large lesion has the area, volume and diameters that pyradiomics gives it."""

import numpy as np
import pytest
from radiomics import shape

from radfoundry import radiomics
from radfoundry.radiomics import engine, mesh
from radfoundry.volume import Volume


@pytest.fixture(scope="module")
def extension():
    """Return pyradiomics' own function."""
    found = shape.cShape
    return getattr(found, "extension", found).calculate_coefficients


def flat(coefficients):
    """Return area, volume and diameters as one array."""
    area, volume, diameters = coefficients
    return np.array([area, volume, *diameters])


@pytest.mark.parametrize("seed", range(12))
def test_any_mask_at_any_spacing_has_the_engines_values(extension, seed):
    chance = np.random.default_rng(seed)
    inside = chance.random(chance.integers(1, 9, 3)) < chance.uniform(0.2, 0.9)
    inside.flat[0] = True
    mask, spacing_mm = np.pad(inside, 1), chance.uniform(0.4, 3.0, 3)
    found = mesh.coefficients(mask, spacing_mm, extension)
    np.testing.assert_allclose(flat(found), flat(extension(mask, spacing_mm)), rtol=1e-10)


def test_a_sheet_and_a_line_of_voxels_have_the_engines_values(extension):
    for size in ((1, 7, 5), (1, 1, 6), (1, 1, 1)):
        mask = np.pad(np.ones(size, bool), 1)
        found = mesh.coefficients(mask, np.ones(3), extension)
        np.testing.assert_allclose(flat(found), flat(extension(mask, np.ones(3))), rtol=1e-10)


def test_a_lesion_has_one_vector_whichever_way_it_is_meshed(monkeypatch):
    at = np.indices((24, 22, 20)) - 10
    mask = (at**2).sum(0) < 60
    image = Volume(at[0].astype(np.float32) * 20, np.diag([0.7, 0.8, 1.5, 1.0]))
    paired = radiomics.extract(image, mask, {})
    monkeypatch.setattr(shape, "cShape", mesh.LargeMeshes(shape.cShape.extension, least=1))
    quick = radiomics.extract(image, mask, {})
    np.testing.assert_allclose(quick, paired, rtol=1e-9)


def test_a_surface_of_three_hundred_thousand_faces_is_measured_by_default():
    at = np.indices((96, 96, 96))
    mask = (at**2).sum(0) < 90**2
    mask &= (at.sum(0) % 5 != 0) | (at[0] < 8)
    assert mesh.faces(mask) > 15 * engine.PAIRED
    found = radiomics.extract(Volume(at[0].astype(np.float32), np.eye(4)), mask, {})
    assert found.notna().all()
    assert found["original_shape_VoxelVolume"] == mask.sum()
