"""What a trained network was learned by, and why a config would have it learned anew.

A network's folder holds a record beside its weights: all that went into it, definition by
definition of the code that its training reaches. Drawing, previews and reports are out of reach,
and what a labeler reads in reports counts by what it read.

Asked while the DAG is drawn: standard library, no array, no network.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from radfoundry.config import catalogue, lookups, reach
from radfoundry.config.digest import LENGTH, PACKAGE, file_of
from radfoundry.config.remembered import remembered
from radfoundry.config.settings import start_files

RECORD, CARD, TENSORS = "training.json", "card.json", "weights.safetensors"
PREVIOUS = "previous"  # beside the networks: every one that was trained, by its fingerprint
LABELERS = (PACKAGE / "text" / "labeler" / "__init__.py",)
NAMED = 6  # changes that a message names
Settings = Mapping[str, Any]


@remembered
def definitions(script: Path, generator: str, network: str) -> Mapping[str, str]:
    """Return a digest of each definition that training one network reaches.

    Args:
        script: The file whose `fit` a training job calls, which calls the generator's.
        generator: Its name in the catalogue.
        network: Of its `NETWORKS`.
    """
    door = file_of(catalogue.module_name("generators", generator)) or PACKAGE
    names = frozenset(catalogue.constant("generators", generator, "NETWORKS"))
    entry = reach.defined(door, "fit")
    known = reach.Known(
        values=dict.fromkeys(entry, network),
        own=network,
        others=names - {network},
        tables=door.parent if door.name == "__init__.py" else door,
        given=LABELERS,
    )
    return reach.digests({(script.resolve(), "fit"), *entry}, known)


def fingerprint(reached: Mapping[str, str]) -> str:
    """Return one digest of all definitions.

    >>> len(fingerprint({"a.py:f": "12ab"}))
    12
    """
    return hashlib.sha256(json.dumps(reached, sort_keys=True).encode()).hexdigest()[:LENGTH]


def facts(settings: Settings, recipe: str, network: str, script: Path) -> dict[str, Any]:
    """Return what decides on a network and is known before its cases are read."""
    entry = settings["recipes"][recipe]
    code = definitions(script, entry["generator"], network)
    chosen = {"generator": entry["generator"], "size": entry["size"]}
    seed, options = entry["train"]["seed"], lookups.training_options(settings, recipe, network)
    return chosen | {"seed": seed, "options": options, "code": dict(code)}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two sets of facts, in words; nested ones by their path.

    >>> differences({"train": {"steps": 10}, "seed": 1}, {"train": {"steps": 20}, "seed": 1})
    ['train.steps 10 -> 20']
    >>> differences({"code": {"seeds.py:seed": "1f"}}, {"code": {"seeds.py:seed": "2e"}})
    ['code of seeds.py:seed changed']
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    names = [name for name in sorted(old | new) if old.get(name) != new.get(name)]
    return [_said(name, old.get(name), new.get(name)) for name in names]


def shortened(changes: Sequence[str]) -> str:
    """Return changes in one line: the first few, and how many more.

    >>> shortened(["a", "b"])
    'a; b'
    """
    more = len(changes) - NAMED
    return "; ".join(changes[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def _said(name: str, old: str | None, new: str | None) -> str:
    if name.startswith("code."):
        what = "changed" if old and new else "is used now" if new else "is used no more"
        return f"code of {name.removeprefix('code.')} {what}"
    return f"{name} {old or 'absent'} -> {new or 'absent'}"


def _flat(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", json.dumps(value)


def reasons(
    settings: Settings, recipe: str, network: str, results: Path, script: Path
) -> list[str]:
    """Return why a network that lies under `results` would be trained anew; [] if it would not.

    Args:
        settings: The checked config.
        recipe: Which trains it.
        network: Its name.
        results: The folder that holds `recipes/`.
        script: See `definitions`.
    """
    record = recorded(results / "recipes" / recipe / "networks" / network)
    if record is None:
        return []
    now = facts(settings, recipe, network, script)
    changes = differences({key: record["facts"].get(key) for key in now}, now)
    for path, digest in record["tables"].items():
        if Path(path).is_file() and sha256(Path(path)) != digest:
            changes.append(f"data in {path} changed")
    begun = {Path(path).name for path in start_files(settings["recipes"][recipe], network)}
    if begun != set(record["facts"].get("data", {}).get("start", ())):
        changes.append(f"it would start from {', '.join(sorted(begun)) or 'nothing'}")
    for name, owner in lookups.networks_needed(settings, recipe, network).items():
        pin, before = lookups.pinned(settings, owner).get(name), record["facts"].get("needs", {})
        if pin and before.get(name, pin["sha256"]) != pin["sha256"]:
            changes.append(f"the network {name}, on top of which it is trained, is another one")
        if reasons(settings, owner, name, results, script):
            changes.append(f"the network {name}, on top of which it is trained, is trained anew")
    return changes


def announcements(settings: Settings, results: Path, script: Path) -> list[str]:
    """Return a message for each trained network that the config would have trained anew."""
    lines = []
    for recipe in settings["recipes"]:
        for network, owner in lookups.networks(settings, recipe).items():
            if owner == recipe and network not in lookups.pinned(settings, recipe):
                changes = reasons(settings, recipe, network, results, script)
                lines += [_advice(recipe, network, changes, results)] if changes else []
    return lines


def _advice(recipe: str, network: str, changes: Sequence[str], results: Path) -> str:
    folder = results / "recipes" / recipe / "networks" / network
    record = recorded(folder) or {}
    kept = folder.parent / PREVIOUS / network / record["key"]
    card = json.loads((folder / CARD).read_text())
    pin = f"{{{network}: {{folder: {kept}, sha256: {card['sha256']}}}}}"
    return (
        f"{recipe}: the network {network} is to be trained anew: {shortened(changes)}. What it "
        f"learned stays in {kept}; to go on with that, write in config.yaml under "
        f"recipes.{recipe}:\n  networks: {pin}"
    )


def reads_reports(reached: Mapping[str, str]) -> bool:
    """Return whether a labeler is among what a training reaches: its labels are data."""
    doors = [f"{door.relative_to(PACKAGE).as_posix()}:" for door in LABELERS]
    return any(name.startswith(door) for name in reached for door in doors)


def recorded(folder: Path) -> dict[str, Any] | None:
    """Return the record of a network's folder; None where there is none that can be read."""
    try:
        found = json.loads((folder / RECORD).read_text())
        json.loads((folder / CARD).read_text())["sha256"]
    except (OSError, ValueError, KeyError):
        return None
    whole = isinstance(found, dict) and {"key", "facts", "tables"} <= set(found)
    return found if whole else None


@cache
def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of_pin(settings: Settings, pinned: str) -> list[str]:
    """Return the files of a network that the config pins, given as "recipe/networks/network"."""
    folder = lookups.all_pinned(settings)[pinned]["folder"]
    return [f"{folder}/{name}" for name in (TENSORS, CARD)]


def sha256_of_pin(settings: Settings, pinned: str) -> str:
    """Return the sha256 that the weights of a pinned network must have."""
    return lookups.all_pinned(settings)[pinned]["sha256"]


def code_of_training(settings: Settings, recipe: str, network: str, script: Path) -> str:
    """Return a digest of the code that training a network reaches."""
    return fingerprint(definitions(script, settings["recipes"][recipe]["generator"], network))


@remembered
def code_of_script(script: Path, plugin: tuple[str, str, str] | None = None) -> str:
    """Return a digest of what a whole script reaches, and a plug-in: its kind, name and function.

    The plug-in is what the script loads by name.
    """
    roots = {(script.resolve(), reach.FILE)}
    if plugin:
        kind, name, function = plugin
        door = file_of(catalogue.module_name(kind, name)) or PACKAGE
        roots |= reach.defined(door, function)
    return fingerprint(reach.digests(roots))


def faults_of_pins(settings: Settings) -> list[str]:
    """Return one line for each pinned network that is not there, or is another one.

    The sha256 of its card is looked at: a file of gigabytes is read by the job that takes it.
    """
    return [
        f"recipes.{recipe}.networks.{network}: {fault}"
        for recipe in settings["recipes"]
        for network, pin in lookups.pinned(settings, recipe).items()
        if (fault := _fault_of_pin(pin))
    ]


def check_pins(settings: Settings) -> None:
    """Refuse a config whose pinned networks are not those that it names.

    Raises:
        ValueError: One line per network.
    """
    if lines := faults_of_pins(settings):
        raise ValueError("\n".join(["pinned networks cannot be used:", *(f"  {x}" for x in lines)]))


def _fault_of_pin(pin: Mapping[str, str]) -> str:
    folder = Path(pin["folder"])
    try:
        said = json.loads((folder / CARD).read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder} holds no network: a folder with {TENSORS} and {CARD} is needed"
    if not (folder / TENSORS).is_file():
        return f"{folder} holds no {TENSORS}"
    if said != pin["sha256"]:
        return f"{folder} holds weights of sha256 {said}; the config allows {pin['sha256']} alone"
    return ""
