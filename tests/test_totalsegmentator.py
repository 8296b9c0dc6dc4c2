"""The real TotalSegmentator, offline, with networks of a few steps."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from offline import chests, dice, no_network  # noqa: F401 - a fixture

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.config import catalogue, weight_files
from radfoundry.segmenters import totalsegmentator
from radfoundry.segmenters.totalsegmentator import tool
from radfoundry.volume import Volume
from radfoundry.weights import Weights

pytest.importorskip("totalsegmentator")
LUNGS = [name for name in totalsegmentator.STRUCTURES if "_lobe_" in name]
FEW = {"structures": [*LUNGS, "heart"], "steps": 100}


@pytest.fixture(scope="module")
def cases():
    """Return three phantoms."""
    return chests(3)


@pytest.fixture(scope="module")
def weights(cases):
    """Return hardly trained networks."""
    return totalsegmentator.fit(FEW, np.random.default_rng(0), cases=cases)


def test_the_real_tool_runs_on_networks_of_phantoms(weights, cases, no_network):  # noqa: F811
    before, voxels = dict(os.environ), cases[0].image.voxels.copy()
    threads = torch.get_num_threads()
    labels = totalsegmentator.prepare(FEW, weights)(cases[0].image)
    assert no_network == []
    assert (labels.dtype, labels.shape) == (np.uint8, voxels.shape)
    regions.check(labels)
    assert set(np.unique(labels).tolist()) <= {0, *map(regions.label_id, FEW["structures"])}
    assert dice(labels, cases[0].anatomy, "lungs") > 0.6
    right, truth = regions.mask(labels, "lung_right"), cases[0].anatomy
    assert (right & regions.mask(truth, "lung_right")).sum() > right.sum() / 2  # not the left one
    np.testing.assert_array_equal(cases[0].image.voxels, voxels)
    assert dict(os.environ) == before
    assert torch.get_num_threads() == threads


def test_an_image_stored_in_another_orientation_gets_the_same_labels(weights, cases):
    image = cases[0].image
    turned = Volume(image.voxels[::-1, :, ::-1], image.affine @ np.diag([-1, 1, -1, 1.0]))
    label = totalsegmentator.prepare(FEW, weights)
    np.testing.assert_array_equal(label(turned)[::-1, :, ::-1], label(image))


def test_a_folder_of_networks_is_run_and_left_alone(weights, cases, tmp_path, no_network):  # noqa: F811
    totalsegmentator.export(totalsegmentator.OPTIONS | FEW, weights, str(tmp_path))
    old = tmp_path / "Dataset297_TotalSegmentator_total_3mm_1559subj_v204"
    old.mkdir()  # the tool would delete this one
    before = sorted(path.name for path in tmp_path.rglob("*"))
    options = FEW | {"weights": str(tmp_path), "force_split": True}  # too low to be split
    labels = totalsegmentator.prepare(options)(cases[0].image)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert no_network == []
    np.testing.assert_array_equal(labels, totalsegmentator.prepare(FEW, weights)(cases[0].image))


def test_when_the_tool_ends_the_process_this_is_an_error(cases, monkeypatch):
    def leave(*args, **settings):
        raise SystemExit(1)

    monkeypatch.setattr("totalsegmentator.python_api.totalsegmentator", leave)
    runner = tool.tool("fastest", False, "cpu")
    with pytest.raises(RuntimeError, match="refused task total: exit 1"):
        tool.run(runner, cases[0].image, "total")


def test_equal_seeds_give_equal_weights(cases):
    few = FEW | {"steps": 2}
    one, other = (totalsegmentator.fit(few, np.random.default_rng(3), cases=cases) for _ in "ab")
    assert all(torch.equal(one.state[name], other.state[name]) for name in one.state)
    assert one.card == other.card


def test_training_without_cases_is_refused():
    with pytest.raises(ValueError, match="no cases"):
        totalsegmentator.fit({}, np.random.default_rng(0))


@pytest.mark.parametrize("given", [None, Weights({}, {"segmenter": "another"})])
def test_labeling_without_its_own_weights_is_refused(given):
    with pytest.raises(ValueError, match="its own fit"):
        totalsegmentator.prepare({}, given)


def test_a_network_that_was_not_trained_is_named(weights):
    with pytest.raises(ValueError, match="network 297 was not trained: there are 298"):
        totalsegmentator.prepare(FEW | {"mode": "fast"}, weights)


def test_missing_weights_are_listed_before_the_tool_is_asked(tmp_path, no_network):  # noqa: F811
    with pytest.raises(ValueError, match=r"(?s)weights 298.*checkpoint_final\.pth is missing"):
        totalsegmentator.prepare({"weights": str(tmp_path)})
    assert no_network == []
    assert list(tmp_path.iterdir()) == []


def test_a_license_is_asked_for_before_the_tool_is(tmp_path, monkeypatch):
    monkeypatch.delenv(weight_files.LICENSE_VARIABLE, raising=False)
    options = {"weights": str(tmp_path), "tasks": ["heartchambers_highres"]}
    with pytest.raises(ValueError, match=weight_files.LICENSE_VARIABLE):
        totalsegmentator.prepare(options)


def test_networks_too_fine_for_phantoms_are_refused():
    for options in ({"mode": "normal"}, {"structures": ["lung_vessel"]}):
        with pytest.raises(ValueError, match=r"3\.0 mm is the finest"):
            totalsegmentator.fit(options, np.random.default_rng(0), cases=chests(1))


def test_phantoms_of_chests_are_not_mr():
    options = {"modality": "MR", "structures": ["heart"]}
    with pytest.raises(ValueError, match="CT alone"):
        totalsegmentator.fit(options, np.random.default_rng(0), cases=chests(1))


def test_a_radiograph_is_refused(weights):
    with pytest.raises(ValueError, match="one plane"):
        totalsegmentator.prepare(FEW, weights)(volume.radiograph(np.zeros((8, 8), np.float32)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"no_such_option": 1}, "no_such_option"),
        ({"mode": "slow"}, "fastest, fast, normal"),
        ({"structures": ["tail"]}, "tail"),
        ({"tasks": ["teeth"]}, "teeth"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        totalsegmentator.structures(options)


def test_it_labels_what_it_is_asked_for():
    assert totalsegmentator.structures({"structures": ["aorta"]}) == ("aorta",)
    assert set(totalsegmentator.structures({})) <= set(totalsegmentator.STRUCTURES)


def test_what_the_workflow_reads_without_importing_is_there():
    for name in ("OPTIONS", "MODALITIES", "NEEDS_WEIGHTS", "PHANTOM", "STRUCTURES"):
        found = catalogue.constant("segmenters", "totalsegmentator", name)
        assert found == getattr(totalsegmentator, name)


def test_finer_structures_lie_over_coarser_ones():
    everywhere, there = np.ones((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    there[0] = True
    masks = {"aorta": there, "mediastinum": everywhere, "body": everywhere}
    labels = totalsegmentator.composed(masks)
    assert regions.mask(labels, "aorta").sum() == 4
    assert regions.mask(labels, "mediastinum").sum() == 4
    fluid = {"lung_upper_lobe_left": everywhere, "pleural_space": there}
    labels = totalsegmentator.composed(fluid)
    assert regions.mask(labels, "pleural_space").sum() == 4


def test_a_home_holds_its_settings_and_goes_with_its_owner():
    home = tool.home({"send_usage_stats": False})
    path = Path(home.name)
    assert (path / "config.json").read_text() == '{"send_usage_stats": false}'
    home.cleanup()
    assert not path.exists()
