"""Detail that super-resolution draws, against detail that it does not: fields of known variance."""

import numpy as np
import pytest

from radfoundry import tables
from radfoundry.evaluation.metrics import drawn_detail, super_resolution
from radfoundry.evaluation.metrics.super_resolution import HeldOutCase
from radfoundry.report.scorecard import volumes
from radfoundry.report.scorecard.card import build

SIDE = 32


def normal(seed, spread=100.0):
    return np.random.default_rng(seed).normal(0, spread, (SIDE,) * 3)


def shape():
    """Return what can be foretold: a wave."""
    return np.broadcast_to(200 * np.sin(np.arange(SIDE))[:, None, None], (SIDE,) * 3)


def measured(*draws):
    return drawn_detail.measured(shape() + normal(0), *draws, 2)


def test_detail_is_what_the_means_of_blocks_lack():
    found = drawn_detail.missing(normal(0), 2)
    np.testing.assert_allclose(found.reshape(16, 2, 16, 2, 16, 2).mean((1, 3, 5)), 0, atol=1e-9)
    assert found.std() == pytest.approx(100 * (7 / 8) ** 0.5, rel=0.02)
    with pytest.raises(ValueError, match="multiples of 3"):
        drawn_detail.missing(normal(0), 3)


def test_a_network_that_draws_differs_as_much_from_itself_as_from_the_real_image():
    found = measured(shape() + normal(1), shape() + normal(2))
    assert found["spread_to_error"] == pytest.approx(1, abs=0.02)
    assert found["seed_sd_hu"] == pytest.approx(100, rel=0.02)
    share = found["seed_sd_hu"] ** 2 / found["missing_sd_hu"] ** 2
    assert found["detail_variance_kept"] == pytest.approx(share)


def test_a_network_that_regresses_is_the_same_with_every_seed_and_may_still_be_sharp():
    found = measured(shape(), shape())
    assert found["spread_to_error"] == found["detail_variance_kept"] == found["seed_sd_hu"] == 0
    assert drawn_detail.power_kept(shape() + normal(0), shape(), 2) > 0.3


def test_power_is_that_of_detail_alone():
    real = normal(0)
    assert drawn_detail.power_kept(real, 0.5 * real + 300, 2) == pytest.approx(0.25)


def test_where_nothing_is_missing_no_share_is_defined():
    flat = np.full((4, 4, 4), 40.0)
    found = drawn_detail.measured(flat, flat, flat, 2)
    assert np.isnan([found["detail_variance_kept"], found["spread_to_error"]]).all()
    assert np.isnan(drawn_detail.power_kept(flat, flat, 2))


def compared(own):
    """Return the table of six cases that a network enlarges with grain of its own (HU)."""
    cases = []
    for number in range(6):
        image = shape() + normal(number)
        small = image.reshape(16, 2, 16, 2, 16, 2).mean((1, 3, 5))
        cases.append(HeldOutCase(f"c{number}", f"p{number}", image, small, small[None]))
    first, second = (
        lambda case, offset=offset: shape() + normal(int(case.case[1:]) + offset, own)
        for offset in (100, 200)
    )
    methods = {"sr": first, "trilinear": super_resolution.trilinear}
    found = super_resolution.compare(cases, methods, np.random.default_rng(0), second)
    return tables.checked(found, "resolutions", "here")


@pytest.mark.parametrize(
    ("grain", "said"), [(100, "the network draws"), (5, "the network regresses")]
)
def test_the_scorecard_says_whether_the_network_draws_or_regresses(grain, said):
    rows = list(volumes.of_detail(compared(grain), "mine", 100, np.random.default_rng(0)))
    found = {(row.metric, row.arm): row for row in rows}
    assert len(build(rows)) == len(found) == 6
    spread = found["detail_spread_to_error", "sr"]
    assert spread.note.startswith(said)
    assert (spread.n, spread.low <= spread.value <= spread.high) == (6, True)
    assert found["detail_sd_hu", "seed_to_seed"].value == pytest.approx(grain, rel=0.05)
    assert ("detail_power", "trilinear") in found


def test_without_a_second_draw_nothing_is_said_of_chance():
    table = compared(5)
    first = table[table["metric"].isin(["psnr_db", "ssim", "mmd", "detail_power"])]
    rows = list(volumes.of_detail(first, "mine", 100, np.random.default_rng(0)))
    assert {row.metric for row in rows} == {"detail_power"}
