"""All experts together: how many real cases they accept, by group, and what each adds."""

import json

import numpy as np
import pandas as pd
import pytest

from radfoundry import verdicts
from radfoundry.verdicts import facts, groups, joint, losses

EXPERTS = ("anatomy", "novelty", "realism")
EQUAL = dict.fromkeys(EXPERTS, 0.05)


def scores(n=400, seed=0, experts=EXPERTS):
    """Return scores of cases by experts that err apart from one another."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame([
        {"sample": f"c{i}", "expert": e, "score": rng.normal()} for i in range(n) for e in experts
    ])  # fmt: skip


def table(**samples):
    rows = [(s, e, v) for s, given in samples.items() for e, v in zip(EXPERTS, given, strict=True)]
    return pd.DataFrame(rows, columns=["sample", "expert", "score"])


def limits(*values):
    columns = {"expert": EXPERTS, "quantile": 0.1, "threshold": values, "n": 9, "note": ""}
    return pd.DataFrame(columns)


def accepted(real, found):
    return (groups.judged(real, found) == "kept").mean()


def test_three_experts_at_5_percent_refuse_about_14_percent_of_real_cases_together():
    real = scores(2000)
    assert accepted(real, verdicts.thresholds(real, EQUAL)) == pytest.approx(0.857, abs=0.02)


@pytest.mark.parametrize("asked", [0.8, 0.9, 0.95, 1.0])
def test_thresholds_are_the_strictest_at_which_enough_real_cases_pass_all(asked):
    real = scores()
    reached = accepted(real, verdicts.thresholds(real, EQUAL, asked))
    assert asked <= reached < asked + len(EXPERTS) / 400 + 1e-9


def test_stated_quantiles_are_ratios_and_an_expert_at_0_stays_there():
    ratios = {"anatomy": 0.1, "novelty": 0.05, "realism": 0.0}
    found = verdicts.thresholds(scores(), ratios, 0.9).set_index("expert")["quantile"]
    assert found["anatomy"] == pytest.approx(2 * found["novelty"], abs=0.005)
    assert found["realism"] == 0


def test_without_a_joint_share_every_threshold_is_its_own_quantile():
    real = scores(100)
    found = verdicts.thresholds(real, EQUAL)
    assert (found["quantile"] == 0.05).all()
    below = real.merge(found[["expert", "threshold"]]).query("score < threshold")
    assert below["expert"].value_counts().to_dict() == dict.fromkeys(EXPERTS, 5)


def test_the_note_says_what_the_experts_reach_together_and_where_cases_are_too_few():
    found = verdicts.thresholds(scores(10), EQUAL, 0.95)
    said = "all experts accept 1 of 10 real cases together; 0.95 asked for, which takes 20"
    assert found["note"].str.startswith(said).all()


def test_cases_without_evidence_are_no_question_of_thresholds():
    real = scores(100)
    real.loc[(real["expert"] == "novelty") & real["sample"].isin(["c0", "c1"]), "score"] = np.nan
    found = verdicts.thresholds(real, EQUAL, 0.9)
    verdict = groups.judged(real, found).value_counts()
    assert verdict["kept"] / 98 >= 0.9
    assert "of 98 real cases" in found["note"][0]


def test_where_no_case_was_measured_by_all_the_quantiles_stay_and_it_is_said():
    real = scores(40, experts=("anatomy",))
    others = scores(40, experts=("novelty",)).assign(sample=lambda t: "d" + t["sample"])
    found, note = joint.scaled(pd.concat([real, others]), {"anatomy": 0.05, "novelty": 0.1}, 0.9)
    assert found == {"anatomy": 0.05, "novelty": 0.1}
    assert "not controlled" in note


@pytest.mark.parametrize("asked", [0, -0.5, 1.2])
def test_an_impossible_share_is_refused(asked):
    with pytest.raises(ValueError, match="accept_real"):
        verdicts.thresholds(scores(9), EQUAL, asked)


def test_each_real_case_is_judged_again_by_other_patients_thresholds():
    real = scores(60)
    patients = {f"c{i}": f"p{i // 2}" for i in range(60)}
    found = groups.held_out(real, EQUAL, 0.95, patients)
    assert sorted(found.index) == sorted(set(real["sample"]))
    lowest = real.loc[real["score"].idxmin(), "sample"]
    assert groups.judged(real, verdicts.thresholds(real, EQUAL, 1.0))[lowest] == "kept"
    assert groups.held_out(real, EQUAL, 1.0, patients)[lowest] == "rejected"


def test_all_cases_of_a_patient_are_judged_by_the_same_thresholds():
    parts = joint.parts_of(["a", "b", "c"], {"a": "p", "b": "q", "c": "p"})
    assert parts[0] == parts[2] != parts[1]


def test_acceptance_is_counted_by_finding_side_severity_size_and_site():
    nodule = {"name": "nodule", "side": "left", "severity": "mild"}
    facts = pd.DataFrame({
        "sample": list("abcd"), "site": ["x", "x", "y", ""], "area": [4, 9, 30, np.nan],
        "findings": [[nodule], [nodule | {"side": "right"}], [{"name": "opacity"}], []],
    })  # fmt: skip
    verdict = pd.Series(["kept", "rejected", "kept", "undecided"], list("abcd"))
    found = groups.by_group("samples", verdict, groups.strata(facts))
    counts = {(r.group, r.value): (r.accepted, r.n) for r in found.itertuples()}
    assert counts["all", "all"] == (2, 4)
    assert (counts["finding", "nodule"], counts["finding", "no finding"]) == ((1, 2), (0, 1))
    assert (counts["side", "left"], counts["severity", "mild"]) == ((1, 1), (1, 2))
    assert (counts["site", "x"], counts["size", "4 to 4 pixels"]) == ((1, 2), (1, 1))


def test_what_a_request_says_of_a_finding_stands_beside_what_the_sample_shows():
    stated = {"findings": [{"name": "nodule", "side": "left"}]}
    requests = pd.DataFrame({"request": ["a"], "parameters": [json.dumps(stated)]})
    samples = pd.DataFrame({
        "sample": ["a", "b"], "source": ["c1", "c2"], "findings": ["nodule|opacity", ""],
    })  # fmt: skip
    found = facts.of_samples(samples, requests, {"c1": "x"})
    assert found["findings"][0] == [{"name": "nodule", "side": "left"}, {"name": "opacity"}]
    assert (found["findings"][1], list(found["site"])) == ([], ["x", ""])


def test_what_a_report_says_of_a_real_case_stands_beside_what_is_listed():
    said = {"case": "c1", "report": "Small left nodule.", "findings": "opacity", "site": "x"}
    found = facts.of_cases(pd.DataFrame([said])).iloc[0]
    names = {one["name"]: one.get("side", "") for one in found["findings"]}
    assert (names, found["site"]) == ({"nodule": "left", "opacity": ""}, "x")


def test_without_an_expert_what_it_alone_refused_is_accepted():
    nan = np.nan
    drawn = table(a=(9, 9, 9), b=(0, 9, 9), c=(0, 0, 9), d=(nan, 9, 9))
    found = losses.leave_one_out("samples", drawn, limits(5, 5, 5)).set_index("expert")
    assert found["accepted_without"].to_dict() == {"anatomy": 3, "novelty": 1, "realism": 1}
    assert found["refused_alone"].to_dict() == {"anatomy": 1, "novelty": 0, "realism": 0}
    assert found.loc["anatomy", "undecided_alone"] == 1


def test_the_waterfall_loses_each_sample_once_and_ends_at_what_is_kept():
    drawn = table(a=(9, 9, 9), b=(0, 0, 9), c=(9, 0, 9), d=(9, np.nan, 9), e=(9, 9, 9))
    decided = verdicts.decide(drawn, limits(5, 5, 5), twins={"e": "a"})
    undrawn = {"sample": "f", "verdict": "rejected", "reason": "no lungs"}
    decided = pd.concat([decided, pd.DataFrame([undrawn])])
    samples = pd.DataFrame({"sample": list("abcdef"), "status": ["ok"] * 5 + ["failed"]})
    steps = losses.waterfall(samples, decided, drawn, limits(5, 5, 5))
    assert steps["lost"].tolist() == [0, 1, 1, 1, 1, 0, 1, 0]
    assert steps["left"].tolist() == [6, 5, 4, 3, 2, 2, 1, 1]
