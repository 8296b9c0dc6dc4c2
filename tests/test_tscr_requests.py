"""What is asked of TSCR, and what that is in numbers."""

import json

import pandas as pd
import pytest
from tumour_stand_ins import MEAN, VOLUME, networks

from radfoundry.generators import tscr
from radfoundry.generators.tscr import asking
from radfoundry.generators.tscr.candidates import nearest_first
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank
from radfoundry.generators.tscr.naming import candidates, full_name

SURFACE, ENERGY = "whole_shape_SurfaceArea", "rim_firstorder_Energy"
CORE = "core_shape_MeshVolume"


def cases(ill=4, well=2):
    rows = [(f"c{i}", "train", "tumour_rim" if i < ill else "") for i in range(ill + well)]
    return pd.DataFrame(rows, columns=["case", "split", "findings"])


def parameters(options, table=None):
    planned = tscr.plan(cases() if table is None else table, options, 3)
    return [json.loads(text) for text in planned["parameters"]]


def test_a_case_without_a_lesion_is_only_asked_for_one_more():
    asked = parameters({"count": 12, "operations": {"remove": 1}}, cases(0, 3))
    assert {one["operation"] for one in asked} == {"add"}


def test_operations_come_as_often_as_their_weights_say():
    asked = parameters({"count": 16, "operations": {"add": 3, "remove": 1}}, cases(4, 0))
    assert sum(one["operation"] == "remove" for one in asked) == 4


def test_every_case_comes_once_before_any_comes_twice():
    planned = tscr.plan(cases(), {"count": 6}, 3)
    assert planned["source"].nunique() == 6


def test_what_is_stated_stands_in_every_request_beside_what_varies():
    asked = parameters({"count": 4, "operations": {"add": 1}, "features": {"mean": 0.7}})
    assert all(one["features"]["mean"] == 0.7 for one in asked)
    assert len({one["features"]["volume"]["z"] for one in asked}) == 4


def test_to_remove_asks_for_no_feature():
    asked = parameters({"count": 4, "operations": {"remove": 1}}, cases(4, 0))
    assert all(one["features"] == {} for one in asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operations": {"grow": 1}}, "add, edit, remove, move"),
        ({"vary": {"weight": [0, 1]}}, "no feature 'weight'"),
        ({"vary": {"mean": [1, 0]}}, "lowest and highest"),
        ({"features": {"mean": "high"}}, "z: 1.5"),
        ({"size_mm": -3}, "a diameter above 0"),
        ({"splits": ["test"]}, "nothing to draw from"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(options, message):
    with pytest.raises(ValueError, match=message):
        tscr.plan(cases(), options, 3)


def test_a_feature_is_asked_for_as_a_value_a_score_or_that_of_a_case():
    bank = networks().bank
    asked = {"features": {"mean": {"as": "t2"}, "volume": {"z": 0.0}}}
    found = asking.values(asked, bank)
    assert found[MEAN] == pytest.approx(0.9)
    assert found[VOLUME] == pytest.approx((500 * 900 * 1500) ** (1 / 3))
    assert asking.values({"features": {"mean": 0.65}}, bank) == {MEAN: 0.65}


def test_a_score_asks_for_no_more_than_a_real_lesion_has():
    assert asking.values({"features": {"volume": {"z": 9}}}, networks().bank)[VOLUME] == 1500


def test_a_diameter_asks_for_the_volume_of_its_ball():
    found = asking.values({"features": {}, "size_mm": 10}, networks().bank)
    assert found == {VOLUME: pytest.approx(523.6, abs=0.1)}


def test_a_case_that_has_no_lesion_is_named():
    with pytest.raises(ValueError, match="no training case 'c9'"):
        asking.values({"features": {"mean": {"as": "c9"}}}, networks().bank)


def test_short_names_stand_for_what_there_is_in_two_and_in_three_dimensions():
    flat = ["whole_shape2D_MeshSurface"]
    assert full_name("volume", [VOLUME]) == VOLUME
    assert full_name("volume", flat) == flat[0]
    assert candidates("core_glcm_Contrast") == ["core_glcm_Contrast"]
    with pytest.raises(ValueError, match="none of the 1 features"):
        full_name("flatness", flat)


def bank_of(sizes, levels, cores=()):
    values = [
        {VOLUME: size, SURFACE: size ** (2 / 3), MEAN: level, ENERGY: size * level**2}
        for size, level in zip(sizes, levels, strict=True)
    ]
    for at in cores:
        values[at][CORE] = values[at][VOLUME] / 4
    shape, look = (
        Table.fitted(values, [VOLUME, SURFACE, CORE]),
        Table.fitted(values, [MEAN, ENERGY]),
    )
    names = tuple(map(str, range(len(values))))
    return Bank(names, names, values, shape, look, {}, (1.0, 1.0, 1.0))


SIZES, LEVELS = (400, 500, 600, 800, 1000, 1200, 1500, 2000), (7, 9, 9, 6, 8, 7, 6, 8)


@pytest.mark.parametrize("cores", [(), (0, 3), range(8)], ids=["none", "few", "all with a core"])
def test_of_an_edited_lesion_what_is_not_asked_for_goes_along_with_what_is(cores):
    bank = bank_of(SIZES, LEVELS, cores)
    was = {VOLUME: 500.0, SURFACE: 500 ** (2 / 3), MEAN: 8.0, ENERGY: 500 * 8.0**2}
    found = asking.edited(was, {VOLUME: 1500.0}, bank)
    assert found[VOLUME] == 1500
    assert found[SURFACE] == pytest.approx(1500 ** (2 / 3), rel=0.15)
    assert found[ENERGY] == pytest.approx(1500 * 8.0**2, rel=0.3)
    assert found[MEAN] == pytest.approx(8, abs=0.8)
    assert CORE not in found
    assert asking.edited(was, {}, bank) == pytest.approx(was)


def test_what_goes_along_stays_within_what_real_lesions_have():
    bank = bank_of(SIZES, LEVELS)
    was = {VOLUME: 500.0, SURFACE: 500 ** (2 / 3), MEAN: 8.0}
    assert asking.edited(was, {VOLUME: 9000.0}, bank)[SURFACE] == pytest.approx(2000 ** (2 / 3))


def test_what_a_lesion_did_not_have_moves_nothing_else():
    bank = bank_of(SIZES, LEVELS, range(8))
    was = {VOLUME: 500.0, SURFACE: 500 ** (2 / 3), MEAN: 8.0}
    assert asking.edited(was, {CORE: 400.0}, bank) == pytest.approx(was | {CORE: 400.0})


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="0 is asked for; allowed: above 0"):
        asking.values({"features": {"volume": 0.0}}, networks().bank)


def test_candidates_that_lack_what_is_asked_for_are_ranked_behind_and_among_themselves():
    table = bank_of(SIZES, LEVELS).shape
    asked = {VOLUME: 1000.0, SURFACE: 100.0}
    drawn = [{VOLUME: 400.0}, {VOLUME: 990.0}, {VOLUME: 2000.0, SURFACE: 160.0}]
    assert nearest_first(drawn, asked, table) == [2, 1, 0]


def test_fewer_candidates_than_one_are_refused():
    with pytest.raises(ValueError, match="candidates is 0; allowed: a whole number"):
        parameters({"candidates": 0})
