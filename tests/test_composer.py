"""Reports say what is there, where and how much, and deny what is not."""

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.text import composer

EFFUSION = {"name": "pleural_effusion", "side": "left", "severity": "severe", "location": ""}
NODULE = {"name": "nodule", "side": "right", "severity": "mild", "location": "upper zone"}


def reports(findings, n=40):
    return [composer.compose(findings, np.random.default_rng(seed)) for seed in range(n)]


def parts(report):
    return report.removeprefix("FINDINGS: ").split(" IMPRESSION: ")


def test_equal_seeds_compose_equal_reports_and_others_vary():
    assert reports([EFFUSION]) == reports([EFFUSION])
    assert len(set(reports([EFFUSION]))) > 30


def test_every_finding_of_a_chest_has_words():
    words = composer.wording()
    found = regions.vocabulary().findings
    names = {label.name for label in found if label.within != "organ"}  # tumours are no prompts
    assert set(words["findings"]) == set(words["severity"]) == names


def test_a_report_has_findings_and_impression():
    for report in reports([NODULE, EFFUSION]):
        findings, impression = parts(report)
        assert findings.strip()
        assert impression.strip()
        assert "{" not in report


@pytest.mark.parametrize("name", list(composer.wording()["findings"]))
def test_what_is_there_is_stated_and_never_denied(name):
    finding = {"name": name, "side": "right", "severity": "moderate", "location": "lower zone"}
    absent = composer.wording()["findings"][name]["absent"]
    for report in reports([finding]):
        assert "moderate" in report.lower() or "medium" in report.lower()
        assert not any(sentence in report for sentence in absent)


def test_what_is_not_there_is_only_mentioned_to_deny_it():
    for report in reports([]):
        findings, impression = parts(report)
        for sentence in findings.split(". "):
            assert any(w in sentence.lower() for w in ("no ", "not ", "without", "normal", "clear"))
        assert impression in composer.wording()["normal"]


def test_the_side_is_the_findings_own():
    for report in reports([EFFUSION]):
        assert "left" in report
        assert "right" not in report


def test_a_finding_of_both_sides_is_called_bilateral():
    both = [EFFUSION, EFFUSION | {"side": "right", "severity": "mild"}]
    for report in reports(both):
        assert "bilateral" in report.lower()


def test_the_impression_starts_with_the_worst_finding():
    for report in reports([NODULE, EFFUSION]):
        first = parts(report)[1].split(" 2. ")[0]
        assert "effusion" in first


def test_articles_fit_the_words_that_follow():
    many = [NODULE | {"severity": s} for s in composer.DEGREES] + [EFFUSION]
    for report in reports(many, 80):
        words = report.replace(".", "").split()
        for article, word in zip(words, words[1:], strict=False):
            assert not (article.lower() == "a" and word[0] in "aeiou")


def test_an_unknown_finding_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="choose from opacity"):
        composer.compose([{"name": "tumor"}], np.random.default_rng(0))
