"""What jobs ask for: memory and threads that follow from a cohort's size and its grid.

Computed from the checked config while the DAG is drawn, so a cohort of a table whose grid nobody
states counts as a chest CT at its full size. Figures behind the constants: `benchmarks/feeding.py`.
"""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from radfoundry.config import catalogue

Settings = Mapping[str, Any]

MB = 1e6
BASE_MB = 1500  # Snakemake 350, torch, and what a library holds before it sees a case
NETWORK_MB = 3000  # weights, optimizer, averages and activations that lie on the CPU
WORKER_MB = 700  # a process that imports torch and holds a few batches
STATED_NOWHERE = (512, 512, 400)  # voxels of a chest CT whose grid the config does not state
ENCODING_BYTES = 60  # per voxel: four channels of float32 twice, image, labels
WHOLE_BYTES = 24  # per voxel of a case that is read whole: float32, maps, masks on the way
DRAWN_BYTES = 100  # per voxel of a sample that is drawn: source, channels in and out, labels
THUMBNAIL_BYTES = 2 * 96 * 96 * 12  # of a training image: two views, as text, bytes and float32
REPORT_BYTES = 192 * 768 * 2 + 4000  # features of one report at the largest size, and its text
SHRUNK_BYTES = 12  # per pixel that a task keeps: float32, and copies while arms are made of them
SPATIAL = 3  # dimensions of a volume
PARTS = 3  # of a shrunk volume: the image, its lesion and its organ
WORKERS = 8  # that draw ahead, at most
GPU_MB = 18_000  # of a card of 24 GB: the rest holds networks, and one tile on its way through
MOST_TOGETHER = 16  # requests in one pass: a GPU is busy long before
VOXELS_A_WORKER = 2**29  # of a cohort: below it nobody need draw ahead


def training_mb(settings: Settings, recipe: str) -> int:
    """Return the memory (MB) of training one of a recipe's networks, whatever the cohort's voxels.

    Voxels stay on disk; reports' features grow with the cases, batches with the grid.
    """
    cohort = settings["recipes"][recipe]["cohort"]
    workers = training_threads(settings, recipe) - 1
    batches = (1 + workers) * 8 * WHOLE_BYTES * min(_voxels(settings, cohort), 128**3)
    held = batches + REPORT_BYTES * cases(settings, cohort)
    return math.ceil(BASE_MB + NETWORK_MB + WORKER_MB * workers + held / MB)


def training_threads(settings: Settings, recipe: str) -> int:
    """Return the threads of a training: one, and one for each process that draws ahead."""
    cohort = settings["recipes"][recipe]["cohort"]
    voxels = cases(settings, cohort) * _voxels(settings, cohort)
    return 1 + min(WORKERS, voxels // VOXELS_A_WORKER)


def encoding_mb(settings: Settings, cohort: str) -> int:
    """Return the memory (MB) of encoding a cohort's cases: one is held at a time."""
    return math.ceil(BASE_MB + ENCODING_BYTES * _voxels(settings, cohort) / MB)


def reading_mb(settings: Settings, cohort: str) -> int:
    """Return the memory (MB) of a job that reads a cohort's cases whole, one at a time."""
    return math.ceil(BASE_MB + 2 * WHOLE_BYTES * _voxels(settings, cohort) / MB)


def judging_mb(settings: Settings, recipe: str) -> int:
    """Return the memory (MB) of a job that measures a recipe's samples beside their sources.

    The novelty expert holds thumbnails of all training images, the pathology expert shrunk ones.
    """
    entry = settings["recipes"][recipe]
    cohort, reader = entry["cohort"], entry.get("filter", {}).get("pathology")
    held = 4 * WHOLE_BYTES * _voxels(settings, cohort) + THUMBNAIL_BYTES * cases(settings, cohort)
    if reader is None:
        return math.ceil(BASE_MB + held / MB)
    shrunk = catalogue.constant("tasks", "few_shot_lesions", "PICTURES")
    each = SHRUNK_BYTES * PARTS * math.prod(shrunk[reader.get("size", "phantom")])
    held += each * cases(settings, cohort)
    return math.ceil(BASE_MB + NETWORK_MB + held / MB)


def expert_gpus(settings: Settings, recipe: str, expert: str) -> int:
    """Return the GPUs that an expert asks for: one or none."""
    return int(settings["recipes"][recipe]["filter"][expert].get("device") == "gpu")


def drawn_together(settings: Settings, recipe: str) -> int:
    """Return how many requests go through a recipe's networks at once on a GPU.

    What the recipe states as `together`, or as many as a GPU of 24 GB holds; never more than are in
    a batch. Where a generator states no DRAWING_BYTES (per voxel of the full grid) it is one.
    """
    entry = settings["recipes"][recipe]
    stated = catalogue.stated("generators", entry["generator"], "DRAWING_BYTES", {})
    if not stated:
        return 1
    each = stated[entry["size"]] * _voxels(settings, entry["cohort"]) / MB
    fitting = max(1, min(MOST_TOGETHER, int(GPU_MB / each)))
    return min(entry["together"] or fitting, entry["batch"])


def drawing_mb(settings: Settings, recipe: str) -> int:
    """Return the memory (MB) of drawing a batch: networks, and the cases that are drawn at once."""
    voxels = _voxels(settings, settings["recipes"][recipe]["cohort"])
    held = DRAWN_BYTES * voxels * drawn_together(settings, recipe)
    return math.ceil(BASE_MB + NETWORK_MB + held / MB)


def round_trip_mb(settings: Settings, recipe: str) -> int:
    """Return the memory (MB) of encoding and decoding a recipe's cases, one at a time."""
    return reading_mb(settings, settings["recipes"][recipe]["cohort"]) + NETWORK_MB


def arm_mb(settings: Settings, recipe: str, task: str) -> int:
    """Return the memory (MB) of training one arm of a downstream task.

    A task keeps the cohort, unseen ones and samples, shrunk to what it states as `PICTURES`, with a
    map for each target; or whole, where it states none. Samples are counted twice: those of a null
    arm may teach beside the recipe's.
    """
    entry, stated = settings["recipes"][recipe], settings["evaluate"][task]
    cohorts = [entry["cohort"], *stated["unseen"]]
    count = 2 * entry["sample"]["count"] + sum(cases(settings, name) for name in cohorts)
    largest = max(_voxels(settings, name) for name in cohorts)
    size = stated.get("size", catalogue.constant("tasks", task, "OPTIONS").get("size"))
    picture = catalogue.stated("tasks", task, "PICTURES", {}).get(size)
    each = WHOLE_BYTES * largest
    if picture:
        planes = 1 if _of_slices(settings, entry["cohort"]) else picture[0]
        sides = (planes, *picture[1:]) if len(picture) == SPATIAL else picture
        each = SHRUNK_BYTES * math.prod(sides) * (1 + _targets(task, stated))
    return math.ceil(BASE_MB + NETWORK_MB + (2 * WHOLE_BYTES * largest + count * each) / MB)


def _of_slices(settings: Settings, cohort: str) -> bool:
    """Return whether a cohort's volumes are of one plane."""
    return bool(settings["cohorts"][cohort].get("preprocess", {}).get("slices"))


def _targets(task: str, stated: Mapping[str, Any]) -> int:
    """Return how many things a task asks of each case."""
    options = catalogue.constant("tasks", task, "OPTIONS") | stated
    asked = sum(len(options.get(name, ())) for name in ("findings", "sides", "severities"))
    return asked + ("organ" in options)  # whose map is kept too


def cases(settings: Settings, cohort: str) -> int:
    """Return how many cases a cohort has at most: lines of its table, or exams of its phantoms.

    >>> phantom = {"patients": 30, "exams": [1, 2]}
    >>> cases({"cohorts": {"a": {"phantom": phantom}}}, "a")
    60
    """
    entry = settings["cohorts"][cohort]
    if "phantom" in entry:
        return int(entry["phantom"]["patients"]) * max(entry["phantom"].get("exams", [1]))
    return _lines(entry["table"])


@cache
def _lines(table: str) -> int:
    with Path(table).open("rb") as file:
        return sum(1 for _ in file)


def _voxels(settings: Settings, cohort: str) -> int:
    """Return the voxels of a case once it is preprocessed."""
    entry = settings["cohorts"][cohort]
    ready, drawn = entry["preprocess"], entry.get("phantom", {})
    if ready.get("grid"):
        return math.prod(ready["grid"])
    if entry["modality"] == "CXR":
        return int(ready.get("size") or drawn.get("size") or 1024) ** 2
    size = drawn.get("size", STATED_NOWHERE)
    return size**3 if isinstance(size, int) else math.prod(size)


def methods_on(settings: Settings, device: str) -> str:
    """Return the methods of pseudo-labelling that run on a device, as a pattern.

    It matches nothing where there are none.
    """
    methods = settings["pseudolabel"]
    own = [name for name in methods if "findings" not in methods[name]]  # the others mark on top
    return "|".join(name for name in own if methods[name]["device"] == device) or "(?!)"
