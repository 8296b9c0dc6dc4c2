"""TotalSegmentator, run through its own Python API, offline.

With weights given by path it is the published tool. With `weights: phantoms` the same tool runs
small networks that `fit` trains on phantoms: every line of code a hospital would run, runs, and the
labels are as good as the phantoms are like patients. It never downloads: files are checked before
the tool is imported, its own downloading is switched off, and it reports no usage.
"""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config import weight_files
from radfoundry.segmenters import _nnunet, _phantom_training
from radfoundry.segmenters.totalsegmentator import tool
from radfoundry.volume import Volume
from radfoundry.weights import Weights

# Spelled out, as `OPTIONS` is: the workflow reads them without importing (`catalogue.constant`).
CITATION = (
    "Wasserthal et al. 2023, TotalSegmentator, Radiology: Artificial Intelligence 5:e230024, "
    "doi:10.1148/ryai.230024"
)
STRUCTURES = (
    "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
    "lung_middle_lobe_right", "lung_lower_lobe_right", "airway", "lung_vessel", "heart", "aorta",
    "spine", "rib", "clavicle", "pleural_space", "body", "mediastinum", "abdomen", "kidney",
    "breast", "brain", "lung_right", "lung_left",
)  # fmt: skip
MODALITIES = ("CT", "MR")
NEEDS_WEIGHTS = True  # trained on phantoms, unless `weights` says where the published ones are
PHANTOM = "chest_ct"
NETWORKS: dict[str, dict[str, Any]] = {
    "phantom": {"cases": 80, "features": [8, 16, 32, 64], "patch": 40, "steps": 800, "batch": 2},
    "workstation": {
        "cases": 600, "features": [32, 64, 128, 256, 320], "patch": 96, "steps": 12000, "batch": 2,
    },
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "structures": [
        "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
        "lung_middle_lobe_right", "lung_lower_lobe_right", "airway", "heart", "aorta", "spine",
    ],
    "modality": "CT",  # or MR: other networks of the same tool
    "tasks": [],  # further tasks whose answer is added, such as heartchambers_highres
    "mode": "fastest",  # of the tasks that have modes: fastest 6 mm, fast 3 mm, normal 1.5 mm
    "roi_subset": False,  # ask for the wanted classes alone, after looking where they are
    "force_split": False,  # tall images in three parts, to need less memory
    "weights": "phantoms",  # or the folder with the published networks' folders
    "size": "phantom",  # of NETWORKS, when trained on phantoms
    "cases": 0,  # phantoms to learn from; 0: those of the size
    "steps": 0,  # 0: those of the size
    "learning_rate": 1e-2,
}  # fmt: skip
FINDINGS = {"pleural_effusion": 0.4, "consolidation": 0.3, "emphysema": 0.2, "cardiomegaly": 0.2}
COARSE_MM = 5.0  # voxels of a network trained on phantoms, where the tool takes the image's own
OUTER = ("body", "abdomen", "mediastinum")  # painted first: what lies inside stays


def structures(options: Mapping) -> tuple[str, ...]:
    """Return what is labeled under the options given."""
    return tuple(_chosen(options)["structures"])


def phantoms(options: Mapping) -> dict[str, Any]:
    """Return the options of `phantoms.chest_ct.plan` for the cases that `fit` is to be given."""
    chosen = _chosen(options)
    patients = chosen["cases"] or NETWORKS[chosen["size"]]["cases"]
    drawn = {"patients": patients, "exams": [1, 1], "size": 64}
    return {**drawn, "variety": "wide", "findings": FINDINGS}


def _chosen(options: Mapping) -> dict[str, Any]:
    unknown = set(options) - set(OPTIONS)
    if unknown:
        message = f"totalsegmentator has no options {sorted(unknown)}"
        raise ValueError(f"{message}: there are {sorted(OPTIONS)}")
    chosen = OPTIONS | dict(options)
    allowed = {"size": tuple(NETWORKS), "mode": weight_files.MODES, "modality": MODALITIES}
    for name, choices in allowed.items():
        if chosen[name] not in choices:
            raise ValueError(f"{name} is {chosen[name]!r}: choose from {', '.join(choices)}")
    weight_files.tasks(chosen)
    return chosen


def fit(
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    cases: Sequence[Case] = (),
    progress: _phantom_training.Progress | None = None,
) -> Weights:
    """Return all networks that the options need, trained on phantoms.

    Arguments and errors are those that `radfoundry.segmenters` states.

    Raises:
        ValueError: Beyond those, a network too fine for phantoms.
    """
    chosen = _chosen(options)
    _phantom_training.check_cases("totalsegmentator", cases)
    schedule = _phantom_training.schedule(chosen, NETWORKS[chosen["size"]])
    state: dict[str, torch.Tensor] = {}
    described: dict[str, Any] = {}
    for number, task in weight_files.networks_of_phantoms(chosen).items():
        model, learned = _described(number, task, chosen, cases)
        generator = _phantom_training.chance(rng, device)
        tensors = _phantom_training.trained(
            model, list(learned), cases, schedule, generator, progress
        )
        state |= {
            f"{number}.{name}": tensor for name, tensor in _nnunet.without_aliases(tensors).items()
        }
        described[str(number)] = {
            "task": task,
            "learned": [*learned.items()],
            "model": asdict(model),
        }
    card = {"segmenter": "totalsegmentator", "size": chosen["size"], "cases": len(cases)}
    return Weights(state, card | {"networks": described})


def _described(
    number: int, task: str, chosen: Mapping, cases: Sequence[Case]
) -> tuple[_nnunet.Model, dict[str, int]]:
    """Return a network's description, and the class that stands for each structure it learns."""
    size = NETWORKS[chosen["size"]]
    stated = weight_files.needs()["totalsegmentator"]
    entry = stated["weights"][number]
    spacing = np.broadcast_to(entry["spacing"] or COARSE_MM, 3)[::-1].tolist()
    learned = {}
    names = tool.classes(task)
    for structure, patterns in weight_files.gives(task).items():
        wanted = structure in chosen["structures"] or "_lobe_" in structure
        if wanted and any(regions.mask(case.anatomy, structure).any() for case in cases):
            learned[structure] = numbers(names, patterns)[0]
    levels = _nnunet.intensities([case.image.voxels for case in cases])
    plans = _nnunet.plans(entry["folder"], spacing, [size["patch"]] * 3, size["features"], levels)
    data = _nnunet.dataset(names)
    return _nnunet.Model(entry["folder"], entry["trainer"], data, plans), learned


def prepare(
    options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Callable[[Volume], np.ndarray]:
    """Return the segmenter: a CT or MR goes in, its anatomy map (uint8, same grid) comes out.

    Args:
        options: `OPTIONS`; with `weights: phantoms` the networks of `weights` are run.
        weights: As `fit` returned them; not wanted where the options give a folder.
        device: Where to run.

    Raises:
        ValueError: A file or license is missing (each is named), the weights are of another
            segmenter or lack a network, or an option does not exist.
    """
    chosen = _chosen(options)
    runner = tool.tool(chosen["mode"], bool(chosen["force_split"]), device)
    if chosen["weights"] != weight_files.PHANTOMS:
        faults = weight_files.faults({"segmenter": "totalsegmentator", "options": chosen})
        if faults:
            raise ValueError("totalsegmentator cannot run:\n" + "\n".join(faults))
        runner = replace(runner, folder=str(chosen["weights"]))
    else:
        export(chosen, weights, runner.folder)
    return partial(label, runner, chosen)


def export(chosen: Mapping, weights: Weights | None, folder: str) -> None:
    """Write the networks trained on phantoms into a folder as the tool's own would lie there."""
    if weights is None or weights.card.get("segmenter") != "totalsegmentator":
        raise ValueError("totalsegmentator needs the weights that its own fit returned")
    for number in weight_files.networks_of_phantoms(chosen):
        if str(number) not in weights.card["networks"]:
            there = ", ".join(weights.card["networks"])
            raise ValueError(f"network {number} was not trained: there are {there}; fit again")
        known = weights.card["networks"][str(number)]
        model = _nnunet.Model(**known["model"])
        own = {n.partition(".")[2]: t for n, t in weights.state.items() if _number(n) == number}
        state = _nnunet.with_all_classes(model, own, [0, *(kind for _, kind in known["learned"])])
        _nnunet.write(model, state, folder)


def _number(name: str) -> int:
    return int(name.partition(".")[0])


def label(runner: tool.Tool, chosen: Mapping, image: Volume) -> np.ndarray:
    """Return the anatomy map of one image, from as many tasks of the tool as it takes."""
    if image.is_radiograph:
        raise ValueError("totalsegmentator reads volumes, this is one plane")
    masks: dict[str, np.ndarray] = {}
    for task in weight_files.tasks(chosen):
        names, gives = tool.classes(task), weight_files.gives(task)
        wanted = {s: numbers(names, gives[s]) for s in chosen["structures"] if s in gives}
        asked = [names[n] for found in wanted.values() for n in found]
        answer = tool.run(runner, image, task, asked if chosen["roi_subset"] else [])
        for structure, found in wanted.items():
            masks[structure] = masks.get(structure, False) | np.isin(answer, found)
    return composed(masks)


def numbers(names: Mapping[int, str], patterns: Sequence[str]) -> list[int]:
    """Return the numbers of the classes that any of the patterns names."""
    return [n for n, name in names.items() if any(fnmatch.fnmatch(name, p) for p in patterns)]


def composed(masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return one anatomy map (uint8) of the tool's answers: finer structures over coarser ones."""
    inner = [mask for name, mask in masks.items() if name not in OUTER]
    whole = np.any(inner, 0) if inner else np.False_
    fluid = masks.get("pleural_space", np.False_)
    ordered = {name: masks[name] & ~whole for name in OUTER if name in masks}
    for name, mask in masks.items():
        if name not in OUTER:
            ordered[name] = mask & ~fluid if "_lobe_" in name else mask
    return regions.compose(ordered)
