"""What readers outlined arrives on the new grid, or the case says what did not and how much."""

import numpy as np
import pytest
from scipy import ndimage
from torsos import raw, torso

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.data import gate, preprocess

NODULE = regions.label_id("nodule")
COARSE = {"grid": [24, 24, 24]}
PLACES = {"beside": (20, 28, 26), "within": (36, 30, 30), "far": (50, 20, 20)}


@pytest.fixture(scope="module")
def image():
    return torso()[0]


def marked(image, *places, side=1):
    """Return a findings map with cubes at places, side voxels wide."""
    labels = np.zeros(image.voxels.shape, np.uint8)
    for place in places:
        labels[tuple(slice(at, at + side) for at in place)] = NODULE
    return labels


def brought(image, findings, options):
    _, record = preprocess.volumetric(raw(image), "CT", options, outlined=findings > 0)
    maps, warnings = preprocess.carried({"findings": findings, "structures": None}, record)
    return maps["findings"], warnings


def count(labels):
    return ndimage.label(labels == NODULE, np.ones([3] * 3))[1]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("options", [COARSE, {"spacing_mm": [7, 7, 7]}], ids=["grid", "spacing"])
def test_a_lesion_of_one_voxel_keeps_one_on_a_coarser_grid(image, place, options):
    labels, warnings = brought(image, marked(image, place), options)
    assert (labels == NODULE).sum() == 1
    assert warnings in ((), ("mask.kept - parts smaller than a voxel, of nodule: 1",))


def test_every_part_of_several_is_still_there(image):
    findings = marked(image, *PLACES.values()) | marked(image, (30, 40, 14), side=8)
    labels, warnings = brought(image, findings, COARSE)
    assert count(labels) == count(findings) == 4
    assert not any(told.startswith("mask.lost") for told in warnings)


def test_two_findings_in_one_voxel_of_the_new_grid_are_told(image):
    findings = marked(image, (36, 30, 30))
    findings[37, 30, 30] = regions.label_id("tumour_core")
    with pytest.raises(gate.GateError, match=r"mask\.lost: .*0.012 ml of 0.012 ml, 1 of 1 parts"):
        brought(image, findings, {"grid": [8, 8, 8]})


def test_a_crop_of_the_body_keeps_a_lesion_outside_of_it(image):
    findings = marked(image, (2, 2, 2), side=3)
    labels, warnings = brought(image, findings, {})
    assert ((labels == NODULE).sum(), warnings) == (27, ())
    assert labels.size <= image.voxels.size


def test_a_grid_of_fixed_size_moves_to_hold_what_is_outlined(image):
    findings = marked(image, (4, 4, 4), side=3)
    labels, warnings = brought(image, findings, {"spacing_mm": [2, 2, 3], "grid": [40, 40, 40]})
    assert ((labels == NODULE).sum(), warnings) == (27, ())


def test_a_part_beyond_a_grid_too_small_is_told_with_how_much(image):
    findings = marked(image, (2, 2, 2), (60, 46, 44), side=4)
    options = {"spacing_mm": [2, 2, 3], "grid": [61, 47, 45]}
    _, warnings = brought(image, findings, options)
    assert warnings[0].startswith("mask.lost - nodule: ")
    assert "of 1.54 ml" in warnings[0]


def test_a_finding_of_which_nothing_arrives_rejects_the_case(image):
    _, record = preprocess.volumetric(raw(image), "CT", {"spacing_mm": [2, 2, 3], "grid": [20] * 3})
    maps = {"findings": marked(image, (2, 2, 2), side=4), "structures": None}
    with pytest.raises(gate.GateError, match=r"mask\.lost.*0.768 ml of 0.768 ml, 1 of 1 parts"):
        preprocess.carried(maps, record)


def test_anatomy_that_the_grid_cuts_is_told(image):
    lungs = torso()[1].voxels
    structures = np.where(lungs > 0, regions.label_id("lung"), 0).astype(np.uint8)
    _, record = preprocess.volumetric(raw(image), "CT", {"spacing_mm": [2, 2, 3], "grid": [30] * 3})
    _, (told,) = preprocess.carried({"structures": structures, "findings": None}, record)
    assert told.startswith("mask.lost - lung: ")


def test_a_lesion_of_one_pixel_stays_on_a_small_film():
    picture = np.random.default_rng(0).normal(100, 20, (300, 1, 320)).astype(np.float32)
    film = raw(volume.Volume(picture, np.eye(4)))
    options = {"size": 32, "rotation": "ignore", "polarity": "ignore"}
    _, record = preprocess.radiograph(film, options)
    findings = np.zeros(picture.shape, np.uint8)
    findings[151, 0, 133] = findings[40, 0, 203] = NODULE
    maps, warnings = preprocess.carried({"findings": findings}, record)
    assert (maps["findings"] == NODULE).sum() == 2
    assert warnings[0].startswith("mask.kept")
