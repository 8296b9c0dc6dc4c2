"""Promises every generator keeps, whichever file it lives in."""

import numpy as np
import pandas as pd
import pytest
from chests import chest

from radfoundry import tables
from radfoundry.anatomy import regions
from radfoundry.config.catalogue import constant, load, names
from radfoundry.segmenters import threshold
from radfoundry.training.loop import TrainingData

GENERATORS = names("generators")
LEARNED = [name for name in GENERATORS if constant("generators", name, "NETWORKS")]


@pytest.fixture(params=[name for name in GENERATORS if name not in LEARNED])
def generator(request):
    """Return each generator that learns nothing in turn; learned ones have tests of their own."""
    return load("generators", request.param)


@pytest.fixture(params=LEARNED)
def learned(request):
    return load("generators", request.param)


@pytest.fixture(scope="module")
def healthy():
    return {name: chest(name, seed=i) for i, name in enumerate(("one", "two", "three"))}


@pytest.fixture(scope="module")
def cases(healthy):
    rows = [{"case": c.name, **c.facts} for c in healthy.values()]
    return pd.DataFrame(rows).assign(lung_right="present", lung_left="present")


def drawn(generator, requests, healthy):
    networks, rows = generator.prepare({}, "cpu"), requests.to_dict("records")
    return {row["request"]: generator.draw(row, healthy[row["source"]], networks) for row in rows}


def scans():
    """Return a table of chests, labeled as in CT and in radiographs, with reports."""
    labels = [*threshold.LOBES, "airway", "lung_vessel", "lung_right", "lung_left"]
    rows = [
        {"case": f"c{i}", "patient": f"p{i}", "split": split, "findings": "", "report": "Normal."}
        for i, split in enumerate(["train"] * 6 + ["tune", "test"] * 2)
    ]
    return pd.DataFrame(rows).assign(**dict.fromkeys(labels, "present"))


def same(first, second):
    return all(
        np.array_equal(a, b)
        for a, b in (
            (first.image.voxels, second.image.voxels),
            (first.findings, second.findings),
            (first.anatomy, second.anatomy),
        )
    )


@pytest.mark.parametrize("name", GENERATORS)
def test_what_the_workflow_asks_is_stated_as_plain_values(name):
    networks = constant("generators", name, "NETWORKS")
    needs = constant("generators", name, "NEEDS")
    assert all(isinstance(words, str) for words in networks.values())
    assert set(needs) | {n for needed in needs.values() for n in needed} <= set(networks)
    assert {"count", "splits"} <= set(constant("generators", name, "OPTIONS"))


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_plans_prepares_and_draws(name):
    module = load("generators", name)
    assert all(callable(getattr(module, act)) for act in ("plan", "prepare", "draw"))
    assert callable(getattr(module, "fit", None)) == bool(module.NETWORKS)


def test_an_unknown_size_is_refused_with_those_there_are(learned):
    data, rng = TrainingData([], {}), np.random.default_rng(0)
    for network in learned.NETWORKS:
        with pytest.raises(ValueError, match="phantom, workstation, paper"):
            learned.fit(network, data, {"size": "huge"}, rng, "cpu")


def test_networks_that_are_missing_are_named(learned):
    with pytest.raises(ValueError, match=list(learned.NETWORKS)[-1]):
        learned.prepare({}, "cpu")


def test_learned_generators_keep_their_first_requests_when_asked_for_more(learned):
    few, more = (learned.plan(scans(), {"count": n}, 3) for n in (4, 9))
    pd.testing.assert_frame_equal(few, more.head(4))
    tables.checked(more, "requests", "here")
    assert set(more["split"]) == {"train"}
    assert not set(more["seed"]) & set(learned.plan(scans(), {"count": 9}, 4)["seed"])


def test_probes_are_requests_apart_from_the_dataset(learned):
    if not hasattr(learned, "probe"):
        pytest.skip("takes no prompts")
    probes, planned = learned.probe(scans(), {}, 3), learned.plan(scans(), {}, 3)
    tables.checked(probes, "requests", "here")
    assert not set(probes["seed"]) & set(planned["seed"])
    assert not set(probes["request"]) & set(planned["request"])


def test_equal_seeds_draw_equal_bytes(generator, cases, healthy):
    first = drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy)
    second = drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy)
    assert all(same(first[name], second[name]) for name in first)


def test_another_seed_draws_other_samples(generator, cases, healthy):
    first = drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy)
    second = drawn(generator, generator.plan(cases, {"per_case": 2}, 4), healthy)
    assert not any(same(first[name], second[name]) for name in set(first) & set(second))


def test_no_two_samples_are_alike(generator, cases, healthy):
    samples = drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy)
    prints = {sample.image.voxels.tobytes() for sample in samples.values()}
    assert len(prints) == len(samples) >= len(healthy)


def test_order_and_batch_of_requests_change_nothing(generator, cases, healthy):
    requests = generator.plan(cases, {"per_case": 2}, 3)
    together = drawn(generator, requests, healthy)
    alone = drawn(generator, requests.iloc[::-1].head(2), healthy)
    assert all(same(alone[name], together[name]) for name in alone)


def test_one_more_case_changes_no_request_of_the_others(generator, cases):
    fewer = generator.plan(cases.iloc[1:], {"per_case": 2}, 3)
    more = generator.plan(cases, {"per_case": 2}, 3).set_index("request")
    pd.testing.assert_frame_equal(more.loc[fewer["request"]].reset_index(), fewer)


def test_nothing_changes_outside_the_findings(generator, cases, healthy):
    for sample in drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy).values():
        source = healthy[sample.facts["source"]]
        untouched = sample.findings == 0
        assert 0 < untouched.sum() < untouched.size
        np.testing.assert_array_equal(
            sample.image.voxels[untouched], source.image.voxels[untouched]
        )


def test_inputs_are_left_alone(generator, cases, healthy):
    table = cases.copy()
    before = {n: (c.image.voxels.copy(), c.anatomy.copy()) for n, c in healthy.items()}
    drawn(generator, generator.plan(cases, {"per_case": 2}, 3), healthy)
    pd.testing.assert_frame_equal(cases, table)
    for name, (image, labels) in before.items():
        np.testing.assert_array_equal(healthy[name].image.voxels, image)
        np.testing.assert_array_equal(healthy[name].anatomy, labels)


def test_samples_are_valid_cases_of_their_sources(generator, cases, healthy):
    for name, sample in drawn(
        generator, generator.plan(cases, {"per_case": 2}, 3), healthy
    ).items():
        source = healthy[sample.facts["source"]]
        assert (sample.name, sample.image.voxels.dtype) == (name, np.float32)
        assert sample.image.voxels.min() >= 0
        assert sample.image.voxels.max() <= 1
        regions.check(sample.anatomy)
        regions.check(sample.findings, "findings")
        assert sample.facts["patient"] == source.facts["patient"]
        assert all(isinstance(value, str) for value in sample.facts.values())


def test_requests_inherit_the_split_and_skip_test_cases(generator, cases):
    split = cases.assign(split=["train", "tune", "test"])
    requests = generator.plan(split, {"per_case": 2}, 3)
    assert dict(zip(requests["source"], requests["split"], strict=True)) == {
        "one": "train",
        "two": "tune",
    }
