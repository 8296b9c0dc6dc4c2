"""Verdicts: thresholds from real scores, and what they decide."""

import numpy as np
import pandas as pd
import pytest

from radfoundry import verdicts


def real(expert="realism", values=range(100)):
    return pd.DataFrame({"expert": expert, "score": [float(v) for v in values]})


def scored(**samples):
    rows = [(s, e, v) for s, given in samples.items() for e, v in given.items()]
    return pd.DataFrame(rows, columns=["sample", "expert", "score"])


@pytest.fixture
def limits():
    both = pd.concat([real("anatomy"), real("realism")])
    return verdicts.thresholds(both, {"anatomy": 0.05, "realism": 0.05})


def test_a_threshold_refuses_its_quantile_of_real_cases():
    limit = verdicts.thresholds(real(), {"realism": 0.05}).iloc[0]
    assert (np.arange(100) < limit["threshold"]).mean() == 0.05
    assert (limit["n"], limit["note"]) == (100, "")


@pytest.mark.parametrize("n", [1, 2, 10, 19])
def test_too_few_real_cases_give_their_lowest_score_and_say_so(n):
    limit = verdicts.thresholds(real(values=range(5, 5 + n)), {"realism": 0.05}).iloc[0]
    assert limit["threshold"] == 5
    assert f"{n} real cases cannot resolve" in limit["note"]
    assert "20 needed" in limit["note"]


def test_real_scores_without_evidence_do_not_count():
    limit = verdicts.thresholds(real(values=[np.nan, 3, np.nan]), {"realism": 0.05}).iloc[0]
    assert (limit["threshold"], limit["n"]) == (3, 1)


def test_no_real_score_leaves_every_sample_undecided():
    limit = verdicts.thresholds(real(values=[]), {"realism": 0.05})
    decided = verdicts.decide(scored(a={"realism": 5.0}), limit)
    assert decided["verdict"].tolist() == [verdicts.UNDECIDED]
    assert "no threshold" in decided["reason"][0]


@pytest.mark.parametrize("quantile", [-0.1, 1.0])
def test_a_quantile_outside_its_range_is_refused(quantile):
    with pytest.raises(ValueError, match="quantile of realism"):
        verdicts.thresholds(real(), {"realism": quantile})


def test_a_sample_that_all_accept_is_kept_without_a_reason(limits):
    decided = verdicts.decide(scored(a={"anatomy": 5.0, "realism": 99.0}), limits)
    assert decided.to_dict("records") == [{"sample": "a", "verdict": "kept", "reason": ""}]


def test_a_rejection_names_every_expert_value_and_threshold(limits):
    decided = verdicts.decide(scored(a={"anatomy": 1.5, "realism": 2.0}), limits)
    assert decided["verdict"][0] == "rejected"
    for words in ("anatomy 1.5 < 5", "realism 2 < 5", "quantile 0.05 of 100 real cases"):
        assert words in decided["reason"][0]


@pytest.mark.parametrize("given", [{"anatomy": 9.0, "realism": np.nan}, {"anatomy": 9.0}])
def test_missing_evidence_never_counts_as_agreement(limits, given):
    decided = verdicts.decide(scored(a=given), limits)
    assert decided["verdict"][0] == "undecided"
    assert decided["reason"][0] == "realism has no evidence"


def test_one_refusal_outweighs_missing_evidence(limits):
    decided = verdicts.decide(scored(a={"anatomy": np.nan, "realism": 0.0}), limits)
    assert decided["verdict"][0] == "rejected"
    assert "anatomy has no evidence" in decided["reason"][0]


def test_a_repeated_sample_is_rejected_by_the_name_of_the_first(limits):
    fine = {"anatomy": 9.0, "realism": 9.0}
    decided = verdicts.decide(scored(a=fine, b=fine), limits, twins={"b": "a"})
    assert decided["verdict"].tolist() == ["kept", "rejected"]
    assert decided["reason"][1] == "repeats a"


def test_an_expert_without_a_threshold_is_an_error(limits):
    with pytest.raises(ValueError, match=r"no threshold for \['novelty'\]"):
        verdicts.decide(scored(a={"novelty": 1.0}), limits)


def test_a_sample_scored_twice_is_an_error(limits):
    twice = pd.concat([scored(a={"anatomy": 1.0})] * 2)
    with pytest.raises(ValueError, match="scored twice"):
        verdicts.decide(twice, limits)


def test_scores_of_samples_keep_their_order(limits):
    fine = {"anatomy": 9.0, "realism": 9.0}
    decided = verdicts.decide(scored(z=fine, a=fine, m=fine), limits)
    assert decided["sample"].tolist() == ["z", "a", "m"]


def test_acceptance_counts_each_expert_and_all_with_intervals(limits):
    scores = scored(
        a={"anatomy": 9.0, "realism": 9.0},
        b={"anatomy": 9.0, "realism": 0.0},
        c={"anatomy": 9.0, "realism": np.nan},
    )
    table = verdicts.acceptance(scores, limits, verdicts.decide(scores, limits))
    found = table.set_index("expert")
    assert found["accepted"].to_dict() == {"anatomy": 3, "realism": 1, "all": 1}
    assert found["undecided"].to_dict() == {"anatomy": 0, "realism": 1, "all": 1}
    assert ((found["low"] <= found["fraction"]) & (found["fraction"] <= found["high"])).all()


def test_acceptance_of_nothing_is_not_a_number(limits):
    none = scored()
    found = verdicts.acceptance(none, limits, verdicts.decide(none, limits))
    assert found["fraction"].isna().all()


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (["rejected", "undecided"], {"filter.none_accepted"}),
        ([], {"filter.none_accepted"}),
        (["kept", "kept"], {"filter.all_accepted"}),
        (["kept", "undecided", "undecided"], {"filter.many_undecided"}),
        (["kept", "rejected"], set()),
    ],
)
def test_verdicts_that_tell_nothing_apart_raise_an_alarm(given, codes):
    assert set(verdicts.alarms(pd.DataFrame({"verdict": given}, dtype=object))) == codes


def test_a_filter_that_keeps_nothing_stops_the_run():
    with pytest.raises(verdicts.VerdictError, match=r"filter.none_accepted: none of 1 samples"):
        verdicts.check(pd.DataFrame({"verdict": ["rejected"]}))
