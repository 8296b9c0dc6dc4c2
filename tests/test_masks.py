"""Masks of findings compared with real ones: what tells them apart, and what must not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation import masks
from radfoundry.evaluation.metrics import frechet
from radfoundry.report.scorecard import masks as scorecard

SIDE = 40
OPTIONS = {"repeats": 5, "draws": 40}
ENDINGS = ("", "/real", "/untrained")


def lungs(shift=0):
    """Return an anatomy map (X, 1, Z) with two lungs, moved a little."""
    found = {name: np.zeros((SIDE, SIDE), bool) for name in ("lung_right", "lung_left")}
    found["lung_right"][2:16, 4 + shift : 34 + shift] = True
    found["lung_left"][22:36, 4 + shift : 34 + shift] = True
    return regions.compose(found)[:, None]


def disc(x, z, radius):
    places = np.indices((SIDE, SIDE))
    return np.hypot(places[0] - x, places[1] - z) <= radius


def film(number, mask, name="nodule", shift=0):
    marks = np.where(mask, regions.label_id(name), 0).astype(np.uint8)[:, None]
    image = volume.radiograph(np.zeros((SIDE, SIDE), np.float32))
    return Case(f"f{number}", image, lungs(shift), marks, {"patient": f"p{number}"})


def films(count, seed, radius=3.0, left=0.5):
    """Return films with a nodule each, in the left lung as often as said."""
    rng = np.random.default_rng(seed)
    rows = [
        (rng.uniform() < left, *rng.uniform((5, 8), (13, 30)), rng.normal(radius, 0.4))
        for _ in range(count)
    ]
    return [film(n, disc(x + 20 * on_left, z, r)) for n, (on_left, x, z, r) in enumerate(rows)]


def table(*given, **options):
    return masks.table(films(*given, **options), ["nodule"])


def distance(other, real=None, arm="synthetic"):
    real = table(40, 0) if real is None else real
    found = masks.compared(real, {arm: other}, np.random.default_rng(0), OPTIONS)
    assert set(found["arm"]) <= {f"{arm}/nodule"}
    return found.iloc[0] if len(found) else None


def test_a_mask_is_described_in_units_of_the_lungs():
    mask = disc(8, 28, 3)
    found = masks.described(mask, lungs()[:, 0])
    assert found["side"] < 0 < found["height"]
    assert found["size"] == pytest.approx(np.sqrt(mask.sum() / 840))
    assert found["elongation"] < 0.1
    assert found["compactness"] > 0.9
    assert found["parts"] == 0
    moved = masks.described(disc(8, 30, 3), lungs(2)[:, 0])
    assert moved["height"] == pytest.approx(found["height"])


def test_parts_and_long_shapes_are_told_from_round_ones():
    two, bar = disc(8, 10, 3) | disc(8, 28, 3), np.zeros((SIDE, SIDE), bool)
    bar[8:10, 6:30] = True
    assert masks.described(two, lungs()[:, 0])["parts"] == pytest.approx(np.log(2))
    long = masks.described(bar, lungs()[:, 0])
    assert long["elongation"] > 0.95
    assert long["compactness"] < 0.5


def test_nothing_has_no_description():
    empty = np.zeros((SIDE, SIDE), bool)
    for mask, anatomy in ((empty, lungs()[:, 0]), (disc(8, 8, 3), empty.astype(np.uint8))):
        assert np.isnan(list(masks.described(mask, anatomy).values())).all()
    assert np.isnan(masks.inside(empty, lungs()[:, 0], "nodule"))
    assert masks.table([film(0, empty)], ["nodule"]).empty


def test_the_share_inside_is_that_where_the_vocabulary_allows_the_finding():
    half = np.zeros((SIDE, SIDE), bool)
    half[14:18, 10:20] = True  # two of four columns lie in the right lung
    assert masks.inside(half, lungs()[:, 0], "nodule") == 0.5
    assert masks.table([film(0, half)], ["nodule"])["inside"].tolist() == [0.5]
    assert np.isnan(masks.inside(half, lungs()[:, 0], "cardiomegaly"))  # nobody found a heart
    cut = film(0, half)
    cut = replace(cut, facts={**cut.facts, "mask_inside": "nodule:0.9", "mask_draws": "1"})
    assert masks.table([cut], ["nodule"])["inside"].tolist() == [0.9]
    nothing = replace(cut, facts={**cut.facts, "mask_inside": ""})
    assert masks.table([nothing], ["nodule"])["inside"].isna().all()  # a mask made up for none


def test_other_masks_are_farther_than_masks_of_the_same_kind():
    floor = distance(table(40, 1), arm="real_floor")
    assert abs(floor["value"]) < 0.1
    assert floor["low"] <= floor["value"] <= floor["high"]
    larger, elsewhere = (distance(t) for t in (table(40, 2, radius=5.0), table(40, 3, left=1.0)))
    assert min(larger["value"], elsewhere["value"]) > 5 * abs(floor["value"])
    assert larger["low"] > 0


def test_how_many_masks_were_compared_is_told_and_few_have_no_distance():
    assert distance(table(20, 1))["n"] == 20
    few = distance(table(3, 1))
    assert np.isnan(few["value"])
    assert "fewer than" in few["note"]
    assert masks.compared(table(0, 0), {}, np.random.default_rng(0)).empty
    none = distance(table(9, 1), real=table(9, 1).head(0))
    assert np.isnan(none["value"])
    assert "fewer than" in none["note"]


def test_the_scorecard_has_each_figure_beside_other_films_and_the_null_arm():
    own = pd.concat([table(30, n).assign(set=s) for n, s in enumerate(("test", "tune", "drawn"))])
    null = table(20, 4, radius=6.0).assign(set="drawn")
    found = scorecard.rows(own, null, "r", 40, np.random.default_rng(0))
    known = {(row.metric, row.arm): row for row in found}
    for metric in ("mask_distance", "inside_region_fraction"):
        assert {arm for name, arm in known if name == metric} == {f"nodule{e}" for e in ENDINGS}
    far = [known["mask_distance", f"nodule{ending}"].value for ending in ENDINGS]
    assert far[2] > 3 * max(abs(far[0]), abs(far[1]))
    assert known["inside_region_fraction", "nodule"].n == 30
    assert scorecard.rows(own[own["set"] != "drawn"], null, "r", 40, np.random.default_rng(0)) == []


def test_one_arm_with_few_masks_does_not_hold_the_others_down():
    arms = {"synthetic": table(30, 1), "random": table(10, 2)}
    found = masks.compared(table(40, 0), arms, np.random.default_rng(0), OPTIONS)
    assert found.set_index("arm")["n"].to_dict() == {"synthetic/nodule": 30, "random/nodule": 10}


def test_the_energy_distance_is_its_formula_and_about_0_for_one_distribution():
    rng = np.random.default_rng(0)
    one, two, far = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)), rng.normal(2, 1, (60, 3))
    assert abs(frechet.energy(one, two)) < 0.1
    assert frechet.energy(one, far) > 1
    points = np.array([[0.0], [1.0]]), np.array([[3.0], [5.0]])
    assert frechet.energy(*points) == pytest.approx(2 * 3.5 - 1 - 2)
    assert np.isnan(frechet.energy(one[:1], two))
