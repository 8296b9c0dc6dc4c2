"""Reports without images: checked, kept apart from held-out patients, learned from."""

import hashlib

import pandas as pd
import pytest
from test_medsyn import fitted

from radfoundry.bundles import model_card
from radfoundry.config import reports
from radfoundry.data.leakage import reports_to_learn
from radfoundry.generators.medsyn import training

TABLE = "report\tpatient\nLungs are clear.\tp-1\nEffusion.\t\n"
COHORT = pd.DataFrame(
    {
        "patient": ["p-1", "P_02", "p-3"],
        "split": ["train", "test", "tune"],
        "report": ["Own words.", "Heart is large.", ""],
    }
)


def refused(put, text):
    with pytest.raises(reports.ReportsError) as error:
        reports.read(put(text.encode(), "reports.tsv"))
    return str(error.value)


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_a_table_is_read_whatever_its_delimiter(put, delimiter):
    rows = reports.read(put(TABLE.replace("\t", delimiter).encode(), "reports.tsv"))
    assert rows[0] == {"report": "Lungs are clear.", "patient": "p-1"}
    assert rows[1]["patient"] == ""


def test_the_column_of_patients_may_be_left_out_and_a_long_report_is_cut(put):
    rows = reports.read(put(f"report\n{'a' * 10_001}\n".encode(), "reports.csv"))
    assert rows == [{"report": "a" * 10_000, "patient": ""}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient\np-1\n", "column 'report': table.column: is missing"),
        ("report\ttext\na\tb\n", "column 'text': table.column: unknown; allowed: report"),
        ("report\n", "table.empty"),
        ("report\tpatient\n  \tp-1\n", "line 2, column 'report': value.missing: is empty"),
        ("report\tpatient\nClear.\tp 1\n", "line 2, column 'patient': id.pattern: 'p 1'"),
        ('report\n"Clear.\n', "table.quote"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_line_and_column(put, text, message):
    assert message in refused(put, text)


def test_of_many_faults_the_first_are_listed_and_the_others_counted(put):
    said = refused(put, "report\tpatient\n" + "Clear.\tp 1\n" * 25)
    assert "line 21, " in said
    assert "line 22, " not in said
    assert "and 5 more faults" in said


def test_a_table_that_is_not_there_is_refused_before_any_job(tmp_path):
    train = {"text": {"reports": str(tmp_path / "none.tsv")}, "low_resolution": {"steps": 1}}
    settings = {"recipes": {"mine": {"train": train}}}
    assert reports.files(settings, "mine", "low_resolution") == []
    with pytest.raises(reports.ReportsError, match="none.tsv cannot be used.*\n.*table.missing"):
        reports.check(settings)


def rows_of(*pairs):
    return [{"report": text, "patient": patient} for text, patient in pairs]


@pytest.mark.parametrize("patient", ["P_02", "p-2", "P2", "p-3"])
def test_reports_of_held_out_patients_are_left_out_however_the_id_is_spelled(patient):
    texts, counts = reports_to_learn(rows_of(("A.", patient), ("B.", "p-1"), ("C.", "")), COHORT)
    assert texts == ["B.", "C."]
    assert counts == {"given": 3, "duplicates": 0, "held_out": 1, "taken": 2}


def test_a_text_that_a_held_out_case_has_is_left_out_without_any_patient():
    texts, counts = reports_to_learn(rows_of(("Heart is large. ", ""), ("A.", "q-9")), COHORT)
    assert (texts, counts["held_out"]) == (["A."], 1)


def test_equal_texts_count_once_and_are_counted():
    texts, counts = reports_to_learn(rows_of(("A.", ""), ("A.", "q-9"), ("B.", "")), COHORT)
    assert texts == ["A.", "B."]
    assert (counts["duplicates"], counts["taken"]) == (1, 2)


def test_a_cohort_without_reports_holds_patients_out_all_the_same():
    texts, _ = reports_to_learn(rows_of(("A.", "p-3")), COHORT.drop(columns="report"))
    assert texts == []


NEW = "FINDINGS: Zymurgic zymurgic zymurgic opacity. IMPRESSION: Zymurgic opacity."


@pytest.mark.parametrize("options", [{"steps": 2}, {"steps": 2, "reading": False}, {"steps": 0}])
def test_reports_without_images_enter_vocabulary_and_training(options):
    plain = fitted("text", text=options)
    more = fitted("text", text=options, reports=(NEW, NEW))
    assert "zymurgic" in more.card["vocabulary"]
    assert "zymurgic" not in plain.card["vocabulary"]
    digest = hashlib.sha256(NEW.encode()).hexdigest()
    assert more.card["reports_without_images"] == {"count": 1, "sha256": digest}
    assert "reports_without_images" not in plain.card
    if options["steps"]:
        assert more.card["reports"] == plain.card["reports"] + 1


def test_without_any_the_card_stays_as_it_is():
    words = fitted("text", text={"steps": 0})
    assert training.counted(words, ()) is words


def test_the_card_of_a_bundle_counts_them():
    data = {"cases": 3, "patients": 2, "reports": 3, "words": 0, "patients_by_finding": {}}
    said = "\n".join(model_card._data({**data, "reports_without_images": 12}))
    assert "12 reports without images" in said
    assert "without images" not in "\n".join(model_card._data(data))
