"""Enlarging against interpolation, on small fields with known answers."""

import numpy as np
import pytest
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.evaluation.metrics import super_resolution
from radfoundry.evaluation.metrics.super_resolution import HeldOutCase
from radfoundry.volume import Volume


def rng():
    return np.random.default_rng(0)


def grainy(seed, side=32):
    """Return an image in HU of smooth shapes with fine grain on them, as a CT is."""
    own = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(own.normal(size=(side,) * 3), 4)
    image = 650 * smooth / np.abs(smooth).max() + own.normal(-212, 81, (side,) * 3)
    return np.clip(image, *channels.WINDOW_HU)


def halved(image):
    blocks = image.reshape(*(part for side in image.shape for part in (side // 2, 2)))
    return blocks.mean((1, 3, 5))


def holding(image, name="c", patient="p"):
    """Return a case that a network is to restore from tones."""
    return HeldOutCase(name, patient, image, halved(image), halved(channels.toned(image))[None])


def held(count=4):
    return [holding(grainy(seed), f"c{seed}", f"p{seed}") for seed in range(count)]


def compared(ways, cases=None):
    table = super_resolution.compare(cases or held(), ways, rng())
    return table.set_index(["metric", "arm", "case"])["value"]


def test_signal_to_noise_is_that_of_the_error_against_the_width_of_the_window():
    real = grainy(0)
    found = super_resolution.fidelity(real, real + 162.4)
    assert found["psnr_db"] == pytest.approx(20, abs=1e-6)  # 10 log10(1624^2 / 162.4^2)


def test_an_equal_image_is_wholly_similar_and_has_no_finite_ratio():
    real = grainy(0)
    found = super_resolution.fidelity(real, real.copy())
    assert found["ssim"] == pytest.approx(1)
    assert np.isnan(found["psnr_db"])


def test_trilinear_enlargement_of_block_means_keeps_a_ramp_where_it_was():
    ramp = np.broadcast_to(np.linspace(*channels.WINDOW_HU, 16)[:, None, None], (16, 16, 16))
    back = super_resolution.trilinear(holding(ramp))
    np.testing.assert_allclose(back[1:-1], ramp[1:-1], atol=1e-9)


def test_trilinear_enlargement_is_closer_than_repeating_voxels():
    repeated = {"repeat": lambda one: np.kron(one.small, np.ones((2, 2, 2)))}
    smooth = [
        holding(ndimage.gaussian_filter(one.image, 2), one.case, one.patient) for one in held(2)
    ]
    found = compared({**repeated, "trilinear": super_resolution.trilinear}, smooth)
    assert found["psnr_db"]["trilinear"].min() > found["psnr_db"]["repeat"].max()


def test_a_blur_wins_on_fidelity_and_loses_on_texture():
    grain = np.random.default_rng(9)

    def sharp(one):
        image = super_resolution.trilinear(one)
        return image + grain.normal(0, 77, image.shape)

    found = compared({"sr": sharp, "trilinear": super_resolution.trilinear})
    assert found["psnr_db"]["trilinear"].mean() > found["psnr_db"]["sr"].mean()
    assert found["mmd"]["trilinear"].min() > 10 * found["mmd"]["sr"].abs().max()


def test_the_floor_is_what_real_cases_differ_by():
    found = compared({"trilinear": super_resolution.trilinear})
    assert abs(found["mmd"]["real_floor"].mean()) < 0.05 < found["mmd"]["trilinear"].min()


def test_texture_is_compared_with_other_patients_alone():
    alone = [case._replace(patient="p") for case in held(2)]
    found = compared({"trilinear": super_resolution.trilinear}, alone)
    assert found["mmd"].isna().all()
    assert found["psnr_db"].notna().all()


def test_texture_tells_the_mean_and_the_strength_of_every_band():
    flat = np.full((16, 16, 17), -812.5)
    found = super_resolution.texture(flat, rng())
    assert found.shape == (8, 64)
    np.testing.assert_allclose(found[:, 0], -812.5, atol=1e-3)
    np.testing.assert_allclose(found[:, 1:], np.log10(super_resolution.QUIETEST))


def test_grain_below_a_hounsfield_unit_is_as_none():
    flat = np.full((16, 16, 16), 40.0)
    faint = flat + rng().normal(0, 0.2, flat.shape)
    plain, grained = (super_resolution.texture(image, rng()) for image in (flat, faint))
    np.testing.assert_array_equal(plain[:, 1:], grained[:, 1:])


def test_equal_chance_gives_an_equal_table():
    ways = {"trilinear": super_resolution.trilinear}
    first, second = (super_resolution.compare(held(3), ways, rng()) for _ in range(2))
    assert first.equals(second)
    assert list(first) == list(super_resolution.COLUMNS)


def test_an_enlargement_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="sr enlarged c0 to"):
        compared({"sr": lambda one: one.small})


def case_of(voxels):
    maps = np.zeros(voxels.shape, np.uint8), np.zeros(voxels.shape, np.uint8)
    return Case("c", Volume(voxels.astype(np.float32), np.eye(4)), *maps, {"patient": "p"})


CARD = {"channels": 1, "multiple": 4, "factor": 2}


def test_a_case_is_held_out_as_the_network_wants_it():
    found = super_resolution.held_out(case_of(np.full((10, 8, 8), 3000.0)), CARD)
    assert (found.case, found.patient) == ("c", "p")
    assert found.image.shape == (12, 8, 8)
    assert found.image[:, 0, 0].tolist() == [-1024, *[600] * 10, -1024]
    assert found.low.shape == (1, 6, 4, 4)
    assert found.low[0, :, 0, 0].tolist() == [0, 1, 1, 1, 1, 0]


def test_interpolation_starts_from_means_of_hu_and_the_network_from_means_of_tones():
    halves = np.where(np.arange(8)[:, None, None] % 2, 40.0, -1000.0) * np.ones((8, 8, 8))
    found = super_resolution.held_out(case_of(halves), CARD)
    np.testing.assert_allclose(found.image, halves, atol=1e-3)
    np.testing.assert_allclose(found.small, -480, atol=1e-3)
    assert np.abs(channels.hounsfield(found.low[0]) + 480).min() > 20
