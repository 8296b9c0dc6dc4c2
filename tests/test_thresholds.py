"""Thresholds of drawn channels: chosen where labels agree, told to a network, read by `decode`."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from test_channels import REGIONS, dice, phantom
from test_medsyn import chests, prepared, request, trained

from radfoundry import tables, weights
from radfoundry.anatomy import regions
from radfoundry.bundles import results
from radfoundry.data import channels, thresholds
from radfoundry.evaluation.metrics import channel_reading
from radfoundry.generators import medsyn
from radfoundry.report.scorecard import volumes
from radfoundry.report.scorecard.card import build


@cache
def chest():
    case = phantom(64)
    return type(case)("c", case.image, case.anatomy, case.findings, {"patient": "p"})


def cautious(case):
    """Return channels as a network draws them that cannot tell where thin things are."""
    full = channels.encode(case)
    return np.stack([full[0], *(ndimage.gaussian_filter(one, 1.0) for one in full[1:])])


def table(*rows, cases=6):
    """Return a table of (channel, threshold, dice), alike in each case."""
    every = [(f"c{i}", f"p{i}", *row) for i in range(cases) for row in rows]
    return pd.DataFrame(every, columns=list(channel_reading.COLUMNS))


def test_the_threshold_is_where_labels_agree_best():
    found = thresholds.chosen(
        table(("vessel", 0.0, 0.0), ("vessel", -0.75, 0.3), ("vessel", -0.9, 0.2))
    )
    assert found == {"vessel": -0.75}


def test_of_equals_the_nearest_to_midway_is_taken():
    found = thresholds.chosen(
        table(("lobes", -0.9, 0.5), ("lobes", -0.55, 0.5), ("lobes", -0.3, 0.5))
    )
    assert found == {"lobes": -0.55}


@pytest.mark.parametrize(
    "rows",
    [
        table(("airway", -0.3, 0.7), cases=thresholds.FEWEST - 1),
        table(("airway", -0.3, 0.0), ("airway", 0.0, 0.0)),
        table(("airway", -0.3, float("nan"))),
        table(),
    ],
    ids=["few cases", "no agreement", "not shown", "nothing"],
)
def test_where_nothing_can_be_said_a_channel_stays_midway(rows):
    assert thresholds.chosen(rows) == {}
    assert channels.Thresholds(**thresholds.chosen(rows)) == channels.MIDWAY


def test_channels_as_they_were_written_agree_at_every_threshold():
    drawn = channels.encode(chest())
    found = pd.DataFrame(channel_reading.curves(chest(), drawn), columns=channel_reading.COLUMNS)
    tables.checked(found, "channels", "here")
    assert set(found["channel"]) == {"lobes", "airway", "vessel"}
    assert found["dice"].min() > 0.999  # specks of lung are left out


def test_what_is_drawn_cautiously_is_read_better_at_its_own_threshold():
    rows = [row for _ in range(4) for row in channel_reading.curves(chest(), cautious(chest()))]
    found = pd.DataFrame(rows, columns=channel_reading.COLUMNS)
    found["case"] = np.repeat([f"c{i}" for i in range(4)], len(found) // 4)
    chosen = channels.Thresholds(**thresholds.chosen(found))
    assert chosen.vessel < 0
    maps = [
        channels.decode(cautious(chest()), np.eye(4), thresholds=own)[1]
        for own in (channels.MIDWAY, chosen)
    ]
    before, after = (dice(labels, chest().anatomy, "lung_vessel") for labels in maps)
    assert after > before + 0.2


def test_a_structure_that_labels_lack_has_no_dice_and_an_image_alone_no_rows():
    bare = type(chest())("c", chest().image, np.zeros_like(chest().anatomy), None, {"patient": "p"})
    drawn = channels.encode(chest())
    assert np.isnan([row[-1] for row in channel_reading.curves(bare, drawn)]).all()
    assert list(channel_reading.curves(chest(), drawn[:1])) == []
    with pytest.raises(ValueError, match="its channels"):
        list(channel_reading.curves(chest(), drawn[:, :-1]))


def test_given_channels_come_back_whatever_the_thresholds():
    wide = channels.Thresholds(-0.9, -0.9, -0.9)
    _, labels = channels.decode(channels.encode(chest()), np.eye(4), thresholds=wide)
    assert [dice(labels, chest().anatomy, region) for region in REGIONS] == [1] * len(REGIONS)


def test_drawing_reads_channels_at_the_thresholds_of_the_card_and_draws_no_other_image():
    plain = trained(True)
    told = thresholds.told(plain, medsyn.THRESHOLDS, {"airway": -0.999})
    assert "thresholds" not in plain[medsyn.THRESHOLDS].card
    usual, wide = (
        medsyn.draw(request(), chests()[0], networks)
        for networks in (prepared(True), medsyn.prepare(told))
    )
    np.testing.assert_array_equal(usual.image.voxels, wide.image.voxels)
    more, fewer = (regions.mask(one.anatomy, "airway").sum() for one in (wide, usual))
    assert more > fewer


def test_shapes_are_drawn_beside_a_given_image_and_kept_by_equal_seeds():
    case = chests()[1]
    first, again, other = (medsyn.shapes(case, {"steps": 2}, prepared(True), n) for n in (1, 1, 2))
    np.testing.assert_allclose(first[0], channels.encode(case)[0], atol=1e-6)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[1:], other[1:])


def test_the_scorecard_says_what_thresholds_gain_on_cases_that_chose_none():
    tuned = table(("vessel", 0.0, 0.0), ("vessel", -0.75, 0.3))
    held_out = table(("vessel", 0.0, 0.1), ("vessel", -0.75, 0.25), ("airway", 0.0, 0.6))
    rows = list(volumes.of_channels(tuned, held_out, "mine", 100, np.random.default_rng(0)))
    found = {(row.metric, row.arm): row for row in rows}
    assert len(build(rows)) == len(found) == 6
    gained = found["channel_dice_gain", "vessel/calibrated-midway"]
    assert (gained.value, gained.n) == (pytest.approx(0.15), 6)
    assert "chosen on 6 cases" in gained.note
    assert found["channel_dice", "vessel/calibrated"].note == "above -0.75"
    assert found["channel_dice_gain", "airway/calibrated-midway"].value == 0


def test_a_bundle_carries_the_thresholds_that_its_recipe_draws_with(tmp_path):
    own = tmp_path / "recipes/r"
    for name, network in trained(True).items():
        weights.write(network, own / "networks" / name)
    tables.write(
        table(("vessel", 0.0, 0.0), ("vessel", -0.7, 0.3)), own / "channels.tsv", "channels"
    )
    settings = {"recipes": {"r": {"generator": "medsyn", "networks": {}}}}
    card = results.networks(settings, "r", tmp_path)[medsyn.THRESHOLDS].card
    assert card["thresholds"] == {"vessel": -0.7}
    (own / "channels.tsv").unlink()
    assert "thresholds" not in results.networks(settings, "r", tmp_path)[medsyn.THRESHOLDS].card


def test_a_network_from_elsewhere_keeps_its_thresholds_where_none_is_chosen():
    one = {"a": weights.Weights({}, {"thresholds": {"airway": -0.3, "vessel": -0.7}})}
    told = thresholds.told(one, "a", {"airway": -0.2})
    assert told["a"].card["thresholds"] == {"airway": -0.2, "vessel": -0.7}
