"""What every downstream task promises, for each file of the folder."""

import numpy as np
import pandas as pd
import pytest
from chests import chest

from radfoundry import tables
from radfoundry.case import Case
from radfoundry.config.catalogue import load, names
from radfoundry.evaluation.metrics import subgroups
from radfoundry.volume import Volume

QUICK = {"steps": 6, "batch": 4, "folds": 2, "bootstrap": 20}
SEEN = {"window": (-1000.0, 3071.0), "findings": ("opacity",)}  # of tasks that look at lesions
FINDINGS = ("", "opacity", "pleural_effusion", "consolidation|pleural_effusion", "nodule", "")


@pytest.fixture(scope="module", params=names("tasks"))
def task(request):
    return load("tasks", request.param)


@pytest.fixture(scope="module")
def cases(task):
    """Return cases of every kind that a task may be given, of the first modality that it reads."""
    draw = {"CXR": film, "CT": volume}[task.MODALITIES[0]]
    parts = {part: [draw(f"{part}-{i}", i) for i in range(6)] for part in ("train", "tune", "test")}
    parts["unseen"] = [draw(f"unseen-{i}", i, cohort="b") for i in range(4)]
    sources = [(part, case) for part in ("train", "tune") for case in parts[part]]
    parts["samples"] = [sample(case, part) for part, case in sources]
    return parts


def film(name, number, **facts):
    plain = chest(name, 64, seed=number, findings=FINDINGS[number], **{"cohort": "a"} | facts)
    return lesion(plain, (slice(14, 26), 0, slice(24, 40)), 0.25, 1.0)


def volume(name, number, **facts):
    rng = np.random.default_rng(number)
    image = Volume(rng.normal(-600, 50, (16, 16, 16)).astype(np.float32), np.eye(4))
    empty = np.zeros(image.voxels.shape, np.uint8)
    known = {"patient": name, "cohort": "a", "findings": FINDINGS[number]} | facts
    return lesion(Case(name, image, empty, empty, known), (slice(4, 9),) * 3, 500, 3071)


def lesion(plain, where, change, most):
    """Return the case with the lesion that its facts name."""
    if not plain.facts["findings"]:
        return plain
    voxels, findings = plain.image.voxels.copy(), np.zeros_like(plain.findings)
    voxels[where] += change
    findings[where] = 40
    image = plain.image.holding(np.clip(voxels, None, most))
    facts = plain.facts | {"findings_sha256": "given"}
    return Case(plain.name, image, plain.anatomy, findings, facts)


def sample(source, split):
    """Return the source with its lesion once more, as a generator might have drawn it."""
    facts = {"source": source.name, "patient": source.facts["patient"], "split": split}
    facts |= {"findings": source.facts["findings"], "findings_sha256": "drawn"}
    image = source.image.holding(source.image.voxels + 0.2 * (source.findings > 0))
    return Case(f"syn-{source.name}", image, source.anatomy, source.findings, facts)


def asked(task):
    return QUICK | (SEEN if "window" in task.OPTIONS else {})


def rows_of(task, cases, arm=None, seed=0):
    arm = arm or next(iter(task.ARMS))
    rng = np.random.default_rng(seed)
    found = task.run(arm, {k: iter(v) for k, v in cases.items()}, asked(task), rng)
    return found.assign(arm=arm, seed=seed)


@pytest.fixture(scope="module")
def rows(task, cases):
    return {arm: rows_of(task, cases, arm) for arm in task.ARMS}


def test_equal_generators_give_equal_rows(task, cases, rows):
    arm = next(iter(task.ARMS))
    pd.testing.assert_frame_equal(rows_of(task, cases, arm), rows[arm])
    other = rows_of(task, cases, arm, seed=1)
    assert not other.drop(columns="seed").equals(rows[arm].drop(columns="seed"))


def test_an_unknown_arm_is_told_which_there_are(task, cases):
    with pytest.raises(ValueError, match=f"choose from {next(iter(task.ARMS))}"):
        rows_of(task, cases, "magic")


def test_every_arm_says_something_of_the_same_cases(task, cases, rows):
    tested = {case.name for part in ("test", "unseen") for case in cases[part]}
    taught = {case.name for part in ("train", "samples") for case in cases[part]}
    keys = [found[["cohort", "case", "finding"]] for found in rows.values()]
    for own in keys:
        assert tested <= set(own["case"])
        assert not taught & set(own["case"])
        pd.testing.assert_frame_equal(own, keys[0])


def test_what_an_arm_says_is_a_valid_table(rows):
    for found in rows.values():
        assert len(tables.checked(found, "predictions", "here")) == len(found) > 0


def test_the_cases_are_left_alone(task, cases):
    before = [case.image.voxels.copy() for part in cases.values() for case in part]
    rows_of(task, cases)
    after = [case.image.voxels for part in cases.values() for case in part]
    assert all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))


def test_figures_are_a_valid_table_with_n_or_say_why_there_is_none(task, rows):
    both = pd.concat(rows.values())
    found = task.summarise(both, asked(task), "a", np.random.default_rng(0))
    assert len(tables.checked(found, "comparison", "here")) == len(found) > 0
    assert found.loc[found["n"] == 0, "note"].str.contains("no case of this size").all()
    assert {"a", "b"} <= set(found["test"])
    first = found.loc[~found["metric"].str.endswith("_gain"), "arm"]
    assert set(first) == set(task.ARMS)


def test_subgroups_are_compared_by_figures_that_there_are_and_arms_that_the_task_has(task):
    asked = getattr(task, "SUBGROUPS", None)
    if asked is not None:
        assert set(asked["figures"]) <= set(subgroups.FIGURES)
        assert {asked["baseline"], asked["claimed"]} <= set(task.ARMS)


def test_equal_arms_gain_nothing_on_each_other(task, rows):
    first, *others = task.ARMS
    both = pd.concat([rows[first].assign(arm=arm) for arm in (first, others[0])])
    found = task.summarise(both, asked(task), "a", np.random.default_rng(0))
    gain = found[found["metric"].str.endswith("_gain")]
    assert gain["value"].notna().any()
    assert (gain["value"].dropna() == 0).all()


def test_a_case_without_its_facts_is_named(task, cases):
    bare = [Case("bare", c.image, c.anatomy, c.findings, {"patient": "p"}) for c in cases["test"]]
    with pytest.raises(ValueError, match="'bare' lacks the facts cohort, findings"):
        rows_of(task, cases | {"test": bare})
