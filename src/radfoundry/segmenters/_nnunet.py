"""Networks in nnU-Net's own format: described, written as its folders, and run as it runs them.

A folder written here is one that nnU-Net reads like any other. Prediction goes through nnU-Net's
sequential path: its worker processes import the main module again, which in a workflow's script
would run the whole job a second time, and they cost ten times what they save on small images.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.networks import torchvision_shim
from radfoundry.volume import write_bytes

PLANS, CONFIGURATION = "nnUNetPlans", "3d_fullres"
NEVER = -50.0  # logit of a class that was not learned; nnU-Net adds logits up in half precision
HEAD = ".seg_layers."
AGAIN = ("decoder.encoder.", ".all_modules.")  # in second names of tensors already named
SEQUENTIAL = ("save_probabilities", "overwrite", "folder_with_segs_from_prev_stage")
CLIPPED = (0.5, 99.5)  # percentiles of nnU-Net's CTNormalization


@dataclass(frozen=True)
class Model:
    """What nnU-Net keeps of a network beside its tensors.

    Attributes:
        folder: Name of the dataset's folder, such as "Dataset298_...".
        trainer: Name of the class of nnU-Net that trained it, part of the path.
        dataset: Content of dataset.json.
        plans: Content of plans.json.
        folds: Numbers of the folds; each holds the same tensors here.
    """

    folder: str
    trainer: str
    dataset: Mapping[str, Any]
    plans: Mapping[str, Any]
    folds: tuple[int, ...] = (0,)

    @property
    def path(self) -> str:
        """Where its files lie below the folder of all networks."""
        return f"{self.folder}/{self.trainer}__{PLANS}__{CONFIGURATION}"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The one configuration of its plans."""
        return self.plans["configurations"][CONFIGURATION]


def dataset(classes: Mapping[int, str], channel: str = "CT") -> dict[str, Any]:
    """Return dataset.json for classes by number, background left out."""
    labels = {"background": 0} | {name: n for n, name in classes.items()}
    return {
        "channel_names": {"0": channel}, "labels": labels, "numTraining": 1,
        "file_ending": ".nii.gz", "overwrite_image_reader_writer": "NibabelIOWithReorient",
    }  # fmt: skip


def plans(
    folder: str,
    spacing_mm: Sequence[float],
    patch: Sequence[int],
    features: Sequence[int],
    intensities: Mapping[str, float],
) -> dict[str, Any]:
    """Return plans.json of a plain U-Net.

    Args:
        folder: Name of the dataset's folder.
        spacing_mm: Of the voxels that it sees, (z, y, x).
        patch: Voxels that it sees at once, (z, y, x); multiples of 2 ** (stages - 1).
        features: Channels of each stage.
        intensities: As `intensities` returns them.
    """
    settings = {
        "data_identifier": f"{PLANS}_{CONFIGURATION}", "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2, "patch_size": list(patch), "spacing": [float(mm) for mm in spacing_mm],
        "median_image_size_in_voxels": list(patch), "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False], "architecture": architecture(features), "batch_dice": True,
    } | _resampling()  # fmt: skip
    return {
        "dataset_name": folder, "plans_name": PLANS, "label_manager": "LabelManager",
        "original_median_spacing_after_transp": settings["spacing"],
        "original_median_shape_after_transp": list(patch),
        "image_reader_writer": "NibabelIOWithReorient", "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2], "experiment_planner_used": "ExperimentPlanner",
        "foreground_intensity_properties_per_channel": {"0": dict(intensities)},
        "configurations": {CONFIGURATION: settings},
    }  # fmt: skip


def _resampling() -> dict[str, Any]:
    """Return how nnU-Net changes spacing: cubic images, linear labels and probabilities."""
    orders = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
    out: dict[str, Any] = {}
    for what, (labels, order) in orders.items():
        out[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        out[f"resampling_fn_{what}_kwargs"] = {
            "is_seg": labels, "order": order, "order_z": 0, "force_separate_z": None,
        }  # fmt: skip
    return out


def architecture(features: Sequence[int]) -> dict[str, Any]:
    """Return a plain 3D U-Net as plans name it: one convolution per stage on each way."""
    stages = len(features)
    settings = {
        "n_stages": stages, "features_per_stage": list(features),
        "conv_op": "torch.nn.modules.conv.Conv3d", "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1), "n_conv_per_stage": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1), "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True}, "dropout_op": None,
        "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }  # fmt: skip
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": settings,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def intensities(images: Sequence[np.ndarray]) -> dict[str, float]:
    """Return what CTNormalization needs of the intensities inside bodies (above -950 HU)."""
    seen = np.concatenate([image[image > -950].ravel() for image in images]).astype(np.float64)
    low, high = np.percentile(seen, CLIPPED)
    return {
        "max": float(seen.max()), "mean": float(seen.mean()), "median": float(np.median(seen)),
        "min": float(seen.min()), "percentile_00_5": float(low), "percentile_99_5": float(high),
        "std": float(seen.std()),
    }  # fmt: skip


def known_intensities(model: Model) -> Mapping[str, float]:
    """Return what `intensities` said when the plans were made."""
    return model.plans["foreground_intensity_properties_per_channel"]["0"]


def normalized(image: np.ndarray, model: Model) -> np.ndarray:
    """Return HU as the network sees them: clipped, mean 0, standard deviation 1 (float32)."""
    k = known_intensities(model)
    clipped = np.clip(image, k["percentile_00_5"], k["percentile_99_5"])
    return ((clipped - k["mean"]) / max(k["std"], 1e-8)).astype(np.float32)


def network(model: Model, classes: int) -> nn.Module:
    """Return the untrained network with a logit for each of so many classes, background too."""
    torchvision_shim.ensure()
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    asked = model.settings["architecture"]
    return get_network_from_plans(
        asked["network_class_name"], asked["arch_kwargs"], asked["_kw_requires_import"],
        1, classes, allow_init=True, deep_supervision=False,
    )  # fmt: skip


def without_aliases(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state without the tensors that nnU-Net names a second and a third time."""
    return {n: tensor for n, tensor in state.items() if not any(word in n for word in AGAIN)}


def with_all_classes(
    model: Model, state: Mapping[str, Tensor], learned: Sequence[int]
) -> dict[str, Tensor]:
    """Return a state as nnU-Net wants it: with logits for all classes, and under all names.

    Args:
        model: The network's description; its dataset says how many classes there are.
        state: Without aliases, of a network whose logits are those of `learned`.
        learned: Numbers of the classes that it knows, 0 first; the others never win.
    """
    classes = len(model.dataset["labels"])
    layers = network(model, classes)
    wide = {name: _widened(name, t, learned, classes) for name, t in state.items()}
    if set(wide) != set(without_aliases(layers.state_dict())):
        raise ValueError(f"these are tensors of another network than {model.path}: fit again")
    layers.load_state_dict(wide, strict=False)
    return layers.state_dict()


def _widened(name: str, tensor: Tensor, learned: Sequence[int], classes: int) -> Tensor:
    """Return the tensor with rows for all classes, if it is one that makes logits."""
    if HEAD not in name:
        return tensor
    wide = torch.zeros(classes, *tensor.shape[1:], dtype=tensor.dtype)
    wide = wide if tensor.ndim > 1 else wide + NEVER
    wide[list(learned)] = tensor
    return wide


def write(model: Model, state: Mapping[str, Tensor], folder: str | Path) -> Path:
    """Store a network below a folder of networks as nnU-Net does; return its own folder.

    Args:
        model: Its description.
        state: All its tensors, as `with_all_classes` returns them.
        folder: nnU-Net's nnUNet_results.
    """
    own = Path(folder) / model.path
    write_bytes(json.dumps(model.dataset, indent=1).encode(), own / "dataset.json")
    write_bytes(json.dumps(model.plans, indent=1).encode(), own / "plans.json")
    for fold in model.folds:
        place = own / f"fold_{fold}" / "checkpoint_final.pth"
        place.parent.mkdir(parents=True, exist_ok=True)
        arguments = {"configuration": CONFIGURATION, "fold": fold}
        arguments |= {"plans": dict(model.plans), "dataset_json": dict(model.dataset)}
        content = {
            "network_weights": dict(state), "trainer_name": model.trainer,
            "init_args": arguments, "inference_allowed_mirroring_axes": None,
            "optimizer_state": None, "grad_scaler_state": None, "logging": {},
            "_best_ema": None, "current_epoch": 1,
        }  # fmt: skip
        torch.save(content, place)
    return own


def predictor(threads: int) -> type:
    """Return nnU-Net's predictor, keeping to this process and to so many threads."""
    torchvision_shim.ensure()
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    class InThisProcess(nnUNetPredictor):
        """Predicts case after case where nnU-Net would start processes."""

        def predict_from_files(self, files: Any, place: Any, **settings: Any) -> Any:
            torch.set_num_threads(threads)
            kept = {key: value for key, value in settings.items() if key in SEQUENTIAL}
            cases = _listed(Path(files), self.dataset_json["file_ending"])  # it would fork for that
            there = [f"{place}/{name}" for name in cases]
            return self.predict_from_files_sequential([*cases.values()], there, **kept)

    return InThisProcess


def _listed(folder: Path, ending: str) -> dict[str, list[str]]:
    """Return the channels' files of each case in a folder: {case}_0000, {case}_0001 ..."""
    firsts = sorted(folder.glob(f"*_0000{ending}"))
    names = [path.name.removesuffix(f"_0000{ending}") for path in firsts]
    return {name: [str(p) for p in sorted(folder.glob(f"{name}_????{ending}"))] for name in names}
