"""Few-shot tasks of radiographs: what their arms are taught by, and who is never among them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.config import catalogue, settings
from radfoundry.evaluation.learners import plateau, radiographs
from radfoundry.evaluation.learners.classifier import Pool, Size
from radfoundry.evaluation.metrics import few_shot as figures
from radfoundry.evaluation.tasks import few_shot_detection as detection
from radfoundry.evaluation.tasks import few_shot_radiographs as films
from radfoundry.evaluation.tasks import few_shot_segmentation as masks
from radfoundry.evaluation.tasks._few_shot import copy_paste

SCHEMA = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
OPACITY, LABEL = "opacity", 40
QUICK = {"shots": [2], "added": 4, "steps": 4, "trial": 2, "batch": 4, "bootstrap": 20}
BESIDE_NULL = ["unfiltered_pretrained"]  # asked for where the null arm is
TINY = Size(32, (3, 2), (1, 1, 1, 1), (4, 8, 8, 8), 40, dims=2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Let networks be as small as they still learn."""
    monkeypatch.setitem(radiographs.SIZES, "phantom", TINY)


def rng(seed=0):
    return np.random.default_rng(seed)


def film(name, ill=False, shade=0.4, **facts):
    """Return a gray film, with a bright square and its mask or without."""
    number = int.from_bytes(name.encode()) % 2**32
    picture = rng(number).normal(0.4, 0.05, (32, 32)).astype(np.float32)
    row, column = rng(number + 1).integers(2, 20, 2)
    mask = np.zeros(picture.shape, np.uint8)
    mask[row : row + 9, column : column + 9] = LABEL * ill
    picture[mask > 0] += shade
    known = {"patient": name, "cohort": "own", "findings": OPACITY if ill else ""}
    found = volume.plane(mask)
    facts = known | {"findings_sha256": "given"} | facts
    return Case(name, volume.radiograph(picture), np.zeros_like(found), found, facts)


def cohort(name, count=8, **facts):
    return [film(f"{name}{i}", i % 2 == 0, **facts) for i in range(count)]


def unread():
    """Yield nothing: whoever walks through it fails."""
    raise AssertionError("read, though no arm is taught by it")
    yield


def cases(**parts):
    named = {part: cohort(part, 4) for part in ("tune", "test")}
    drawn = {
        name: cohort(name, 12, patient="train0", kept=True) for name in ("samples", "unfiltered")
    }
    drawn["untrained"] = cohort("null", 12, patient="train0", findings_sha256="drawn")
    return named | drawn | {"train": cohort("train", 14), "unseen": []} | parts


def ran(arm, task=films, options=None, **parts):
    given = QUICK | {"seed": 0} | (options or {})
    return task.run(arm, cases(**parts), given, rng()).assign(arm=arm, seed=0)


@pytest.mark.parametrize("task", [films, masks])
def test_every_arm_takes_as_many_steps_but_few_patients_alone(task, monkeypatch):
    taken, own = [], plateau.fit
    monkeypatch.setattr(
        plateau, "fit", lambda *given: taken.append(given[3]["steps"]) or own(*given)
    )
    steps = {}
    for arm in task.ARMS:
        assert ran(arm, task)["score"].notna().all(), arm
        steps[arm] = sum(taken)
        taken.clear()
    assert steps.pop("real") == 1
    assert set(steps.values()) == {4}


def test_what_an_arm_is_not_taught_by_is_never_read():
    assert ran("synthetic_added", unfiltered=unread(), untrained=unread())["samples"].eq(4).all()
    arm = ran("synthetic_unfiltered", samples=unread(), untrained=unread())
    assert arm["samples"].eq(4).all()
    assert ran("untrained", unfiltered=unread())["samples"].eq(4).all()


def test_arms_of_equal_cases_are_equal_and_a_k_more_changes_no_other():
    drawn = cohort("s", 12, patient="train0", kept=True)
    given = {"samples": drawn, "unfiltered": drawn}
    arms = [ran(arm, **given) for arm in ("synthetic_added", "synthetic_unfiltered")]
    pd.testing.assert_frame_equal(*(rows.drop(columns="arm") for rows in arms))
    more = ran("synthetic_added", options={"shots": [1, 2]}, **given)
    again = more[more["finding"] == f"{OPACITY}/k2"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, arms[0])


def test_ratios_add_so_many_for_each_patient_and_change_nothing_else():
    options = {"shots": [2], "ratios": [0.5, 2, 9]}
    rows = ran("synthetic_added", options=options).drop_duplicates("finding")
    assert rows["finding"].tolist() == [f"{OPACITY}/x{ratio}/k2" for ratio in ("0.5", "2", "9")]
    assert rows["samples"].tolist() == [1, 4, 4]  # no more than `added`
    most = ran("synthetic_added").drop(columns="finding")
    many = ran("synthetic_added", options=options | {"ratios": [2]}).drop(columns="finding")
    pd.testing.assert_frame_equal(many, most)


def test_as_many_of_all_samples_are_added_as_experts_kept():
    drawn = cohort("s", 12, patient="train0", kept=False)
    for sample in drawn[:4]:
        sample.facts["kept"] = True
    assert ran("synthetic_unfiltered", unfiltered=drawn)["samples"].eq(2).all()


@pytest.mark.parametrize("facts", [{"patient": "test1"}, {"patient": "tune1"}, {"split": "test"}])
@pytest.mark.parametrize("source", ["samples", "unfiltered", "untrained"])
def test_no_sample_of_a_patient_who_is_tested_or_judges_teaches(source, facts):
    arm = {"samples": "synthetic_pretrained", "unfiltered": "synthetic_unfiltered"}
    own = {source: cohort("s", 8, **{"patient": "train0"} | facts)}
    found = ran(arm.get(source, "untrained_pretrained"), **own)
    assert found["score"].isna().all()
    assert found["note"].str.startswith("no").all()


def test_patients_who_teach_are_refused_as_test_cases_of_another_hospital():
    with pytest.raises(ValueError, match="patients of train or tune are tested: train1"):
        ran("real", unseen=[film("x", patient="train1", cohort="b")])


def test_a_null_arm_of_few_samples_adds_those_and_changes_no_other_arm():
    few = cohort("null", 4, patient="train0")
    assert ran("untrained", untrained=few)["samples"].eq(2).all()
    pd.testing.assert_frame_equal(ran("real_repeated", untrained=few), ran("real_repeated"))


def test_samples_that_show_what_the_patients_do_not_win_and_noise_does_not():
    options = {"steps": 60, "added": 24, "trial": 20, "batch": 16, "shots": [1]}
    parts = {"train": cohort("train", 50, shade=0), "test": cohort("test", 40)}
    parts |= {"tune": cohort("tune", 12)}
    shown, noise = (cohort("drawn", 48, shade=s, patient="train0") for s in (0.4, 0))
    taught = {"real_repeated": shown, "synthetic_added": shown, "synthetic_pretrained": shown}
    found = [ran(arm, options=options, samples=own, **parts) for arm, own in taught.items()]
    area = areas(pd.concat(found))
    assert area["synthetic_added"] > area["real_repeated"] + 0.1
    assert area["synthetic_pretrained"] > area["real_repeated"] + 0.1
    worse = areas(ran("synthetic_added", options=options, samples=noise, **parts))
    assert worse["synthetic_added"] < area["synthetic_added"] - 0.1


def areas(rows):
    found = figures.summarised(rows, 20, rng())
    return found[found["metric"] == figures.AUROC].set_index("arm")["value"]


def pools(ill, well):
    options = {"findings": [OPACITY], "sides": [], "severities": [], "size": TINY}
    return [radiographs.pooled(part, options, True) for part in (ill, well)]


def test_a_pasted_lesion_lies_in_another_patients_film_and_nothing_else_changes():
    kinds = pools([film("a", True)], [film("b")])
    made, note = copy_paste.pasted(kinds, (0, OPACITY), 3, rng())
    assert isinstance(made, Pool)
    assert note == "3 films with lesions of 1 of the k patients"
    assert made.labels[:, 0].tolist() == [1, 1, 1, 0, 0, 0]
    host = kinds[1].images[0, 0]
    for layers in made.images[:3]:
        inside, far = layers[1] > 0, copy_far(layers[1])
        assert (layers[0] - host)[inside].mean() > 0.4
        assert torch.equal(layers[0][far], host[far])
    assert torch.equal(made.images[3], kinds[1].images[0])


def copy_far(mask):
    """Return where a film lies well outside a mask."""
    return torch.nn.functional.max_pool2d(mask[None], 9, 1, 4)[0] == 0


def test_without_masks_or_for_a_side_nothing_is_pasted_and_it_is_said():
    bare = pools([film("a", True, findings_sha256="")], [film("b")])
    assert copy_paste.pasted(bare, (0, OPACITY), 3, rng()) == (
        None, "no masks of it among the k patients: nothing to paste",
    )  # fmt: skip
    told = copy_paste.pasted(bare, (0, f"{OPACITY}_left"), 3, rng())
    assert told == (None, "no lesions are pasted for a side or a severity")


def test_a_film_that_shows_a_finding_without_a_mask_teaches_no_segmenter_and_has_no_figure():
    test = [film("t0", True), film("t1", True, findings_sha256=""), film("t2")]
    found = ran("real_repeated", masks, test=test)
    assert found["truth"].tolist()[::2] == [1, 0]
    assert np.isnan(found["truth"][1])
    bare = ran("real_repeated", masks, train=cohort("train", 8, findings_sha256=""))
    assert bare["tp"].isna().all()
    assert bare["note"].str.contains("0 with and 4 without it to be taught by, k = 2").all()


def marked(arm, hits, truth=(1, 1, 0), **more):
    """Return what an arm marks of masks of ten pixels each."""
    names = [f"c{i}" for i in range(len(hits))]
    rows = pd.DataFrame({"case": names, "patient": names, "truth": truth, "tp": hits})
    rows = rows.assign(fn=10 - rows["tp"], fp=0, arm=arm, cohort="own", finding=f"{OPACITY}/k4")
    return rows.assign(seed=0, samples=0, extra=0, note="", **more)


def test_dice_is_the_mean_of_films_with_a_mask_and_of_no_others():
    rows = pd.concat([marked("real_repeated", [10, 0, 5]), marked("extra_real", [10, 10, 0])])
    found = figures.summarised(rows, 20, rng(), figures.DICE).set_index(["metric", "arm"])
    assert found.loc[("few_shot_dice", "real_repeated"), ["value", "n"]].tolist() == [0.5, 2]
    assert found.loc[("few_shot_dice_gain", "extra_real-real_repeated"), "value"] == 0.5
    none = figures.summarised(marked("real", [0, 0], (0, 0)), 20, rng(), figures.DICE)
    assert none["value"].isna().all()
    assert none["note"].str.contains("no case with a mask of it").all()


def test_the_null_arm_stands_beside_what_is_claimed():
    arms = ("synthetic_added", "untrained", "unfiltered_pretrained", "untrained_pretrained")
    rows = pd.concat([marked(arm, [10, 5, 0]) for arm in arms])
    found = figures.summarised(rows, 20, rng(), figures.DICE)
    gains = set(found.loc[found["metric"] == "few_shot_dice_gain", "arm"])
    assert gains == {"synthetic_added-untrained", "unfiltered_pretrained-untrained_pretrained"}


@pytest.mark.parametrize("task", [films, masks, detection])
def test_options_are_plain_values_and_agree_with_the_schema(task):
    name = task.TASK.name
    assert json.dumps(dict(task.OPTIONS))
    rules = settings.strict_load(SCHEMA)["properties"]["evaluate"]["properties"][name]
    own, known = rules["properties"], catalogue.options("tasks", name)
    assert [*own["arms"]["items"]["enum"], *task.NULL_ARMS] == list(task.ARMS)
    assert set(task.ARMS) - set(own["arms"]["default"]) == {*task.NULL_ARMS, *BESIDE_NULL}
    assert own["size"]["enum"] == list(radiographs.SIZES) == list(task.PICTURES)
    for size in ("workstation", "paper"):
        assert task.PICTURES[size] == (radiographs.SIZES[size].side,) * 2
    assert own["shots"]["default"] == list(known["shots"])
    for key in ("added", "trial", "patience", "size"):
        assert own[key]["default"] == known[key]
