"""What every downstream task promises, for each file of the folder."""

import numpy as np
import pandas as pd
import pytest
import torch
from chests import chest

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.catalogue import load, names
from radfoundry.pairs import Material, normal_of, painted


@pytest.fixture(scope="module", params=names("tasks"))
def task(request):
    return load("tasks", request.param)


@pytest.fixture(scope="module")
def material():
    normals = [normal_of(chest(f"case-{i}", 64, seed=i)) for i in range(6)]
    return Material(painted("noise", normals, 2, np.random.default_rng(0)), normals)


@pytest.fixture(scope="module")
def cases():
    return [diseased(i) if i % 2 else healthy(i) for i in range(6)]


def healthy(i):
    return chest(f"test-{i}", 64, seed=50 + i, cohort="a")


def diseased(i):
    plain = healthy(i)
    image, findings = plain.image.voxels.copy(), np.zeros_like(plain.findings)
    image[14:26, 0, 24:40] += 0.25
    findings[14:26, 0, 24:40] = 40
    facts = {**plain.facts, "findings": "opacity"}
    image = plain.image.holding(np.clip(image, 0, 1))
    return Case(plain.name, image, plain.anatomy, findings, facts)


def pictures(cases):
    return [volume.picture(case.image.voxels) for case in cases]


def fitted(task, material, arm=None, seed=0):
    rng = np.random.default_rng(seed)
    return task.fit(arm or next(iter(task.ARMS)), material, {"steps": 3, "batch": 4}, rng)


@pytest.fixture(scope="module")
def weights(task, material):
    return fitted(task, material)


def test_equal_generators_give_equal_weights(task, material, weights):
    again, other = fitted(task, material), fitted(task, material, seed=1)
    assert all(torch.equal(weights.state[name], again.state[name]) for name in again.state)
    assert any(not torch.equal(weights.state[name], other.state[name]) for name in other.state)


def test_every_arm_can_be_fitted(task, material):
    for arm in task.ARMS:
        assert fitted(task, material, arm).card["arm"] == arm


def test_an_unknown_arm_is_told_which_there_are(task, material):
    with pytest.raises(ValueError, match=f"choose from {next(iter(task.ARMS))}"):
        fitted(task, material, "magic")


def test_the_training_pictures_are_left_alone(task, material):
    before = [pair.anomalous.copy() for pair in material.pairs]
    fitted(task, material)
    after = [pair.anomalous for pair in material.pairs]
    assert all(np.array_equal(b, a) for b, a in zip(before, after, strict=True))


def test_a_prediction_does_not_depend_on_its_neighbors(task, weights, cases):
    together = task.predict(weights, pictures(cases))
    alone = task.predict(weights, pictures(cases)[2:3])
    np.testing.assert_array_equal(together.maps[2:3], alone.maps)
    assert together.scores[2] == alone.scores[0]
    assert len(task.predict(weights, []).scores) == 0


def test_predictions_become_one_row_per_case_and_figures_with_n(task, weights, cases):
    found = task.predict(weights, pictures(cases))
    rows = task.score(found, cases, 0.05, [True] * len(cases))
    assert rows["case"].tolist() == [case.name for case in cases]
    both = pd.concat([rows.assign(arm=arm, seed=0) for arm in ("first", "other")])
    table = task.summarise(both, {"bootstrap": 20}, np.random.default_rng(0))
    assert (table["n"] == 6).all()
    gain = table[table["metric"].str.endswith("_gain")]
    assert (gain["value"].dropna() == 0).all()


def test_a_case_without_its_facts_is_named(task, weights, cases):
    bare = [Case("bare", c.image, c.anatomy, c.findings, {"patient": "p"}) for c in cases[:1]]
    found = task.predict(weights, pictures(bare))
    with pytest.raises(ValueError, match="'bare' lacks the facts cohort, findings"):
        task.score(found, bare, 0.05, [True])
