"""Whether a drawn lesion is what was asked for, and whether the figures say so."""

import numpy as np
import pandas as pd
import pytest
from tumour_stand_ins import brain

from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.evaluation import control
from radfoundry.evaluation.metrics import control as figures
from radfoundry.evaluation.readers import lesion_reader
from radfoundry.report.scorecard import control as card
from radfoundry.report.scorecard.card import build

VOLUME = "whole_shape_MeshVolume"


def changed(source, at, findings=None):
    voxels = source.image.voxels.copy()
    voxels[at] += 0.1
    marks = source.findings if findings is None else findings
    return Case("syn", source.image.holding(voxels), source.anatomy, marks, source.facts)


def test_one_voxel_far_from_the_lesion_is_noticed():
    source = brain()
    assert control.untouched(source, source) == 1
    assert control.untouched(changed(source, (30, 30, 30)), source) < 1
    assert control.untouched(changed(source, (10, 16, 16)), source) == 1


def test_what_a_reader_still_sees_is_told_in_parts_of_what_it_saw():
    source = brain()
    empty = Case("syn", source.image, source.anatomy, np.zeros_like(source.findings))
    seen = source.findings > 0
    half = seen & (np.indices(seen.shape)[0] < 10)
    reader = lambda case: half if case.name == "syn" else seen  # noqa: E731
    assert control.residual(empty, source, reader, "tumour") == half.sum() / seen.sum()
    assert np.isnan(control.residual(empty, source, lambda case: ~seen, "tumour"))


def test_a_reader_finds_tumours_that_it_did_not_learn_from():
    rng = np.random.default_rng(0)
    reader = lesion_reader.fit([brain("a", 5, at=(12, 14, 18)), brain("b", 4)], "tumour", rng)
    unseen = brain("c", 5, at=(18, 12, 14))
    found, true = reader(unseen), unseen.findings > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.8
    with pytest.raises(ValueError, match="no held-out case shows a tumour"):
        lesion_reader.fit([brain("d", 0)], "tumour", rng)


def test_what_follows_exactly_agrees_and_what_does_not_does_not():
    asked = np.arange(12.0)
    whose, rng = [f"p{i}" for i in range(12)], np.random.default_rng(0)
    exact = figures.agreement(asked, asked, whose, 50, rng)
    double = figures.agreement(asked, 2 * asked, whose, 50, rng)
    assert (exact.spearman.value, exact.concordance, exact.mae) == (1, pytest.approx(1), 0)
    assert (double.slope, double.spearman.value) == (pytest.approx(2), 1)
    assert double.concordance < 0.7
    assert figures.agreement(asked, asked * 0 + 3, whose, 50, rng).spearman.value == 0
    assert np.isnan(figures.agreement(asked[:3], asked[:3], whose[:3], 50, rng).spearman.value)


def test_the_shuffled_arm_asks_each_sample_for_what_another_was_asked():
    asked = np.array([1.0, np.nan, 2.0, 3.0, 4.0])
    found = figures.shuffled(asked, np.random.default_rng(0))
    assert np.isnan(found[1])
    assert sorted(found[[0, 2, 3, 4]]) == [1, 2, 3, 4]
    assert not (found == asked).any()


def table(follows):
    rng, rows = np.random.default_rng(0), []
    for i in range(16):
        volume, known = float(i), {"sample": f"s{i}", "source": f"c{i}", "patient": f"p{i}"}
        known |= {"operation": "add", "organ": "brain"}
        rows.append(known | {"feature": VOLUME, "asked": volume,
                             "measured": volume if follows else rng.random()})  # fmt: skip
        rows.append(known | {"feature": control.OUTSIDE, "asked": 1.0, "measured": 1.0})
    rows.append(known | {"sample": "s99", "feature": control.FAILED, "measured": 1.0})
    return pd.DataFrame(rows)


def test_the_scorecard_holds_each_figure_beside_its_null_arms():
    rows = card.rows(table(True), table(False), "tscr", 50, np.random.default_rng(0))
    found = build(rows).set_index(["metric", "arm"])["value"]
    own = found[card.SPEARMAN]
    assert own[f"brain/{VOLUME}"] == 1
    assert abs(own[f"brain/{VOLUME}/untrained"]) < 0.6
    assert abs(own[f"brain/{VOLUME}/shuffled"]) < 0.9
    assert found[control.OUTSIDE, "brain"] == 1
    assert found[card.DRAWN, "all"] == pytest.approx(16 / 17)


def test_edits_of_one_mr_are_no_repeats_unless_they_are_alike():
    novelty, source = load("experts", "novelty"), brain("s", 0)
    known = {"source": "s", "patient": "p"}
    first, second = ((slice(at, at + 6),) * 3 for at in (6, 18))

    def edit(name, at, level):
        voxels = source.image.voxels.copy()
        voxels[at] = level
        image = source.image.holding(voxels)
        return Case(name, image, source.anatomy, source.findings, known)

    drawn = [edit("a", first, 0.9), edit("b", second, 0.9), edit("c", first, 0.901)]
    assert novelty.twins(drawn, {}) == {"c": "a"}
