"""Enlarging against interpolation, on small fields with known answers."""

import numpy as np
import pytest
from scipy import ndimage

from radfoundry import sharpness
from radfoundry.case import Case
from radfoundry.sharpness import Held
from radfoundry.volume import Volume


def rng():
    return np.random.default_rng(0)


def grainy(seed, side=32):
    """Return channels of smooth shapes with fine grain on them, as a CT is."""
    own = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(own.normal(size=(side,) * 3), 4)
    image = np.clip(
        4 * smooth / np.abs(smooth).max() * 0.2 + own.normal(0, 0.1, (side,) * 3), -1, 1
    )
    return np.stack([image, *(-np.ones((3, side, side, side)))]).astype(np.float32)


def halved(full):
    channels, *sides = full.shape
    blocks = full.reshape(channels, *(part for side in sides for part in (side // 2, 2)))
    return blocks.mean((2, 4, 6))


def held(count=4):
    volumes = [grainy(seed) for seed in range(count)]
    return [Held(f"c{i}", f"p{i}", full, halved(full)) for i, full in enumerate(volumes)]


def compared(ways, cases=None):
    table = sharpness.compare(cases or held(), ways, rng())
    return table.set_index(["metric", "arm", "case"])["value"]


def test_signal_to_noise_is_that_of_the_error_against_the_range_of_two():
    real = grainy(0)[0]
    found = sharpness.fidelity(real, real + np.float32(0.2))
    assert found["psnr_db"] == pytest.approx(20, abs=1e-3)  # 10 log10(4 / 0.04)


def test_an_equal_image_is_wholly_similar_and_has_no_finite_ratio():
    real = grainy(0)[0]
    found = sharpness.fidelity(real, real.copy())
    assert found["ssim"] == pytest.approx(1)
    assert np.isnan(found["psnr_db"])


def test_trilinear_enlargement_of_block_means_keeps_a_ramp_where_it_was():
    ramp = np.broadcast_to(np.linspace(-1, 1, 16)[None, :, None, None], (1, 16, 16, 16))
    back = sharpness.trilinear(Held("c", "p", ramp, halved(ramp)))
    np.testing.assert_allclose(back[:, 1:-1], ramp[:, 1:-1], atol=1e-12)


def test_trilinear_enlargement_is_closer_than_repeating_voxels():
    repeated = {"repeat": lambda one: np.kron(one.low, np.ones((1, 2, 2, 2)))}
    smooth = [Held(c.case, c.patient, *_smoothed(c.full)) for c in held(2)]
    found = compared({**repeated, "trilinear": sharpness.trilinear}, smooth)
    assert found["psnr_db"]["trilinear"].min() > found["psnr_db"]["repeat"].max()


def _smoothed(full):
    smooth = ndimage.gaussian_filter(full, (0, 2, 2, 2))
    return smooth, halved(smooth)


def test_a_blur_wins_on_fidelity_and_loses_on_texture():
    grain = np.random.default_rng(9)

    def sharp(one):
        image = sharpness.trilinear(one)
        return image + grain.normal(0, 0.095, image.shape).astype(np.float32)

    found = compared({"sr": sharp, "trilinear": sharpness.trilinear})
    assert found["psnr_db"]["trilinear"].mean() > found["psnr_db"]["sr"].mean()
    assert found["mmd"]["trilinear"].min() > 10 * found["mmd"]["sr"].abs().max()


def test_the_floor_is_what_real_cases_differ_by():
    found = compared({"trilinear": sharpness.trilinear})
    assert abs(found["mmd"]["real_floor"].mean()) < 0.05 < found["mmd"]["trilinear"].min()


def test_texture_is_compared_with_other_patients_alone():
    alone = [case._replace(patient="p") for case in held(2)]
    found = compared({"trilinear": sharpness.trilinear}, alone)
    assert found["mmd"].isna().all()
    assert found["psnr_db"].notna().all()


def test_texture_tells_the_mean_and_the_strength_of_every_band():
    flat = np.full((16, 16, 17), 0.25, np.float32)
    found = sharpness.texture(flat, rng())
    assert found.shape == (8, 64)
    np.testing.assert_allclose(found[:, 0], 0.25, atol=1e-6)
    np.testing.assert_allclose(found[:, 1:], np.log10(sharpness.QUIETEST))


def test_equal_chance_gives_an_equal_table():
    ways = {"trilinear": sharpness.trilinear}
    first, second = (sharpness.compare(held(3), ways, rng()) for _ in range(2))
    assert first.equals(second)
    assert list(first) == list(sharpness.COLUMNS)


def test_an_enlargement_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="sr enlarged c0 to"):
        compared({"sr": lambda one: one.low})


def test_a_case_is_held_out_as_the_network_wants_it():
    shape = (10, 8, 8)
    image = Volume(np.full(shape, 600.0, np.float32), np.eye(4))
    maps = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    case = Case("c", image, *maps, {"patient": "p"})
    found = sharpness.held_out(case, {"channels": 1, "multiple": 4, "factor": 2})
    assert (found.case, found.patient) == ("c", "p")
    assert found.full.shape == (1, 12, 8, 8)
    assert found.low.shape == (1, 6, 4, 4)
    assert found.low[0, :, 0, 0].tolist() == [0, 1, 1, 1, 1, 0]
