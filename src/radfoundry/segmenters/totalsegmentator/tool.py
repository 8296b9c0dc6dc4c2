"""TotalSegmentator behind our own types: its class names, and one task of it on one image.

It is kept to this process and this machine. Its own downloading, which also deletes older networks
from the folder it is given, and its report of usage are switched off; its settings live in a folder
of our own, so that a user's are neither read nor changed.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import nibabel
import numpy as np
import torch

from radfoundry.config import weight_files
from radfoundry.segmenters import _nnunet
from radfoundry.volume import Volume, write_bytes

CONFIG = {
    "totalseg_id": "offline", "send_usage_stats": False, "prediction_counter": 0,
    "statistics_disclaimer_shown": True,
}  # fmt: skip
MARGIN = 20  # slices by which the tool's thirds of an image overlap


@dataclass(frozen=True)
class Tool:
    """How the tool is run.

    Attributes:
        home: Its folder of settings, which is removed with this object.
        folder: Where the networks' folders lie.
        mode: "fastest", "fast" or "normal", for the tasks that have modes.
        force_split: Whether images that are tall enough are labeled in three parts.
        device: "cpu", "cuda" or "cuda:N".
    """

    home: tempfile.TemporaryDirectory
    folder: str
    mode: str
    force_split: bool
    device: str


def tool(mode: str, force_split: bool, device: str) -> Tool:
    """Return the tool with settings and a folder of networks of its own, which is empty yet.

    A license number is taken from the environment (`weight_files.LICENSE_VARIABLE`), if there.
    """
    number = os.environ.get(weight_files.LICENSE_VARIABLE)
    own = home(CONFIG | ({"license_number": number} if number else {}))
    return Tool(own, f"{own.name}/networks", mode, force_split, device)


def classes(task: str) -> Mapping[int, str]:
    """Return the names of a task's classes by their numbers, background left out."""
    from totalsegmentator.map_to_binary import class_map

    return class_map[task]


def run(tool: Tool, image: Volume, task: str, subset: Sequence[str] = ()) -> np.ndarray:
    """Return the label map of one task, in the tool's own numbers, on the image's grid (uint8).

    Args:
        tool: How to run it. Its networks must be there: nothing is downloaded.
        image: A CT in HU or an MR, (X, Y, Z).
        task: Such as "total".
        subset: Classes of the total tasks to look for; all when empty.

    Raises:
        RuntimeError: The tool gave up. It ends the process when it misses a license; not here.
    """
    picture = nibabel.Nifti1Image(image.voxels.astype(np.float32), image.affine)
    has_modes = weight_files.has_modes(task)
    places = {"TOTALSEG_HOME_DIR": tool.home.name, "TOTALSEG_WEIGHTS_PATH": tool.folder}
    with _environment(places), _alone():
        from totalsegmentator.python_api import totalsegmentator

        try:
            answer = totalsegmentator(
                picture, None, ml=True, task=task, quiet=True, nr_thr_resamp=1, nr_thr_saving=1,
                fast=has_modes and tool.mode == "fast",
                force_split=tool.force_split and _tall(image, task, tool.mode),
                fastest=has_modes and tool.mode == "fastest",
                roi_subset=list(subset) if subset and task.startswith("total") else None,
                device=tool.device.replace("cuda", "gpu"),
            )  # fmt: skip
        except SystemExit as stop:
            raise RuntimeError(f"TotalSegmentator refused task {task}: exit {stop.code}") from None
    return np.asanyarray(answer.dataobj).astype(np.uint8)


def _tall(image: Volume, task: str, mode: str) -> bool:
    """Return whether an image can be split in three, each third above the tool's margins."""
    own = weight_files.needs()["totalsegmentator"]["tasks"][task]["weights"]
    first = own[mode][0] if weight_files.has_modes(task) else own[0]
    spacing = weight_files.needs()["totalsegmentator"]["weights"][first]["spacing"]
    step = image.spacing_mm[2] if spacing is None else float(np.ravel(spacing)[-1])
    return image.voxels.shape[2] * image.spacing_mm[2] / step > 3 * (MARGIN + 1)


def home(content: Mapping[str, Any]) -> tempfile.TemporaryDirectory:
    """Return a temporary folder, gone with the object, whose config.json holds `content`."""
    folder = tempfile.TemporaryDirectory(prefix="radfoundry-")
    write_bytes(json.dumps(content).encode(), Path(folder.name) / "config.json")
    return folder


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put all back as they were on leaving."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep the tool to this process and this machine: no workers, no download, no report."""
    predictor = _nnunet.predictor(torch.get_num_threads())
    from totalsegmentator import nnunet as engine
    from totalsegmentator import python_api

    with ExitStack() as changes:
        for module, name, value in (
            (engine, "nnUNetPredictor", predictor),
            (python_api, "download_pretrained_weights", _nothing),
            (python_api, "send_usage_stats", _nothing),
        ):
            changes.enter_context(mock.patch.object(module, name, value))
        yield


def _nothing(*args: Any, **settings: Any) -> None:
    """Do nothing, whatever is asked."""
