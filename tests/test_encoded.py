"""Cases at rest come back as they were, a piece at a time."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.data import channels, encoded
from radfoundry.generators.medsyn import options as medsyn_options
from radfoundry.generators.medsyn import pictures

CT = np.random.default_rng(0).integers(-1024, 600, (20, 24, 12)).astype(np.int16)
ANATOMY = np.random.default_rng(1).integers(0, 12, CT.shape).astype(np.uint8)


def case(image=CT, findings=0):
    held = volume.Volume(image, np.diag([2.0, 2.0, 3.0, 1.0]))
    return Case("a", held, ANATOMY, np.full(CT.shape, findings, np.uint8), {"report": "Clear."})


def at_rest(one, folder, factors=()):
    """Write a case and return what opens it."""
    parts, card = encoded.arrays(one, factors)
    for name, array in parts.items():
        volume.write_array(array, folder / f"{name}.npy")
    opened = {name: partial(volume.mapped, folder / f"{name}.npy") for name in parts}
    grid, scale = tuple(card["grid"]), card["scale"]
    entry = encoded.Encoded("a", grid, np.array(card["affine"]), scale, opened, one.facts)
    return encoded.EncodedCases([entry])


@pytest.mark.parametrize("findings", [0, 3])
def test_a_ct_comes_back_value_for_value_and_is_not_read_before_it_is_cut(tmp_path, findings):
    one = at_rest(case(CT.astype(np.float32), findings), tmp_path)[0]
    assert isinstance(one.image.voxels, np.memmap)
    np.testing.assert_array_equal(one.image.voxels, CT)
    np.testing.assert_array_equal(one.anatomy, ANATOMY)
    assert (one.findings == findings).all()
    assert one.facts["report"] == "Clear."


def test_an_image_in_fractions_moves_by_at_most_half_a_level(tmp_path):
    image = np.random.default_rng(2).random(CT.shape).astype(np.float32)
    back = at_rest(case(image), tmp_path)[0].image.voxels
    assert back.dtype == np.float32
    assert 0 < np.abs(back - image).max() <= 0.5 / encoded.LEVELS + 1e-7


def test_a_flat_image_comes_back(tmp_path):
    back = at_rest(case(np.full(CT.shape, 0.25, np.float32)), tmp_path)[0].image.voxels
    assert (back == 0.25).all()


def test_cases_at_rest_can_be_handed_to_another_process(tmp_path):
    there = pickle.loads(pickle.dumps(at_rest(case(), tmp_path)))
    np.testing.assert_array_equal(there[0].image.voxels, CT)
    assert encoded.grids(there) == {CT.shape}


def test_encoding_by_look_up_is_encoding_by_masks():
    whole = channels.encode(case())
    floats = channels.encode(case(CT.astype(np.float64)))
    np.testing.assert_array_equal(whole, floats)
    np.testing.assert_array_equal(whole[0], channels.toned(CT.astype(np.float32)))


OPTIONS = medsyn_options.chosen({})["super_resolution"] | {"batch": 1}


@pytest.mark.parametrize("start", [(0, 0, 0), (-2, 3, -2), (9, 8, 7)])
def test_a_crop_is_encoded_as_the_whole_is(start):
    options = OPTIONS | {"crop": [12, 8, 7], "multiple": 8}
    whole = channels.padded(channels.encode(case()), 8)
    before = [-side % 8 // 2 for side in CT.shape]
    wanted = [slice(s + b, s + b + w) for s, b, w in zip(start, before, (12, 8, 7), strict=True)]
    found = pictures.cut(case(), start, options)
    np.testing.assert_array_equal(found, whole[(slice(None), *wanted)])


@pytest.mark.parametrize("multiple", [4, 8, 16])
@pytest.mark.parametrize("design", ["wavelet", "pseudo3d"])
def test_coarse_pictures_at_rest_are_those_that_are_computed(tmp_path, multiple, design):
    low = medsyn_options.chosen({})["low_resolution"]
    options = low | {"multiple": multiple, "design": design, "factor": 2}
    stored = pictures.CoarsePictures(at_rest(case(), tmp_path, [2, 5]), options)
    computed = pictures.CoarsePictures([case()], options)
    assert stored.shape == computed.shape
    assert torch.equal(stored[:], computed[torch.tensor([0])])


def test_factors_of_the_sizes_are_those_that_are_encoded():
    stated = medsyn_options.COARSE
    for size, networks in medsyn_options.TRAINING.items():
        assert stated[size] == networks["low_resolution"]["factor"]
