"""A scorecard says what was measured, how surely, and admits what was not."""

import math

import numpy as np
import pandas as pd
import pytest

from radfoundry.report.scorecard import card, formatting
from radfoundry.report.scorecard.card import Row


def row(**changes) -> Row:
    given = {"recipe": "artasyn", "metric": "image_auroc", "value": 0.9, "low": 0.85, "high": 0.94}
    return Row(**{**given, "n": 40, **changes})


def test_a_row_takes_unit_and_direction_from_its_metric():
    frame = card.build([row(), row(metric="fid"), row(metric="accepted_fraction")])
    assert list(frame.columns) == list(card.COLUMNS)
    assert frame["unit"].tolist() == ["1", "1", "fraction"]
    assert frame["higher_is_better"].tolist() == [True, False, True]


def test_a_metric_of_its_own_keeps_its_unit_and_direction():
    frame = card.build([row(metric="edge_sharpness", unit="1/mm", higher_is_better=True)])
    assert frame.loc[0, "unit"] == "1/mm"
    assert frame.loc[0, "higher_is_better"]


def test_an_empty_scorecard_is_a_table_without_rows():
    assert card.build([]).shape == (0, len(card.COLUMNS))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 0.91}, "outside 0.91 to 0.94"),
        ({"high": math.nan}, "outside 0.85 to nan"),
        ({"value": math.nan}, "an interval but no value"),
        ({"unit": "mm"}, "it must be in '1'"),
        ({"n": -1}, "n = -1"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match="artasyn/image_auroc/-.*" + message):
        card.build([row(**changes)])


def test_two_rows_for_one_metric_and_arm_are_refused():
    with pytest.raises(ValueError, match="artasyn/image_auroc/- is there twice"):
        card.build([row(), row(value=0.86)])


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="column 'published' is missing"):
        card.check(card.build([row()]).drop(columns="published"))


@pytest.mark.parametrize("unknown", [math.nan, None, pd.NA, np.float64("nan"), math.inf])
def test_what_is_not_known_never_reads_as_a_number(unknown):
    assert formatting.shown(unknown) == formatting.NOT_AVAILABLE
    assert formatting.shown(unknown, "fraction") == formatting.NOT_AVAILABLE
    assert formatting.with_interval(unknown, 0, 1) == formatting.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "1", "0"), (0.0, "fraction", "0 %"), (0.9345, "1", "0.934"), (1234.5, "s", "1,234 s"),
        (-0.02, "1", "-0.020"), (0.0004, "1", "0.0004"), (12.345, "mm", "12.3 mm"),
        (1.0, "fraction", "100 %"),
    ],
)  # fmt: skip
def test_numbers_read_as_a_reader_wants_them(value, unit, words):
    assert formatting.shown(value, unit) == words


def test_every_metric_says_what_good_looks_like_in_sentences():
    for name, metric in card.METRICS.items():
        assert metric.good.endswith("."), name
        assert metric.title[0].isupper(), name


def test_a_gain_is_read_as_the_paired_difference_of_its_metric():
    gain = card.metric("pixel_dice_gain")
    assert gain.title.startswith("Paired difference: ")
    assert gain.higher_is_better
    assert "above 0" in gain.good
