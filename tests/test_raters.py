"""Agreement and ranks have the values of textbooks, and are undefined where they say nothing."""

import numpy as np
import pytest

from radfoundry.evaluation.metrics.raters import bonferroni_pairs, fleiss_kappa, friedman

# Hollander and Wolfe (1973), p. 140: 22 players round first base in three ways (R's friedman.test)
BASES = """5.40 5.50 5.55 5.85 5.70 5.75 5.20 5.60 5.50 5.55 5.50 5.40 5.90 5.85 5.70 5.45 5.55 5.60
5.40 5.40 5.35 5.45 5.50 5.35 5.25 5.15 5.00 5.85 5.80 5.70 5.25 5.20 5.10 5.65 5.55 5.45 5.60 5.35
5.45 5.05 5.00 4.95 5.50 5.50 5.40 5.45 5.55 5.50 5.55 5.55 5.35 5.45 5.50 5.55 5.50 5.45 5.25 5.65
5.60 5.40 5.70 5.65 5.55 6.30 6.30 6.25"""
# Fourteen raters, ten subjects, five categories: Wikipedia, "Fleiss' kappa"; P 0.378, Pe 0.213
SUBJECTS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_friedman_with_ties_has_the_textbooks_value():
    found = friedman(np.array(BASES.split(), float).reshape(22, 3))
    assert (round(found.chi2, 3), round(found.p, 6), found.n) == (11.143, 0.003805, 22)
    assert found.w == pytest.approx(11.1429 / 44, abs=1e-5)


def test_raters_who_rank_alike_have_a_concordance_of_one():
    assert friedman(np.tile([1.0, 2, 3, 4], (5, 1))).w == pytest.approx(1)
    assert friedman(np.array([[1.0, 2, 3], [2, 3, 1], [3, 1, 2]])).w == pytest.approx(0)


@pytest.mark.parametrize(
    ("scores", "note"),
    [
        ([[1.0, 2, 3]], "2 blocks"), ([[1.0, 2], [2, 1]], "3 treatments"),
        ([[1.0, 2, 3], [1, np.nan, 3]], "1 of 2 blocks"), ([[2.0, 2, 2], [1, 1, 1]], "ties"),
    ],
)  # fmt: skip
def test_friedman_says_why_it_is_not_defined(scores, note):
    found = friedman(np.array(scores))
    assert np.isnan([found.chi2, found.p, found.w]).all()
    assert note in found.note


def test_pairs_are_corrected_for_their_number():
    scores = np.array([[0, i, 3 * i] for i in range(1, 7)], float)
    pairs = bonferroni_pairs(scores)
    assert [(p.first, p.second, p.difference) for p in pairs] == [
        (0, 1, -3.5),
        (0, 2, -10.5),
        (1, 2, -7),
    ]
    # six differences of one sign without ties: exact two-sided p is 2 / 2**6, times three pairs
    assert [pair.p for pair in pairs] == pytest.approx([6 / 64] * 3)
    assert np.isnan(bonferroni_pairs(np.ones((4, 2)))[0].p)


def test_fleiss_kappa_has_the_textbooks_value():
    assert fleiss_kappa(np.array(SUBJECTS)) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == pytest.approx(1)


def test_fleiss_kappa_counts_an_item_as_often_as_its_weight():
    counts = np.array(SUBJECTS)
    twice = np.repeat(counts, [2, 0, 1, 1, 1, 1, 1, 1, 1, 1], axis=0)
    weights = np.array([2, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    assert fleiss_kappa(counts, weights) == pytest.approx(fleiss_kappa(twice))


def test_fleiss_kappa_is_undefined_where_it_says_nothing():
    assert np.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]])))
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))
    assert np.isnan(fleiss_kappa(np.zeros((0, 2), int)))
    with pytest.raises(ValueError, match="2 to 3 ratings"):
        fleiss_kappa(np.array([[2, 0], [2, 1]]))
