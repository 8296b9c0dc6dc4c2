"""PBTSeg, as published and improved: what it finds, and when it finds nothing."""

import drawn_chest
import numpy as np
import pytest
from PIL import Image

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import contrast, lung_shape
from radfoundry.segmenters import pbtseg

COLLECTIONS = {"cxr_hannover_lungs": 0.69, "cxr_kermany_lungs": 0.54}


@pytest.fixture(scope="module")
def improved():
    """Return the default segmenter."""
    return pbtseg.prepare({})


def padded(path, size=256, mode=Image.Resampling.LANCZOS):
    """Return a file as a square picture (uint8), aspect kept, padded with 0."""
    with Image.open(path) as file:
        gray = file.convert("L")
        gray.thumbnail((size, size), mode)
    canvas = np.zeros((size, size), np.uint8)
    top, left = (size - gray.height) // 2, (size - gray.width) // 2
    canvas[top : top + gray.height, left : left + gray.width] = np.asarray(gray)
    return canvas


def lung_dice(label, folder, count):
    """Return the Dice of both lungs for the first images of a collection with human masks."""
    found = []
    for path in sorted((folder / "images").iterdir())[:count]:
        mask = padded(folder / "lung_masks" / f"{path.stem}.png", mode=Image.Resampling.NEAREST)
        image = volume.radiograph(padded(path).astype(np.float32) / 255)
        lungs = regions.mask(volume.picture(label(image)), "lungs")
        found.append(drawn_chest.dice(lungs & (mask != 127), mask == 255))
    return found


@pytest.mark.parametrize("method", pbtseg.METHODS)
def test_both_lungs_of_a_drawn_chest_are_found(method):
    chest = drawn_chest.case(256)
    labels = pbtseg.prepare({"method": method})(chest.image)
    for lung in ("lung_right", "lung_left"):
        assert drawn_chest.region_dice(labels, chest.anatomy, lung) > 0.75


@pytest.mark.parametrize("size", [96, 128, 200, 256])
def test_the_improved_form_works_at_any_resolution(improved, size):
    chest = drawn_chest.case(size)
    assert drawn_chest.region_dice(improved(chest.image), chest.anatomy, "lungs") > 0.9


def test_lung_behind_the_heart_is_lung(improved):
    labels = improved(drawn_chest.case().image)
    both = regions.mask(labels, "lung_left") & regions.mask(labels, "heart")
    assert both.sum() > 100


def test_the_heart_lies_between_and_leans_left(improved):
    labels = volume.picture(improved(drawn_chest.case().image))
    columns = np.nonzero(regions.mask(labels, "heart"))[1]
    assert 64 < columns.mean() < 80


def test_a_chest_off_center_is_found(improved):
    chest = drawn_chest.case(shift=0.08)
    assert drawn_chest.region_dice(improved(chest.image), chest.anatomy, "lungs") > 0.85


def test_an_opaque_lung_base_is_still_lung(improved):
    chest = drawn_chest.case()
    picture = volume.picture(chest.image.voxels).copy()
    base = volume.picture(regions.mask(chest.anatomy, "lung_right")) & (
        np.mgrid[:128, :128][0] > 80
    )
    picture[base] = 0.6
    labels = improved(volume.radiograph(picture))
    assert drawn_chest.region_dice(labels, chest.anatomy, "lung_right") > 0.8


def test_noise_has_no_lungs(improved):
    noise = np.random.default_rng(0).random((128, 128)).astype(np.float32)
    assert not improved(volume.radiograph(noise)).any()


def test_a_chest_on_its_side_has_no_lungs(improved):
    picture = volume.picture(drawn_chest.case().image.voxels)
    assert not improved(volume.radiograph(np.rot90(picture).copy())).any()


def test_a_flat_gray_film_has_no_lungs(improved):
    assert not improved(volume.radiograph(np.full((128, 128), 0.5, np.float32))).any()


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="improved, published"):
        pbtseg.prepare({"method": "best"})


def test_air_beside_the_patient_is_told_from_lung():
    chest = drawn_chest.case()
    field = contrast.locally_normalized(volume.picture(chest.image.voxels))
    lungs = volume.picture(regions.mask(chest.anatomy, "lungs"))
    assert field.air[5:40, 2].all()
    assert not (field.air & lungs).any()


def test_tidying_keeps_the_largest_part_and_fills_it():
    mask = np.zeros((20, 20), bool)
    mask[2:12, 2:12] = True
    mask[5, 5] = mask[18, 18] = False
    mask[17, 17] = True
    tidy = contrast.tidy(mask)
    assert tidy[5, 5]
    assert tidy.sum() == 100
    assert not contrast.tidy(mask, least=0.5).any()


def test_the_cheapest_chain_is_the_cheapest_of_all():
    rng = np.random.default_rng(1)
    cost, bend = rng.random((4, 3)), rng.random((3, 3))
    every = np.stack(np.meshgrid(*[range(3)] * 4, indexing="ij"), -1).reshape(-1, 4)
    total = [sum(cost[range(4), c]) + sum(bend[c[1:], c[:-1]]) for c in every]
    np.testing.assert_array_equal(lung_shape.cheapest_chain(cost, bend), every[np.argmin(total)])


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_published_form_reaches_its_known_dice(shared_data, collection):
    dice = lung_dice(pbtseg.prepare({"method": "published"}), shared_data / collection, 50)
    assert np.mean(dice) == pytest.approx(COLLECTIONS[collection] + 0.02, abs=0.03)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_default_beats_the_published_form(shared_data, collection):
    folder = shared_data / collection
    new, old = (lung_dice(pbtseg.prepare({"method": m}), folder, 12) for m in pbtseg.METHODS)
    assert np.mean(new) > np.mean(old) + 0.08
    assert min(new) > 0.5
