"""What the page says of subgroups: lines of groups and of gaps, and how to read them."""

import math

import pandas as pd
import pytest

from radfoundry.report import page, subgroups
from radfoundry.report.subgroups import Compared

NAN, EVIL = math.nan, "<script>x</script>"
BASE, CLAIMED = "real_repeated", "synthetic_added"
GAIN = f"{CLAIMED}-{BASE}"
COUNTS = {"n": 40, "patients": 38, "positives": 20}


def row(metric, arm, group, value, note=""):
    low, high = value - 0.1, value + 0.1
    where = {"test": "site_b", "findings": "opacity/k4", "attribute": "sex", "note": note}
    return where | COUNTS | {
        "metric": metric, "arm": arm, "group": group, "value": value, "low": low, "high": high,
    }  # fmt: skip


def compared(*more):
    rows = [
        row("few_shot_auroc", BASE, "F", 0.6), row("few_shot_auroc", BASE, "M", 0.7),
        row("few_shot_auroc", CLAIMED, "F", 0.8), row("few_shot_auroc", CLAIMED, "M", 0.75),
        row("few_shot_auroc", "extra_real", "F", 0.99),
        row("few_shot_auroc_gain", GAIN, "F", 0.2), row("few_shot_auroc_gain", GAIN, "M", 0.05),
        row("few_shot_auroc_gap", BASE, "M minus F", 0.1),
        row("few_shot_auroc_gap", CLAIMED, "F minus M", 0.05),
        row("few_shot_auroc_gain_gap", GAIN, "F minus M", 0.15), *more,
    ]  # fmt: skip
    return Compared(pd.DataFrame(rows), BASE, CLAIMED)


@pytest.fixture
def lines():
    small = row("few_shot_auroc", CLAIMED, "unknown", NAN, "fewer than 10 patients")
    (part,) = subgroups.section([compared(small)])
    assert part["arms"] == ["real repeated", "synthetic added"]
    return {line["group"]: line for line in part["lines"]}


def test_a_line_has_both_arms_and_the_gain_of_one_group(lines):
    assert list(lines) == ["sex: F", "sex: M", "sex: widest gap", "sex: unknown"]
    women = lines["sex: F"]
    assert (women["where"], women["patients"], women["positives"]) == (
        "site b · opacity · k4", 38, 20,
    )  # fmt: skip
    assert women["baseline"].startswith("0.600 (")
    assert women["claimed"].startswith("0.800 (")  # and not what further patients reach
    assert women["gain"].startswith("0.200 (")


def test_the_widest_gap_of_each_arm_says_between_whom_it_lies(lines):
    gap = lines["sex: widest gap"]
    assert gap["baseline"].endswith(", M minus F")
    assert gap["claimed"].endswith(", F minus M")
    assert gap["gain"].startswith("0.150 (")


def test_a_group_without_a_figure_says_why_in_its_place(lines):
    assert lines["sex: unknown"]["claimed"] == "fewer than 10 patients"
    assert lines["sex: unknown"]["gain"] == "not available"


def test_the_page_says_how_to_read_subgroups_and_escapes_them():
    evil = row("few_shot_auroc", BASE, EVIL, 0.6)
    shown = page.render({"recipes": [{"name": "r", "subgroups": [compared(evil)]}]})
    assert "no test of fairness" in shown
    assert EVIL not in shown
    assert "sex: &lt;script&gt;" in shown


def test_the_page_says_where_no_case_states_a_group_and_is_silent_where_nobody_asked():
    none = Compared(compared().table.iloc[:0], BASE, CLAIMED)
    assert "No group to show" in page.render({"recipes": [{"name": "r", "subgroups": [none]}]})
    assert "Subgroups" not in page.render({"recipes": [{"name": "r", "subgroups": []}]})
