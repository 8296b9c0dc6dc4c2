"""Say which weight files of other people's segmenters a config needs, and which are not there.

Asked while the DAG is drawn: standard library and a YAML reader, no image, no network. Nothing is
downloaded: what is missing is named with its task, release, license and the place to put it.
"""

import hashlib
import os
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from radfoundry.config import catalogue

PHANTOMS = "phantoms"  # instead of a path: networks that the workflow trains
LICENSE_VARIABLE = "TOTALSEG_LICENSE_NUMBER"
LICENSE_LENGTH = 18  # all that the tool itself checks without a network
PLANS, CONFIGURATION, CHECKPOINT = "nnUNetPlans", "3d_fullres", "checkpoint_final.pth"
FINEST_MM = 3.0  # voxels of networks trained on phantoms: what is finer takes hours
MODES = ("fastest", "fast", "normal")


@cache
def needs() -> Mapping[str, Any]:
    """Return `weights_needed.yaml`."""
    return yaml.safe_load(pkgutil.get_data("radfoundry.config", "weights_needed.yaml") or b"")


def check(settings: Mapping) -> None:
    """Refuse a config whose weight files are not all there.

    Raises:
        ValueError: One line per missing file or license.
    """
    if lines := missing(settings):
        raise ValueError("weight files are missing:\n" + "\n".join(f"  {line}" for line in lines))


def missing(settings: Mapping) -> list[str]:
    """Return one line per missing file or license, over all methods of pseudo-labelling.

    Args:
        settings: The checked config; a method whose weights are trained on phantoms needs no file.
    """
    methods = settings.get("pseudolabel", {}).items()
    return [f"pseudolabel.{name}: {line}" for name, method in methods for line in faults(method)]


def there(method: Mapping) -> list[str]:
    """Return the weight files of a method that are there."""
    return [row["file"] for row in _rows(method) if row["status"] != "missing"]


def faults(method: Mapping) -> list[str]:
    """Return one line per file or license that one method lacks; contents are not looked at.

    What no weights could do, such as marking a structure that nobody knows, is a line too.
    """
    try:
        return [fault_message(row) for row in _rows(method) if row["status"] != "ok"]
    except ValueError as error:
        return [str(error)]


def inventory(method: Mapping) -> list[dict[str, Any]]:
    """Return every weight file that a method needs.

    Args:
        method: `segmenter` (file of `segmenters`) and its `options`.

    Returns:
        Rows with task, weights (the id or name upstream), file, bytes (0 if it is not there),
        sha256 ("" if not there), license ("open", "set" or "missing"), where (the release) and
        status: "ok", "missing", "changed" (not the file that its name or the config says) or
        "unlicensed".
    """
    return [_measured(row, _options(method)) for row in _rows(method)]


def _options(method: Mapping) -> dict[str, Any]:
    stated = catalogue.constant("segmenters", method["segmenter"], "OPTIONS")
    return stated | dict(method.get("options") or {})


def _rows(method: Mapping) -> list[dict[str, Any]]:
    """Return the files of a method with their status, as far as it shows without reading."""
    if method["segmenter"] not in needs():
        return []
    options, tool = _options(method), method["segmenter"] == "totalsegmentator"
    if options["weights"] == PHANTOMS:
        if tool:
            networks_of_phantoms(options)
        return []
    rows = _of_totalsegmentator(options) if tool else _of_lungmask(options)
    return [row | {"status": _status(row)} for row in rows]


def _status(row: Mapping) -> str:
    if not Path(row["file"]).is_file():
        return "missing"
    return "unlicensed" if row["license"] == "missing" else "ok"


def _measured(row: dict[str, Any], options: Mapping) -> dict[str, Any]:
    """Return a row with size and sha256; what should have another sha256 is changed."""
    path = Path(row["file"])
    if not path.is_file():
        return row | {"bytes": 0, "sha256": ""}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    published = {entry["file"] for entry in needs()["lungmask"]["weights"].values()}
    start = dict(options.get("sha256") or {}).get(row["weights"], "")
    if path.name in published and not start:
        start = path.stem[-8:]  # as torch.hub has it
    if not digest.startswith(start.lower()):
        row = row | {"status": "changed"}
    return row | {"bytes": path.stat().st_size, "sha256": digest}


def fault_message(row: Mapping) -> str:
    """Return what is wrong with a row of `inventory`, and how to mend it."""
    what = f"{row['task']}: weights {row['weights']}"
    if row["status"] == "changed":
        return f"{what}: {row['file']} is another file: its sha256 is {row['sha256']}"
    if row["status"] == "unlicensed":
        return f"{what} need a license number of {LICENSE_LENGTH} letters in ${LICENSE_VARIABLE}"
    license_ = "" if row["license"] == "open" else f", needs a license (${LICENSE_VARIABLE})"
    return f"{what}: {row['file']} is missing{license_}; get it from {row['where']}"


def gives(task: str) -> Mapping[str, list[str]]:
    """Return the structures that a task of TotalSegmentator marks, with its classes for each."""
    return needs()["totalsegmentator"]["tasks"][task]["gives"]


def has_modes(task: str) -> bool:
    """Return whether a task of TotalSegmentator can be run fast and fastest."""
    return isinstance(needs()["totalsegmentator"]["tasks"][task]["weights"], Mapping)


def tasks(options: Mapping) -> list[str]:
    """Return the tasks of TotalSegmentator that mark the structures asked for.

    A structure is marked by the first task that gives it; tasks named in the options come on top.

    Args:
        options: `structures`, `modality` and `tasks` of `segmenters.totalsegmentator`.

    Raises:
        ValueError: Nobody marks a structure in that modality, or there is no such task.
    """
    known = needs()["totalsegmentator"]["tasks"]
    able = {name: task for name, task in known.items() if task["modality"] == options["modality"]}
    for name in options["tasks"]:
        if name not in able:
            message = f"no task {name!r} for {options['modality']}"
            raise ValueError(f"{message}: choose from {', '.join(able)}")
    chosen = set(options["tasks"])
    for structure in options["structures"]:
        giving = [name for name, task in able.items() if structure in task["gives"]]
        if not giving:
            possible = sorted({name for task in able.values() for name in task["gives"]})
            message = f"no task marks {structure!r} in {options['modality']}"
            raise ValueError(f"{message}: choose from {', '.join(possible)}")
        chosen.add(giving[0])
    return [name for name in able if name in chosen]


def weights_of(task: str, options: Mapping) -> list[int]:
    """Return the ids of the networks that a task runs under the options given."""
    stated = needs()["totalsegmentator"]
    entry = stated["tasks"][task]
    own = entry["weights"]
    if isinstance(own, Mapping):
        own = own[options["mode"]]
    before = list(entry.get("crop", []))
    if options["roi_subset"] and task.startswith("total"):
        before += stated["subset"][entry["modality"]]
    return list(dict.fromkeys([*before, *own]))


def networks_of_phantoms(options: Mapping) -> dict[int, str]:
    """Return the networks that the workflow must train on phantoms, by id, with the task of each.

    Raises:
        ValueError: One is of MR, or too fine.
    """
    if options["modality"] != "CT":
        raise ValueError(f"modality is {options['modality']!r}: phantoms of chests are CT alone")
    stated, out = needs()["totalsegmentator"], {}
    for task in tasks(options):
        for number in weights_of(task, options):
            spacing = stated["weights"][number]["spacing"] or FINEST_MM
            if min(spacing if isinstance(spacing, list) else [spacing]) < FINEST_MM:
                message = f"task {task} ({options['mode']}) sees voxels of {spacing} mm"
                raise ValueError(f"{message}: with weights 'phantoms' {FINEST_MM} mm is the finest")
            out[number] = "total" if number in stated["tasks"][task].get("crop", []) else task
    return out


def _of_totalsegmentator(options: Mapping) -> Iterator[dict[str, Any]]:
    stated = needs()["totalsegmentator"]
    for task in tasks(options):
        license_ = "open"
        if stated["tasks"][task]["license"]:
            number = os.environ.get(LICENSE_VARIABLE, "")
            license_ = "set" if len(number) == LICENSE_LENGTH else "missing"
        for key in weights_of(task, options):
            entry = stated["weights"][key]
            where = f"{stated['where']} ({entry['release']}, {entry['folder']})"
            for file in files_of(entry, Path(options["weights"])):
                row = {"task": task, "weights": str(key), "file": str(file)}
                yield row | {"license": license_, "where": where}


def files_of(entry: Mapping, folder: Path) -> Sequence[Path]:
    """Return the files of one network in nnU-Net's layout, below a folder of networks."""
    model = folder / entry["folder"] / f"{entry['trainer']}__{PLANS}__{CONFIGURATION}"
    checkpoints = [model / f"fold_{fold}" / CHECKPOINT for fold in entry.get("folds", [0]) or []]
    if not checkpoints:  # any fold will do
        checkpoints = sorted(model.glob(f"fold_*/{CHECKPOINT}")) or [model / "fold_0" / CHECKPOINT]
    return [model / "dataset.json", model / "plans.json", *checkpoints]


def _of_lungmask(options: Mapping) -> Iterator[dict[str, Any]]:
    stated = needs()["lungmask"]
    for name, path in lungmask_files(options).items():
        where = f"{stated['where']} ({stated['weights'][name]['release']}, {path.name})"
        row = {"task": options["model"], "weights": name, "file": str(path)}
        yield row | {"license": "open", "where": where}


def lungmask_files(options: Mapping) -> dict[str, Path]:
    """Return the file of each network of a lungmask model.

    Args:
        options: `model`, and `weights`: the folder that holds them under their names upstream, or
            the path of one file where the model is one network.
    """
    stated = needs()["lungmask"]
    if options["model"] not in stated["models"]:
        raise ValueError(f"no model {options['model']!r}: there are {', '.join(stated['models'])}")
    names, given = stated["models"][options["model"]]["files"], Path(options["weights"])
    if given.suffix == ".pth" and len(names) == 1:
        return {names[0]: given}
    return {name: given / stated["weights"][name]["file"] for name in names}
