"""The real lungmask, offline, with narrow networks of a few steps in its own file format."""

import hashlib

import numpy as np
import pytest
import torch
from offline import chests, dice, no_network  # noqa: F401 - a fixture

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.config import catalogue
from radfoundry.segmenters import lungmask
from radfoundry.segmenters.lungmask import slices
from radfoundry.volume import Volume
from radfoundry.weights import Weights

pytest.importorskip("lungmask")
FEW = {"steps": 50}  # with 25 one kind of processor finds lungs and another none


@pytest.fixture(scope="module")
def cases():
    """Return three phantoms."""
    return chests(3)


@pytest.fixture(scope="module")
def weights(cases):
    """Return a hardly trained network."""
    return lungmask.fit(FEW, np.random.default_rng(0), cases=cases)


@pytest.fixture(scope="module")
def thin(cases):
    """Return three slices of a phantom, with their anatomy."""
    whole, truth = cases[0].image, cases[0].anatomy
    return Volume(whole.voxels[:, :, 16:19], whole.affine), truth[:, :, 16:19]


def narrowed(weights, classes=3):
    """Return the narrow network of weights."""
    layers = lungmask.layers(classes, weights.card["width"]).eval()
    layers.load_state_dict({n.removeprefix("R231."): t for n, t in weights.state.items()})
    return layers


def published(weights, path):
    """Store weights as the tool's own file does."""
    state = narrowed(weights).state_dict()
    torch.save(slices.widened(state, lungmask.layers(3).state_dict()), path)


def test_the_real_tool_runs_from_a_file_of_its_own_format(weights, thin, tmp_path, no_network):  # noqa: F811
    path = tmp_path / "own.pth"
    published(weights, path)
    image, truth = thin
    voxels = image.voxels.copy()
    labels = lungmask.prepare({"weights": str(path)})(image)
    assert no_network == []
    assert (labels.dtype, labels.shape) == (np.uint8, voxels.shape)
    assert dice(labels, truth, "lung_right") > 0.6
    assert dice(labels, truth, "lung_left") > 0.6
    np.testing.assert_array_equal(image.voxels, voxels)
    same = lungmask.prepare({}, weights)(image)
    assert np.mean(labels != same) < 0.01


def test_a_widened_network_is_the_same_function(weights):
    narrow, wide = narrowed(weights), lungmask.layers(3).eval()
    wide.load_state_dict(slices.widened(narrow.state_dict(), wide.state_dict()))
    seen = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(wide(seen), narrow(seen), rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in wide.parameters()) > 30e6


def test_slices_and_voxels_are_each_others_inverse():
    voxels = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(slices.voxels(slices.slices(voxels)), voxels)
    assert slices.slices(voxels)[0, 0, 0] == voxels[1, 2, 0]  # right, front, lowest


def test_lobes_are_numbered_as_the_tool_numbers_them():
    assert lungmask.structures({"model": "LTRCLobes_R231"}) == lungmask.LOBES
    assert lungmask.structures({}) == lungmask.LUNGS
    for name in lungmask.STRUCTURES:
        assert regions.ids(name)


class Found:
    """Stands for the tool's inferer: the same answer to every image."""

    def __init__(self, answer):
        self.answer = answer

    def apply(self, image):
        """Return the answer, whatever the image."""
        assert image.shape == self.answer.shape
        return self.answer


def test_each_number_gets_its_name_and_place():
    answer = np.zeros((2, 3, 4), np.uint8)  # slices, rows, columns
    answer[0, 0, 0], answer[1, 2, 3] = 1, 5
    image = Volume(np.zeros((4, 3, 2), np.float32), np.eye(4))
    labels = lungmask.label(Found(answer), lungmask.LOBES, image)
    assert labels[3, 2, 0] == regions.label_id("lung_upper_lobe_left")  # right, front, lowest
    assert labels[0, 0, 1] == regions.label_id("lung_lower_lobe_right")
    assert np.count_nonzero(labels) == 2


def test_the_fused_model_runs_both_networks(cases, thin):
    options = {"model": "LTRCLobes_R231", "steps": 1}
    both = lungmask.fit(options, np.random.default_rng(0), cases=cases[:1])
    assert both.card["files"] == ["LTRCLobes", "R231"]
    labels = lungmask.prepare(options, both)(thin[0])
    assert set(np.unique(labels).tolist()) <= {0, *map(regions.label_id, lungmask.LOBES)}
    with pytest.raises(ValueError, match="fit again"):
        lungmask.prepare({"model": "R231"}, both)


def test_missing_weights_are_named(tmp_path, no_network):  # noqa: F811
    with pytest.raises(ValueError, match=r"unet_ltrclobes-3a07043d\.pth is missing.*JoHof"):
        lungmask.prepare({"weights": str(tmp_path), "model": "LTRCLobes"})
    assert no_network == []


def test_a_file_with_another_sha256_is_refused(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"weights")
    options = {"weights": str(path), "sha256": {"R231": "0" * 64}}
    digest = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(ValueError, match=f"another file: its sha256 is {digest}"):
        lungmask.prepare(options)


def test_training_without_cases_is_refused():
    with pytest.raises(ValueError, match="no cases"):
        lungmask.fit({}, np.random.default_rng(0))


@pytest.mark.parametrize("given", [None, Weights({}, {"segmenter": "another"})])
def test_labeling_without_its_own_weights_is_refused(given):
    with pytest.raises(ValueError, match="its own fit"):
        lungmask.prepare({}, given)


def test_a_radiograph_is_refused(weights):
    with pytest.raises(ValueError, match="one plane"):
        lungmask.prepare({}, weights)(volume.radiograph(np.zeros((8, 8), np.float32)))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"no_such_option": 1}, "no_such_option"), ({"model": "R232"}, "R231CovidWeb")],
)
def test_what_does_not_exist_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        lungmask.structures(options)


def test_what_the_workflow_reads_without_importing_is_there():
    for name in ("OPTIONS", "MODALITIES", "NEEDS_WEIGHTS", "PHANTOM"):
        found = catalogue.constant("segmenters", "lungmask", name)
        assert found == getattr(lungmask, name)
