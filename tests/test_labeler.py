"""Reports in, findings out: status, side and severity, as a radiologist would read them."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.phantoms._bodies import findings as bodies
from radfoundry.text import composer, labeler
from radfoundry.text.labeler import lexicon

GOLD = Path(__file__).with_name("gold_reports.tsv")
SENTENCES = Path(__file__).with_name("gold_sentences.tsv")
OPEN = "*"  # a text in another language: nothing is read, everything is open
PLACES = {"cardiomegaly": [""], "pleural_effusion": [""]}
LUNG = ["upper lobe", "lower lobe", "upper zone", "middle zone", "lower zone"]

# chexpert_labeled_reports.csv: the labels the CheXpert tool gives, for what is a finding here.
CHEXPERT = {
    "Cardiomegaly": "cardiomegaly",
    "Lung Lesion": "nodule",
    "Lung Opacity": "opacity",
    "Consolidation": "consolidation",
    "Pleural Effusion": "pleural_effusion",
}
STATUS = {"1.0": "present", "0.0": "absent", "-1.0": "uncertain"}
# reports.json has no labels: these are one engineer's reading; the rules were written beside it.
READ = {
    "a257132503242682": {"nodule": ("present", "left")},
    "a857795211017352": {
        "cardiomegaly": ("absent", ""),
        "emphysema": ("present", ""),
        "pleural_effusion": ("present", "left"),
    },
    "a654061970756517": {
        "cardiomegaly": ("absent", ""),
        "emphysema": ("present", ""),
        "pleural_effusion": ("present", ""),
    },
    "a173095681219824": {
        "emphysema": ("present", ""),
        "nodule": ("present", "left"),
        "pleural_effusion": ("present", "left"),
    },
    "a508258761846499": {
        "emphysema": ("present", ""),
        "nodule": ("present", "left"),
        "opacity": ("absent", ""),
    },
}


def gold():
    """Return the findings each text should have: name -> (status, side, severity)."""
    stated = defaultdict(dict)
    with GOLD.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            stated[row["text"]][row["finding"]] = (row["status"], row["side"], row["severity"])
    return {t: {k: v for k, v in rows.items() if v[0] != "-"} for t, rows in stated.items()}


def sentences():
    """Return text -> rows: forms that once broke the labeler, with what a radiologist reads."""
    rows = defaultdict(list)
    with SENTENCES.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            rows[row["text"].replace("\\n", "\n")].append(row)
    return rows


ENGLISH = {text: rows for text, rows in sentences().items() if rows[0]["finding"] != OPEN}
OTHERS = sorted(set(sentences()) - set(ENGLISH))


def read(text):
    return {k: (m.status, m.side, m.severity) for k, m in labeler.findings_of(text).items()}


def entries(findings):
    """Return what words can carry of findings: one entry per name, location and side."""
    stated = {}
    for f in findings:
        key = (f["name"], f.get("location", ""))
        sides, severity = stated.setdefault(key, (set(), []))
        sides |= {f["side"]}
        severity.append(f["severity"])
    worst = {k: max(s, key=composer.DEGREES.index) for k, (_, s) in stated.items()}
    return sorted(
        (name, place, side, worst[name, place])
        for (name, place), (sides, _) in stated.items()
        for side in sides
    )


def parsed(report):
    found = labeler.structured(report)
    return sorted((f["name"], f["location"], f["side"], f["severity"]) for f in found)


def placed(text):
    return [(f["side"], f["location"].removesuffix(" lobe")) for f in labeler.structured(text)]


def chosen(rng):
    """Return random findings, wilder than any phantom's: any number, place and side."""
    out = []
    for _ in range(rng.integers(0, 6)):
        name = str(rng.choice(list(composer.wording()["findings"])))
        side = "" if name == "cardiomegaly" else str(rng.choice(["right", "left"]))
        place = str(rng.choice(PLACES.get(name, LUNG)))
        severity = str(rng.choice(composer.DEGREES))
        out.append({"name": name, "side": side, "location": place, "severity": severity})
    return out


def test_the_gold_table_is_large_and_each_finding_is_in_it():
    stated = gold()
    rows = GOLD.read_text().splitlines()
    assert len(rows) > 120
    assert {name for rows in stated.values() for name in rows} == set(
        composer.wording()["findings"]
    )


@pytest.mark.parametrize(("text", "stated"), gold().items(), ids=lambda v: str(v)[:50])
def test_the_gold_table_is_read_exactly(text, stated):
    assert read(text) == stated


def test_the_gold_sentences_are_many_and_each_form_is_there_more_than_twice():
    forms = [(row["form"], text) for text, rows in sentences().items() for row in rows]
    assert len(sentences()) >= 200
    assert all(len({t for f, t in forms if f == form}) > 2 for form, _ in forms)


@pytest.mark.parametrize(("text", "rows"), ENGLISH.items(), ids=lambda v: str(v)[:50])
def test_a_form_that_once_broke_is_read_exactly(text, rows):
    stated = {r["finding"]: (r["status"], r["side"]) for r in rows if r["status"] != "-"}
    assert {name: seen[:2] for name, seen in read(text).items()} == stated
    for row in [r for r in rows if r["places"]]:
        found = [f for f in labeler.structured(text) if f["name"] == row["finding"]]
        assert {f"{f['side']} {f['location']}" for f in found} == set(row["places"].split(", "))


@pytest.mark.parametrize("text", OTHERS)
def test_a_report_in_another_language_is_open_and_warned_of(text):
    with pytest.warns(RuntimeWarning, match="not, or not all, in English"):
        values = labeler.labels_of({"report": text}, ("nodule", "pleural_effusion"))
    assert np.isnan(values).all()
    assert labeler.unread([text]) == [text]


def test_a_foreign_sentence_leaves_open_what_the_english_ones_do_not_state():
    report = "Small left effusion. Kein Infiltrat und keine Rundherde. Heart size is normal."
    with pytest.warns(RuntimeWarning):
        values = labeler.labels_of(
            {"report": report}, ("pleural_effusion", "cardiomegaly", "nodule")
        )
    np.testing.assert_array_equal(values, [1, 0, np.nan])


def test_an_impression_that_asks_or_denies_a_part_does_not_undo_what_was_found():
    report = "FINDINGS: Right effusion. Nodule. IMPRESSION: {}"
    for said in ("No hydropneumothorax.", "CT to exclude further nodules."):
        found = read(report.format(said))
        assert {found[name][0] for name in ("pleural_effusion", "nodule")} == {"present"}


def test_rules_read_every_finding_that_reports_are_composed_of_by_the_names_of_labels():
    names = {label.name for label in regions.vocabulary().findings}
    known = set(lexicon.rules().data["findings"])
    assert known == set(composer.wording()["findings"])
    assert known <= names


@pytest.mark.parametrize("seed", range(4))
def test_a_composed_report_parses_back_to_what_was_composed(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        findings = chosen(rng)
        report = composer.compose(findings, rng)
        assert parsed(report) == entries(findings), report


def test_a_phantoms_report_parses_back_to_its_findings():
    rng = np.random.default_rng(9)
    for _ in range(80):
        findings = bodies.choose(rng, dict.fromkeys(bodies.NAMES, 0.4), "CT")
        report = composer.compose(findings, rng)
        assert parsed(report) == entries(findings), report


def test_what_a_composed_report_denies_is_absent_and_never_present():
    rng = np.random.default_rng(5)
    for _ in range(40):
        report = composer.compose([], rng)
        assert {m.status for m in labeler.label(report)} <= {"absent"}


def test_reading_composing_and_reading_again_changes_nothing():
    text = "Large right effusion. Mild emphysema in both upper lobes. No nodule."
    once = labeler.structured(text)
    again = labeler.structured(composer.compose(once, np.random.default_rng(0)))
    assert sorted(map(str, again)) == sorted(map(str, once))


def test_a_severity_that_nobody_told_is_left_out():
    assert labeler.structured("Left effusion.") == [
        {"name": "pleural_effusion", "side": "left", "location": ""}
    ]


def test_a_severity_told_without_a_place_is_that_of_every_place_that_has_none():
    text = "FINDINGS: Mild emphysema. IMPRESSION: Emphysema in both upper lobes."
    assert [f["severity"] for f in labeler.structured(text)] == ["mild", "mild"]
    own = labeler.structured("Severe emphysema. Mild emphysema in the right upper lobe.")
    assert [f["severity"] for f in own] == ["mild"]


@pytest.mark.parametrize(
    "text",
    [
        "Opacities in the right upper lobe and left lower lobe.",
        "Opacities in the right upper and left lower lobes.",
        "Opacities in the right upper and the left lower lobes.",
        "Right upper and left lower lobe opacities.",
        "Opacities in the upper lobe on the right and lower lobe on the left.",
    ],
)
def test_two_places_are_two_findings(text):
    assert placed(text) == [("right", "upper"), ("left", "lower")]


def test_a_place_without_a_side_of_its_own_is_on_the_side_told_before():
    found = placed("Consolidation in the right upper, middle and left lower lobes.")
    assert found == [("right", "upper"), ("right", "middle"), ("left", "lower")]
    assert placed("Nodules in the left lower and upper lobes.") == [
        ("left", "lower"),
        ("left", "upper"),
    ]


def test_the_parts_that_state_no_observation_are_not_read():
    assert labeler.label("INDICATION: Large effusion?\nCOMPARISON: Nodule.\nTECHNIQUE: CT.") == []


@pytest.mark.parametrize(
    "text",
    [
        "COMPARISON: None. There is a nodule.",
        "COMPARISON: Chest CT of 5/2/2019, emphysema. There is a nodule.",
        "COMPARISON: None\nThere is a nodule.",
        "TECHNIQUE: CT. There is a nodule.",
        "INDICATION: Effusion? COMPARISON: None.\n\nThere is a nodule.",
        "INDICATION: Effusion?\n\nThere is a nodule.",
        "FINDINGS: COMPARISON: None. There is a nodule.",
        "COMPARISON: None. There is a nodule. EXAM: CT.",
        "COMPARISON: Emphysema.\n\nThere is a nodule.\n\nIMPRESSION: Nodule.",
        "In comparison: the nodule has grown.",
    ],
)
def test_a_body_without_a_heading_of_its_own_is_read(text):
    assert {k: v[0] for k, v in read(text).items()} == {"nodule": "present"}


@pytest.mark.parametrize(
    "text",
    [
        "COMPARISON: Chest CT of May 2019 with a nodule.",
        "COMPARISON: 1. CT with a nodule.",
        "COMPARISON:\n\nCT of 2019 with a nodule.",
        "INDICATION: Cough. Nodule on a film.",
        "COMPARISON: CT 2019. Nodule was 5 mm then.",
        "COMPARISON: CT 2019. It showed a nodule. That measured 5 mm then.",
        "TECHNIQUE: CT.\nRECOMMENDATION: See a doctor.\n\nCT of the nodule in 3 months.",
    ],
)
def test_a_report_of_nothing_but_other_parts_states_nothing(text):
    assert lexicon.statements(text) == []
    assert labeler.label(text) == []


def test_other_parts_stay_unread_where_findings_are_told():
    report = "HISTORY: Cough.\n\nNodule. FINDINGS: Clear. COMPARISON: CT. Nodule.\n\nEffusion."
    assert labeler.label(report) == []
    assert labeler.label("COMPARISON: CT 2019. Nodule then. IMPRESSION: Clear lungs.") == []


@pytest.mark.parametrize("text", ["", "   ", "FINDINGS:", "Normal chest.", "1. 2. 3."])
def test_a_text_without_findings_has_no_labels(text):
    assert labeler.label(text) == []


@pytest.mark.parametrize("name", list(composer.wording()["findings"]))
def test_every_finding_can_be_denied(name):
    word = {"ground_glass": "ground-glass opacity", "pleural_effusion": "effusion"}.get(name, name)
    stated, denied = read(f"There is {word}."), read(f"There is no {word}.")
    assert (stated[name][0], denied[name][0]) == ("present", "absent")


def test_the_labels_of_chexpert_are_met(shared_data):
    with (shared_data / "reports_siim/chexpert_labeled_reports.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            stated = {CHEXPERT[k]: STATUS[v] for k, v in row.items() if k in CHEXPERT and v}
            assert {k: v[0] for k, v in read(row["Reports"]).items()} == stated


def test_whole_reports_read_as_an_engineer_reads_them(shared_data):
    reports = json.loads((shared_data / "reports_siim/reports.json").read_text())
    for report in reports:
        parts = ("indication", "technique", "comparison", "findings", "impression")
        text = " ".join(f"{part.upper()}: {report[part]}" for part in parts)
        found = {k: v[:2] for k, v in read(text).items()}
        assert found == READ[report["accession"]], report["accession"]


def test_labels_come_from_the_table_or_else_from_the_report():
    report = "Findings: Small left pleural effusion. Possible consolidation. No nodule."
    names = ("pleural_effusion", "consolidation", "nodule", "emphysema")
    stated = labeler.labels_of({"findings": "", "report": report}, names)
    np.testing.assert_array_equal(stated, [1, np.nan, 0, 0])
    assert labeler.labels_of({"findings": "emphysema", "report": report}, names) == [0, 0, 0, 1]


def test_a_case_without_a_report_is_healthy_but_one_with_an_empty_one_to_read_is_open():
    names = ("nodule", "opacity")
    for facts in ({"findings": ""}, {"findings": "", "report": " "}):
        assert labeler.labels_of(facts, names) == [0, 0]
    silent = {"findings": "", "report": "COMPARISON: CT with a nodule."}
    assert np.isnan(labeler.labels_of(silent, names)).all()
    assert labeler.labels_of(silent | {"report": "Normal chest."}, names) == [0, 0]


def test_a_line_without_an_end_is_read_to_its_last_word():
    filler = "lines and tubes in place, " * 400
    found = labeler.findings_of(f"mild emphysema, {filler}small left effusion, {filler}no nodule")
    assert {name: said.status for name, said in found.items()} == {
        "emphysema": "present",
        "pleural_effusion": "present",
        "nodule": "absent",
    }
