"""Checkpoints at rest: the state of a training, in a folder named by all that went into it.

They lie outside the outputs of Snakemake, which deletes what a failed job made. A folder's name is
a digest of config, data and code, and a card beside the states says these in words: a training
goes on only from a checkpoint of the very same, and says what differs from any other.
"""

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from radfoundry.training.settings import TrainingError
from radfoundry.volume import write_bytes

CARD, LENGTH, KEPT = "card.json", 12, 2
UNREADABLE = (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError)


def key(facts: Mapping[str, Any]) -> str:
    """Return a short digest of JSON-able facts; their order changes nothing.

    >>> key({"seed": 1, "size": "phantom"}) == key({"size": "phantom", "seed": 1})
    True
    """
    content = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two sets of facts, in words; nested ones by their path.

    >>> differences({"train": {"steps": 10}, "seed": 1}, {"train": {"steps": 20}, "seed": 1})
    ['train.steps 10 -> 20']
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    names = [name for name in sorted(old | new) if old.get(name) != new.get(name)]
    return [f"{name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}" for name in names]


def _flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", json.dumps(value)


class Store:
    """The checkpoints of one network.

    Attributes:
        folder: Where they lie: a folder named by the key, in the network's.
    """

    def __init__(
        self,
        network: str | Path,
        facts: Mapping[str, Any],
        warn: Callable[[str], object] = lambda message: None,
    ) -> None:
        """Name the folder; nothing is written yet.

        Args:
            network: The folder of the network, with one folder in it for every key.
            facts: All that the training depends on, JSON-able.
            warn: Called with warnings in words.
        """
        self.facts, self.warn = json.loads(json.dumps(facts)), warn
        self.folder = Path(network) / key(facts)

    def save(self, state: Mapping[str, Any]) -> Path:
        """Store a state under its `step`, whole or not at all; the last two are kept.

        Raises:
            OSError: The disk is full or cannot be written; what was there before stays.
        """
        if not (self.folder / CARD).is_file():
            card = json.dumps(self.facts, indent=1, sort_keys=True)
            write_bytes(f"{card}\n".encode(), self.folder / CARD)
        path = self.folder / f"step-{state['step']:09d}.pt"
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        for old in self._stored()[:-KEPT]:
            old.unlink()
        return path

    def load(self) -> dict | None:
        """Return the newest state that can be read, on the CPU; None where there is none.

        A file that cannot be read is warned of and passed over. Where there is none of this key,
        those of other keys are warned of, with what differs, and left alone.

        Raises:
            TrainingError: With code "train.mismatch", if the folder has the card of another
                training (it was copied or renamed) or none.
        """
        stored = self._stored()
        if not stored:
            for folder in sorted(self.folder.parent.glob(f"*/{CARD}")):
                self._warn_of_other(folder.parent)
            return None
        self._refuse_other()
        for path in reversed(stored):
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except UNREADABLE as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                self.warn(f"checkpoint {path} cannot be read ({reason}): it is passed over")
        return None

    def discard(self) -> None:
        """Delete the checkpoints: the network is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)
        parent = self.folder.parent
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()

    def _stored(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"))

    def _refuse_other(self) -> None:
        found = _card(self.folder)
        if found is None:
            message = f"{self.folder} has no readable {CARD}: delete the folder to begin anew"
            raise TrainingError("train.mismatch", message)
        differs = differences(found, self.facts)
        if differs:
            message = f"{self.folder} is of another training: {'; '.join(differs)}"
            raise TrainingError("train.mismatch", message)

    def _warn_of_other(self, folder: Path) -> None:
        found = _card(folder)
        if folder == self.folder or found is None or not any(folder.glob("step-*.pt")):
            return
        differs = "; ".join(differences(found, self.facts))
        self.warn(
            f"the checkpoint in {folder} is of another training ({differs}): it is left alone and "
            "this one begins anew; delete it if nobody goes back to it"
        )


def _card(folder: Path) -> dict[str, Any] | None:
    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None
