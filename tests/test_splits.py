"""Splits go by patient, are even, are repeatable, and leaks are found."""

import pandas as pd
import pytest

from radfoundry.data import leakage, splits

FRACTIONS = {"train": 0.6, "tune": 0.2, "test": 0.2}


def cohort(patients=50, exams=2):
    rows = [(f"p{i}-{exam}", f"p{i}", "nodule" if i % 5 == 0 else "") for i in range(patients)
            for exam in range(exams)]  # fmt: skip
    return pd.DataFrame(rows, columns=["case", "patient", "findings"])


def test_every_patient_lies_in_one_split():
    cases = cohort()
    assigned = splits.assign(cases, FRACTIONS, seed=1)
    assert assigned.groupby(cases["patient"]).nunique().eq(1).all()


def test_fractions_hold_for_the_ill_and_for_the_healthy():
    cases = cohort()
    cases["split"] = splits.assign(cases, FRACTIONS, seed=1)
    for _, stratum in cases.groupby(cases["findings"].ne("")):
        shares = stratum["split"].value_counts(normalize=True)
        assert all(abs(shares[name] - part) <= 0.05 for name, part in FRACTIONS.items())


def test_the_order_of_the_rows_changes_nothing():
    cases = cohort()
    mixed = cases.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(
        splits.assign(cases, FRACTIONS, 1), splits.assign(mixed, FRACTIONS, 1).sort_index()
    )


def test_another_seed_divides_otherwise():
    assert not splits.assign(cohort(), seed=1).equals(splits.assign(cohort(), seed=2))


def test_a_given_split_is_kept_and_goes_for_all_exams_of_the_patient():
    cases = cohort().assign(split="")
    cases.loc[cases["case"] == "p7-1", "split"] = "test"
    assigned = splits.assign(cases, FRACTIONS, 1)
    assert assigned[cases["patient"] == "p7"].eq("test").all()


def test_given_splits_that_tear_a_patient_apart_are_refused():
    cases = cohort().assign(split="")
    cases.loc[0, "split"], cases.loc[1, "split"] = "train", "test"
    with pytest.raises(splits.SplitError, match="leak.patient.*p0"):
        splits.assign(cases, FRACTIONS, 1)


def test_patients_who_share_an_image_go_the_same_way():
    for seed in range(5):
        cases = cohort(exams=1)
        cases["split"] = splits.assign(cases, FRACTIONS, seed, [("p1", "p2"), ("P2 ", "p3")])
        assert cases["split"][1:4].nunique() == 1


def test_too_few_patients_for_the_splits_are_refused():
    with pytest.raises(splits.SplitError, match="split.empty"):
        splits.assign(cohort(patients=2), FRACTIONS, 1)


def test_a_split_with_no_part_may_be_empty():
    assigned = splits.assign(cohort(), {"train": 0, "tune": 0, "test": 1}, 1)
    assert assigned.eq("test").all()


def test_fractions_must_add_up_and_be_known():
    with pytest.raises(ValueError, match="add up to 1"):
        splits.assign(cohort(), {"train": 0.9, "test": 0.2})
    with pytest.raises(ValueError, match="choose from train, tune, test"):
        splits.assign(cohort(), {"tst": 1.0})


def divided(**columns):
    frame = {"case": ["a", "b", "c"], "patient": ["1", "2", "3"]}
    return pd.DataFrame(frame | {"split": ["train", "tune", "test"]} | columns)


@pytest.mark.parametrize(
    ("cases", "code", "message"),
    [
        (divided(patient=["1", "2", "1"]), "leak.patient", "'1' is in test, train"),
        (divided(patient=["p1", "2", " P1"]), "leak.patient", "'p1'"),
        (divided(source=["", "", "a"]), "leak.source", "'c' is in test, its source 'a' in train"),
        (divided(source=["", "", "x"]), "leak.source", "'x' in no split"),
    ],
)
def test_a_leak_is_named(cases, code, message):
    assert any(line.startswith(code) and message in line for line in splits.leaks(cases))
    with pytest.raises(splits.SplitError) as refused:
        splits.check(cases)
    assert refused.value.code == code


def test_an_image_in_two_splits_is_a_leak_and_within_one_is_none():
    pairs = pd.DataFrame({"case": ["a"], "other": ["b"]})
    assert splits.leaks(divided(), pairs)[0].startswith("leak.duplicate")
    assert not splits.leaks(divided(split=["train", "train", "test"]), pairs)


def test_a_clean_division_has_no_leak_and_passes():
    cases = divided(source=["", "", ""])
    assert splits.leaks(cases) == []
    splits.check(cases)


def test_a_division_without_a_needed_split_is_refused():
    cases = divided(split=["train", "train", "test"])
    with pytest.raises(splits.SplitError, match="no case in tune"):
        splits.check(cases)
    splits.check(cases, needed=("train", "test"))


def test_too_many_rejected_cases_stop_the_run_with_every_reason():
    images = pd.DataFrame({"case": list("abcd"), "status": ["ok"] * 2 + ["rejected"] * 2})
    images = images.assign(code=["", "", "io.crc", "geo.ndim"], message="why")
    leakage.check_rejected(images, 0.5)
    with pytest.raises(splits.SplitError, match=r"2 of 4(.|\n)*io.crc: 1, as c"):
        leakage.check_rejected(images, 0.25)


def test_an_unseen_patient_who_was_learned_from_is_a_leak():
    requests = pd.DataFrame({"request": ["r1"], "source": ["a"], "split": ["train"]})
    foreign = pd.DataFrame({"case": ["z"], "patient": ["9"], "split": ["test"]})
    checked = leakage.check_evaluation(divided(), [foreign], requests)
    assert checked["leaks"].eq(0).all()
    assert checked["cases"].tolist() == [3, 4, 3]
    with pytest.raises(splits.SplitError, match="leak.patient"):
        leakage.check_evaluation(divided(), [foreign.assign(patient="1")], requests)


def test_a_sample_outside_the_split_of_its_source_is_a_leak():
    requests = pd.DataFrame({"request": ["r1"], "source": ["c"], "split": ["train"]})
    with pytest.raises(splits.SplitError, match="leak"):
        leakage.check_evaluation(divided(), [], requests)
