"""Folders written here are those that nnU-Net reads."""

import sys

import numpy as np
import pytest
import torch

from radfoundry.networks import torchvision_shim
from radfoundry.segmenters import _nnunet

pytest.importorskip("nnunetv2")
CLASSES = {1: "spleen", 2: "heart", 3: "aorta"}
LEVELS = {
    "max": 300.0, "mean": 0.0, "median": 0.0, "min": -1000.0, "percentile_00_5": -1000.0,
    "percentile_99_5": 300.0, "std": 100.0,
}  # fmt: skip


@pytest.fixture
def model():
    """Return a network's description."""
    plans = _nnunet.plans("Dataset999_test", [6.0] * 3, [16] * 3, [4, 8], LEVELS)
    return _nnunet.Model("Dataset999_test", "nnUNetTrainer", _nnunet.dataset(CLASSES), plans)


@pytest.fixture
def small(model):
    """Return a network that knows background and aorta alone."""
    torch.manual_seed(0)
    return _nnunet.network(model, 2).eval()


def test_torchvision_can_be_imported():
    torchvision_shim.ensure()
    torchvision = pytest.importorskip("torchvision")
    assert torchvision_shim.ensure() is torchvision_shim.ensure()
    assert "torchvision" in sys.modules
    assert torchvision.__version__


def test_nnunet_reads_what_was_written(model, small, tmp_path):
    state = _nnunet.with_all_classes(model, _nnunet.without_aliases(small.state_dict()), [0, 3])
    folder = _nnunet.write(model, state, tmp_path)
    predictor = _nnunet.predictor(1)(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=(0,))
    seen = torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits, wanted = predictor.network(seen), small(seen)
    torch.testing.assert_close(logits[:, [0, 3]], wanted)
    assert (logits[:, [1, 2]] == _nnunet.NEVER).all()


def test_prediction_starts_no_process(model, small, tmp_path, monkeypatch):
    nibabel = pytest.importorskip("nibabel")
    state = _nnunet.with_all_classes(model, _nnunet.without_aliases(small.state_dict()), [0, 3])
    folder = _nnunet.write(model, state, tmp_path / "networks")
    image = np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32)
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    nibabel.save(nibabel.Nifti1Image(image, np.diag([6, 6, 6, 1.0])), tmp_path / "in/s_0000.nii.gz")
    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", _refuse)
    predictor = _nnunet.predictor(1)(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=(0,))
    predictor.predict_from_files(
        str(tmp_path / "in"), str(tmp_path / "out"), num_processes_preprocessing=3, part_id=0
    )
    labels = np.asanyarray(nibabel.load(tmp_path / "out/s.nii.gz").dataobj)
    assert set(np.unique(labels).tolist()) <= {0, 3}


def _refuse(*args):
    raise AssertionError("a process was started")


def test_a_state_names_nothing_twice(model, small):
    state = _nnunet.without_aliases(small.state_dict())
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    assert set(_nnunet.with_all_classes(model, state, [0, 3])) == set(small.state_dict())


def test_tensors_of_another_network_are_refused(model, small):
    few = dict(list(_nnunet.without_aliases(small.state_dict()).items())[1:])
    with pytest.raises(ValueError, match="another network than Dataset999_test"):
        _nnunet.with_all_classes(model, few, [0, 3])


def test_intensities_are_clipped_and_scaled(model):
    out = _nnunet.normalized(np.array([-2000.0, 0.0, 100.0, 5000.0]), model)
    np.testing.assert_allclose(out, [-10, 0, 1, 3])
    assert out.dtype == np.float32


def test_intensities_are_those_inside_bodies():
    image = np.full((4, 4, 4), -1000.0)
    image[0] = 40
    known = _nnunet.intensities([image])
    assert known["mean"] == known["median"] == 40
    assert known["std"] == 0
