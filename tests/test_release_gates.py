"""A release waits for every gate that is open, and the message names each of them."""

import numpy as np
import pandas as pd
import pytest

from radfoundry.release import gates

PROOF = pd.DataFrame({"check": ["patients of one split only"], "cases": [12], "leaks": [0]})
PLACED = ((4, 5, 6), np.diag([2.0, 2, 3, 1]))


def grids(**changed):
    return {"syn-1": {"image": PLACED, "anatomy": PLACED, "findings": PLACED} | changed}


def affine(*sides):
    return np.diag([*sides, 1.0])


def test_passed_gates_are_told_by_name():
    found = [gates.leakage(PROOF), gates.memorisation(None, 0), gates.geometry(grids())]
    said = gates.check("r", [*found, gates.shortfall(40, 30, 0.5)])
    assert list(said) == [f"Gate {n}" for n in ("leakage", "memorisation", "geometry", "shortfall")]
    assert "patients of one split only (12)" in said["Gate leakage"]
    assert "30 of 40 samples asked for are kept" in said["Gate shortfall"]


def test_all_open_gates_are_named_at_once():
    leaking = PROOF.assign(leaks=2)
    found = [gates.leakage(leaking), gates.memorisation(None, 0), gates.shortfall(40, 1, 0.9)]
    with pytest.raises(gates.Blocked) as caught:
        gates.check("artasyn", found)
    told = str(caught.value)
    assert told.startswith("the release of artasyn is blocked, open gates: leakage (")
    assert "patients of one split only: 2 leaks in 12 cases" in told
    assert "1 of 40 samples asked for are kept, missing are 0.975; allowed: max_short" in told
    assert "memorisation" not in told


def test_where_nothing_was_compared_leakage_is_open():
    assert gates.leakage(PROOF.head(0)).reasons == ["nothing was compared"]
    assert gates.leakage(PROOF.assign(leaks=pd.NA)).reasons


@pytest.mark.parametrize(("asked", "kept", "most", "open_"), [
    (20, 1, 0.95, False), (21, 1, 0.95, True), (20, 0, 1.0, True), (0, 0, 1.0, True),
    (20, 20, 0.0, False),
])  # fmt: skip
def test_a_release_may_lack_so_much_and_is_never_empty(asked, kept, most, open_):
    assert bool(gates.shortfall(asked, kept, most).reasons) == open_


@pytest.mark.parametrize(("part", "placed", "message"), [
    ("image", ((4, 5, 6), affine(np.nan, 1, 1)), "no inverse"),
    ("image", ((4, 5, 6), affine(0, 1, 1)), "no inverse"),
    ("image", ((4, 5, 6), affine(-1, 1, 1)), "axes run to LAS; allowed: RAS"),
    ("image", ((4, 5, 6), affine(1, 1, 40)), "1 x 1 x 40 mm; allowed"),
    ("findings", ((4, 5, 7), PLACED[1]), r"findings is \(4, 5, 7\), the image \(4, 5, 6\)"),
    ("anatomy", ((4, 5, 6), affine(2, 2, 3.5)), "anatomy lies elsewhere than the image"),
])  # fmt: skip
def test_what_does_not_lie_where_it_should_holds_the_release_back(part, placed, message):
    with pytest.raises(gates.Blocked, match=rf"open gates: geometry \(syn-1: .*{message}"):
        gates.check("r", [gates.geometry(grids(**{part: placed}))])


def test_an_oblique_grid_is_no_fault():
    turned = np.array([[2.0, -0.5, 0, -80], [0.4, 3, 0, -95], [0, 0, 4.5, -300], [0, 0, 0, 1]])
    placed = (4, 5, 6), turned
    assert not gates.geometry({"a": {"image": placed, "anatomy": placed}}).reasons


def test_many_faulty_samples_are_counted_and_not_listed():
    bad = {f"s{i}": {"image": ((2, 2, 2), affine(0, 1, 1))} for i in range(9)}
    assert gates.geometry(bad).reasons[-1] == "6 more samples"


@pytest.mark.parametrize(("given", "allowed", "open_"), [
    ("{}", False, True), ("{}", True, False), ('{"given": []}', False, False),
])  # fmt: skip
def test_text_burned_into_a_source_counts_where_its_image_is_taken(given, allowed, open_):
    kept = pd.DataFrame({"source": ["c1"], "parameters": [given]})
    images = pd.DataFrame({"case": ["c1", "c2"], "warnings": ["x|privacy.burned_in", ""]})
    assert bool(gates.burned_in(kept, images, allowed).reasons) == open_
    assert not gates.burned_in(kept.assign(source="c2"), images, allowed).reasons
