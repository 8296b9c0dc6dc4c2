"""The task `few_shot`: who teaches at each k, what ends a training, and what measures samples."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry.case import Case
from radfoundry.config import catalogue, settings
from radfoundry.evaluation.learners import classifier, plateau, targets
from radfoundry.evaluation.metrics import few_shot as figures
from radfoundry.evaluation.tasks import few_shot
from radfoundry.evaluation.tasks._few_shot import classifying, regimes, teaching
from radfoundry.volume import Volume

SCHEMA = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
EFFUSION = "pleural_effusion"
QUICK = {
    "findings": [EFFUSION], "sides": [], "severities": [], "shots": [2], "added": 2, "steps": 4,
    "trial": 2, "batch": 4, "bootstrap": 20,
}  # fmt: skip
REPORTS = {
    "mild left": "There is a small left pleural effusion.",
    "severe right": "There is a large right pleural effusion.",
    "moderate left": "There is a moderate left pleural effusion.",
    "bilateral": "Large bilateral pleural effusions.",
    "none": "No pleural effusion.",
    "silent": "",
}


def rng(seed=0):
    return np.random.default_rng(seed)


def case(name, ill=False, **facts):
    """Return a noisy lung, with water at its bottom or without."""
    voxels = rng(len(name)).normal(-800, 40, (8, 8, 8)).astype(np.float32)
    voxels[:, :, : 3 * ill] += 800
    empty = np.zeros(voxels.shape, np.uint8)
    known = {"patient": name, "cohort": "own", "findings": EFFUSION if ill else ""} | facts
    return Case(name, Volume(voxels, np.eye(4)), empty, empty, known)


def cohort(name, count=8, **facts):
    return [case(f"{name}{i}", i % 2 == 0, **facts) for i in range(count)]


def cases(**parts):
    named = {part: cohort(part, 4) for part in ("tune", "test")}
    samples = cohort("s", 8, patient="train0")
    drawn = {"samples": samples, "untrained": cohort("null", 8, patient="train0")}
    drawn["unfiltered"] = cohort("u", 8, patient="train0", kept=True)
    return named | drawn | {"train": cohort("train", 12), "unseen": []} | parts


def ran(arm="real_repeated", seed=0, options=None, **parts):
    given = QUICK | {"seed": seed} | (options or {})
    return few_shot.run(arm, cases(**parts), given, rng(seed)).assign(arm=arm, seed=seed)


def drawn(labels, owners=None, seed=0):
    return regimes.by_kind(np.array(labels, float), owners or range(len(labels)), rng(seed))


def predicted(arm, score, seed=0, truth=(1, 1, 1, 1, 0, 0, 0, 0)):
    made = pd.DataFrame({"truth": np.array(truth, float), "score": np.array(score, float)})
    names = [f"c{i}" for i in range(len(made))]
    more = {"cohort": "own", "finding": f"{EFFUSION}/k4", "threshold": 0.5, "note": ""}
    return made.assign(case=names, patient=names, arm=arm, seed=seed, samples=0, extra=0, **more)


def shares(draws=5, **scores):
    drawn = [predicted(a, s, seed) for a, s in scores.items() for seed in range(draws)]
    rows = pd.concat(drawn)
    return figures.summarised(rows, 200, rng()).set_index(["metric", "arm"])


def test_a_side_and_a_severity_are_read_in_the_report_and_open_where_it_does_not_tell():
    options = {"findings": [EFFUSION], "sides": [EFFUSION], "severities": [EFFUSION]}
    found = {
        name: targets.labels_of({"findings": "", "report": text}, options)
        for name, text in REPORTS.items()
    }
    nan = np.nan
    np.testing.assert_array_equal(found["mild left"], [1, 1, 0])
    np.testing.assert_array_equal(found["severe right"], [1, 0, 1])
    np.testing.assert_array_equal(found["moderate left"], [1, 1, nan])
    np.testing.assert_array_equal(found["bilateral"], [1, nan, 1])
    np.testing.assert_array_equal(found["none"], [0, nan, nan])
    np.testing.assert_array_equal(found["silent"], [0, nan, nan])


def test_a_sample_is_read_by_its_prompt_and_never_against_its_findings():
    options = {"findings": [], "sides": [EFFUSION], "severities": []}
    facts = {"findings": EFFUSION, "prompt": REPORTS["mild left"]}
    assert targets.labels_of(facts, options) == [1]
    assert np.isnan(targets.labels_of(facts | {"findings": "nodule"}, options)).all()


def test_patients_of_a_small_k_are_among_those_of_a_larger_one_and_extra_ones_are_others():
    labels = [1, 0] * 10
    few, many = (regimes.regime(drawn(labels), {"samples": drawn(labels)}, k, 3) for k in (2, 5))
    for kind, value in ((0, 1), (1, 0)):
        assert set(few.cases["real"][kind]) < set(many.cases["real"][kind])
        assert {labels[place] for place in many.cases["real"][kind]} == {value}
        assert not set(many.cases["real"][kind]) & set(many.cases["extra"][kind])
    assert [len(kind) for kind in few.cases["extra"] + few.cases["samples"]] == [3] * 4


def test_a_patient_teaches_once_and_one_whose_label_is_open_never():
    kinds = drawn([1, 0, 1, 1, np.nan, 0], ["a", "a", "b", "b", "c", "d"])
    assert sorted("aabbcd"[place] for place in np.concatenate(kinds)) == ["a", "b", "d"]


def test_as_many_are_added_as_the_scarcer_source_has():
    patients, samples = drawn([1] * 5 + [0] * 9), {"samples": drawn([1, 1, 0, 0, 0])}
    assert regimes.regime(patients, samples, 2, 32).added == 2
    assert regimes.regime(patients, samples, 4, 32).added == 1
    whole = regimes.regime(patients, samples, "all", 32)
    assert [len(kind) for kind in whole.cases["real"]] == [5, 9]
    assert (whole.added, whole.reasons["extra"] != "") == (2, True)


def test_too_few_patients_or_no_samples_are_no_figure_and_say_so():
    found = ran(options={"shots": [9]})
    assert found["score"].isna().all()
    assert found["note"].str.contains("6 with and 6 without it to be taught by, k = 9").all()
    only = ran("synthetic_only", samples=[])
    assert only["score"].isna().all()
    assert set(only["note"]) == {"no kept samples of both kinds"}
    assert ran("extra_real", samples=[])["score"].notna().all()


def test_every_arm_is_told_how_much_was_added_and_tests_the_same_cases():
    found = {arm: ran(arm, unseen=cohort("u", 2, cohort="b")) for arm in few_shot.ARMS}
    for arm, rows in found.items():
        sources = set(few_shot.ARMS[arm]["sources"])
        assert set(rows["samples"]) == {2 * bool(sources & {"samples", "unfiltered", "untrained"})}
        assert set(rows["extra"]) == {2 * ("extra" in sources)}
        assert list(rows["case"]) == list(found["real"]["case"])
        assert rows["score"].notna().all()
        assert set(rows["finding"]) == {f"{EFFUSION}/k2"}


def test_a_patient_who_teaches_is_never_tested():
    with pytest.raises(ValueError, match="patients of train or tune are tested: train3"):
        ran(test=[case("t", patient="train3"), case("u", ill=True)])


def test_samples_of_patients_who_are_tested_or_judge_teach_nothing():
    for held in ("test1", "tune2"):
        found = ran("synthetic_only", samples=cohort("s", 8, patient=held))
        assert found["note"].eq("no kept samples of both kinds").all()


def test_k_patients_alone_have_as_many_passes_and_fewer_steps():
    labels = [1, 0] * 10
    regime = regimes.regime(drawn(labels), {"samples": drawn(labels)}, 2, 6)
    assert teaching.passes({"steps": 100}, regime) == 25


def test_training_ends_where_the_tune_split_gains_no_more_and_keeps_its_best_weights():
    options = few_shot.TASK.completed("real", QUICK) | {"augment": teaching.UNCHANGED}
    options |= {"steps": 40, "trial": 2, "patience": 2}
    images, labels = torch.zeros((4, 1, 32, 32, 32)), np.array([1.0, 0, 1, 0])
    told = []
    training = plateau.Training(torch.Generator(), progress=lambda *step: told.append(step[:2]))
    taught = images, labels
    best = plateau.fit(classifying.LEARNER, taught, taught, options, training)
    assert told[-1] == (40, 40)
    assert len(told) < 40
    assert best.step < len(told)


def test_without_both_kinds_to_judge_by_all_steps_are_taken():
    options = few_shot.TASK.completed("real", QUICK) | {"augment": teaching.UNCHANGED}
    images, labels = torch.zeros((4, 1, 32, 32, 32)), np.array([1.0, 0, 1, 0])
    taught, tune = (images, labels), (images[:2], np.ones(2))
    training = plateau.Training(torch.Generator())
    best = plateau.fit(classifying.LEARNER, taught, tune, options, training)
    assert best.step == options["steps"]


def test_a_mirror_never_teaches_a_side(monkeypatch):
    seen = []
    monkeypatch.setattr(
        plateau, "fit", lambda *given: seen.append(given[3]["augment"]["flip"]) or untrained()
    )
    told = cohort("train", 8)
    for number, one in enumerate(told[::2]):  # those with an effusion
        one.facts["report"] = f"Small {('left', 'right')[number % 2]} pleural effusion."
    ran("real_augmented", train=told, options={"sides": [EFFUSION], "shots": ["all"]})
    assert seen == [0.5, 0]


def untrained():
    network = classifier.build("phantom", 1, torch.Generator()).eval()
    return plateau.Best(network, 0)


def test_samples_are_measured_by_what_further_patients_gain():
    good, fair, poor = [4] * 4 + [1] * 4, [4, 4, 4, 0, 1, 1, 1, 1], [2, 0] * 4
    found = shares(real_repeated=poor, synthetic_added=fair, extra_real=good)
    row = found.loc[("share_of_real_gain", "synthetic_added")]
    assert row["value"] == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    assert row["low"] <= row["value"] <= row["high"]
    assert "in parts of the gain of further real cases, 0.500" in row["note"]
    rival = found.loc[("few_shot_auroc_gain", "synthetic_added-extra_real")]
    assert rival["value"] == pytest.approx(-0.25)


def test_four_draws_of_patients_have_a_gain_and_no_interval():
    good, poor = [4] * 4 + [1] * 4, [2, 0] * 4
    row = shares(4, real_repeated=poor, extra_real=good).loc[
        ("few_shot_auroc_gain", "extra_real-real_repeated")
    ]
    assert row["value"] == 0.5
    assert np.isnan([row["low"], row["high"]]).all()


def test_where_further_patients_gain_nothing_there_is_no_share():
    good, poor = [4] * 4 + [1] * 4, [2, 0] * 4
    found = shares(real_repeated=poor, synthetic_added=good, extra_real=poor)
    row = found.loc[("share_of_real_gain", "synthetic_added")]
    assert np.isnan([row["value"], row["low"], row["high"]]).all()
    assert "not defined: the gain of further real cases, 0.000 (0.000 to 0.000)" in row["note"]


def test_arms_that_are_taught_by_unequal_numbers_of_samples_are_not_compared():
    good, poor = [4] * 4 + [1] * 4, [2, 0] * 4
    rows = [predicted("synthetic_added", good).assign(samples=9)]
    rows += [predicted("real_repeated", poor), predicted("untrained", poor).assign(samples=4)]
    found = figures.summarised(pd.concat(rows), 20, rng()).set_index("arm")
    assert np.isnan(found.loc["synthetic_added-untrained", "value"])
    assert (
        "not compared: 9 against 4 samples of each"
        in found.loc["synthetic_added-untrained", "note"]
    )
    assert found.loc["synthetic_added-real_repeated", "value"] == 0.5


def test_a_filtered_arm_beside_the_null_arm_is_told_which_one_is_not():
    rows = [predicted(arm, [4] * 8).assign(samples=4) for arm in ("synthetic_added", "untrained")]
    found = figures.summarised(pd.concat(rows), 20, rng()).set_index("arm")
    row = found.loc["synthetic_added-untrained"]
    assert row["value"] == 0
    assert row["note"].endswith(
        "passes no filter: synthetic_unfiltered stands beside it unfiltered"
    )


def test_draws_of_patients_are_paired_between_arms():
    good, poor = [4] * 4 + [1] * 4, [1] * 4 + [4] * 4
    rows = [predicted(arm, score, seed) for arm in ("real_repeated", "extra_real")
            for seed, score in enumerate((good, poor, good, poor, good))]  # fmt: skip
    found = figures.summarised(pd.concat(rows), 200, rng()).set_index(["metric", "arm"])
    gain = found.loc[("few_shot_auroc_gain", "extra_real-real_repeated")]
    assert (gain["low"], gain["value"], gain["high"]) == (0, 0, 0)
    assert found.loc[("few_shot_auroc", "extra_real"), "high"] == 1


def test_what_samples_know_and_what_stands_against_what_is_said_beside_the_figure():
    rows = predicted("synthetic_added", [4] * 4 + [1] * 4).assign(finding=f"{EFFUSION}_left/k4")
    (row,) = few_shot.summarise(rows, QUICK, "own", rng()).to_dict("records")
    assert "left against right" in row["note"]
    assert "trained on the whole train split" in row["note"]


def test_options_are_plain_values_and_agree_with_the_schema():
    assert json.dumps(dict(few_shot.OPTIONS))
    rules = settings.strict_load(SCHEMA)["properties"]["evaluate"]["properties"]["few_shot"]
    own, known = rules["properties"], catalogue.options("tasks", "few_shot")
    assert [*own["arms"]["items"]["enum"], *few_shot.NULL_ARMS] == list(few_shot.ARMS)
    assert own["size"]["enum"] == list(classifier.SIZES)
    sides = {name: (size.side,) * size.dims for name, size in classifier.SIZES.items()}
    assert sides == few_shot.PICTURES
    assert own["shots"]["default"] == list(known["shots"])
    for name in ("added", "trial", "patience", "size"):
        assert own[name]["default"] == known[name]
