"""Lobes of the lungs: drawn fissures, the atlas, cut-off lungs, phantoms."""

import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct.lobes import lobes
from radfoundry.anatomy.chest_ct.vessels import vessels
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics.overlap import dice

SPACING_MM = (3.0, 3.0, 3.0)
SHAPE = (80, 56, 72)
NAMES = {
    "lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right",
    "lung_upper_lobe_left", "lung_lower_lobe_left",
}  # fmt: skip


@pytest.fixture
def chest():
    """Return HU, the right and the left lung: two ellipsoids."""
    x, y, z = np.indices(SHAPE)
    right, left = (
        ((x - middle) / 16) ** 2 + ((y - 28) / 24) ** 2 + ((z - 36) / 33) ** 2 < 1
        for middle in (60, 20)
    )
    noise = np.random.default_rng(4).normal(0, 12, SHAPE)
    return (np.where(right | left, -850, 40) + noise).astype(np.float32), right, left


def oblique(bend=0.0):
    """Return the height of a drawn oblique fissure over each column, away from the atlas."""
    x, y = np.indices(SHAPE[:2])
    return 44 - 1.1 * (y - 28) + bend * ((y - 28) / 10) ** 2 - 0.1 * (x % 40)


def with_fissure(image, heights):
    """Return the image with a thin bright sheet."""
    off = np.abs(np.arange(SHAPE[2]) - heights[..., None])
    share = np.maximum(1 - off / 1.5, 0) * 0.15 * (image < -500)
    return (image + share * (40 - image)).astype(np.float32)


def cut(image, right, left):
    """Return the lobes without vessels and bronchi to mind."""
    nothing = np.zeros(SHAPE, bool)
    return lobes(image, right, left, nothing, nothing, SPACING_MM)


def test_five_lobes_fill_both_lungs_without_overlap(chest):
    masks, _ = cut(*chest)
    assert set(masks) == NAMES
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), chest[1] | chest[2])


@pytest.mark.parametrize("bend", [0.0, 1.5])
def test_lobes_are_cut_along_a_fissure_that_is_seen(chest, bend):
    image, right, left = chest
    truth = left & (np.arange(SHAPE[2]) < oblique(bend)[..., None])
    masks, how = cut(with_fissure(image, oblique(bend)), right, left)
    assert how["left"] == "fissures"
    assert dice(masks["lung_lower_lobe_left"], truth) > 0.97


def test_without_a_fissure_the_atlas_cuts_and_says_so(chest):
    masks, how = cut(*chest)
    assert how == {"right": "atlas", "left": "atlas"}
    for side in ("right", "left"):
        upper, lower = (
            ndimage.center_of_mass(masks[f"lung_{name}_lobe_{side}"]) for name in ("upper", "lower")
        )
        assert upper[2] > lower[2]
        assert upper[1] > lower[1]  # the lower lobe lies behind


def test_the_middle_lobe_lies_below_the_upper_and_before_the_lower(chest):
    masks, _ = cut(*chest)
    upper, middle, lower = (
        ndimage.center_of_mass(masks[f"lung_{name}_lobe_right"])
        for name in ("upper", "middle", "lower")
    )
    assert middle[2] < upper[2]
    assert middle[1] > lower[1]


def test_a_lung_that_is_not_there_has_no_lobes(chest):
    image, right, left = chest
    masks, how = cut(image, right, np.zeros_like(left))
    assert how["left"] == "absent"
    assert not masks["lung_upper_lobe_left"].any()
    assert not masks["lung_lower_lobe_left"].any()


def test_lung_bases_alone_are_mostly_lower_lobe(chest):
    image, right, left = (a[:, :, :16] for a in chest)
    nothing = np.zeros(image.shape, bool)
    masks, _ = lobes(image, right, left, nothing, nothing, SPACING_MM)
    assert masks["lung_lower_lobe_left"].sum() > 0.6 * left.sum()


def test_apices_alone_have_no_middle_lobe(chest):
    image, right, left = (a[:, :, 56:] for a in chest)
    nothing = np.zeros(image.shape, bool)
    masks, _ = lobes(image, right, left, nothing, nothing, SPACING_MM)
    assert not masks["lung_middle_lobe_right"].any()
    assert masks["lung_upper_lobe_left"].sum() > 0.6 * left.sum()


def test_the_horizontal_fissure_parts_middle_from_upper_lobe(chest):
    image, right, left = chest
    slope, level = oblique(), np.full(SHAPE[:2], 41.0)
    z = np.arange(SHAPE[2])
    ahead = with_fissure(image, level)
    both = with_fissure(np.where(z < slope[..., None], image, ahead), slope)
    masks, how = cut(both, right, left)
    truth = right & (z >= slope[..., None]) & (z < level[..., None])
    assert how["right"] == "fissures"
    assert dice(masks["lung_middle_lobe_right"], truth) > 0.9


@pytest.mark.parametrize("level", [-1024, 40])
def test_an_even_image_shows_no_fissure(chest, level):
    _, right, left = chest
    masks, how = cut(np.full(SHAPE, level, np.float32), right, left)
    assert set(how.values()) == {"atlas"}
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), right | left)


def test_masks_of_another_grid_are_refused(chest):
    image, right, left = chest
    with pytest.raises(ValueError, match=r"airway \(79, 56, 72\)"):
        lobes(image, right, left, left, left[1:], SPACING_MM)


def test_the_lobes_of_a_phantom_are_found():
    phantom = load("phantoms", "chest_ct")
    options = {"patients": 2, "exams": [1, 1], "size": 96, "findings": {}}
    for text in phantom.plan(options, np.random.default_rng(2))["parameters"]:
        case = phantom.draw(json.loads(text))
        spacing_mm = tuple(np.linalg.norm(case.image.affine[:3, :3], axis=0))
        names = ("lung_right", "lung_left", "airway")
        right, left, airway = (regions.mask(case.anatomy, name) for name in names)
        found = vessels(case.image.voxels, right | left, spacing_mm)
        masks, _ = lobes(case.image.voxels, right, left, found, airway, spacing_mm)
        scores = [dice(mask, regions.mask(case.anatomy, name)) for name, mask in masks.items()]
        assert np.mean(scores) > 0.85


def test_lung_bases_of_a_real_scan_agree_with_a_network(shared_data):
    folder = shared_data / "ct_totalseg_example"
    image, other = (
        np.asarray(nib.as_closest_canonical(nib.load(folder / name)).dataobj)
        for name in ("ct_3mm.nii.gz", "totalseg_117_fast.nii.gz")
    )
    hu, nothing = image.astype(np.float32), np.zeros(image.shape, bool)
    right, left = np.isin(other, (12, 13, 14)), np.isin(other, (10, 11))
    found = vessels(hu, right | left, SPACING_MM)
    masks, how = lobes(hu, right, left, found, nothing, SPACING_MM)
    assert how["right"] in ("atlas", "oblique fissure")
    assert dice(masks["lung_lower_lobe_right"], other == 14) > 0.95
    assert dice(masks["lung_lower_lobe_left"], other == 11) > 0.9
    assert not masks["lung_upper_lobe_right"].any()
