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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from radfoundry.config.trained import differences, shortened
from radfoundry.training.settings import TrainingError
from radfoundry.volume import write_bytes

CARD, LENGTH, KEPT, PREVIOUS = "card.json", 12, 2, "previous"
UNREADABLE = (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError)


def key(facts: Mapping[str, Any]) -> str:
    """Return a short digest of JSON-able facts; their order changes nothing.

    >>> key({"seed": 1, "size": "phantom"}) == key({"size": "phantom", "seed": 1})
    True
    """
    content = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


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
        those of other keys go to `previous`, with a warning of what differs; they come back when
        a training has their key again.

        Raises:
            TrainingError: With code "train.mismatch", if the folder has the card of another
                training (it was copied or renamed) or none.
        """
        if not self._stored():
            for card in sorted(self.folder.parent.glob(f"*/{CARD}")):
                self._put_aside(card.parent)
            if (previous := self._previous(self.folder)).is_dir():
                previous.replace(self.folder)
        stored = self._stored()
        if not stored:
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
            message = f"{self.folder} is of another training: {shortened(differs)}"
            raise TrainingError("train.mismatch", message)

    def _previous(self, folder: Path) -> Path:
        return folder.parent / PREVIOUS / folder.name

    def _put_aside(self, folder: Path) -> None:
        """Move the checkpoints of another training to where the next one does not meet them."""
        found, kept = _card(folder), self._previous(folder)
        if folder == self.folder or found is None or not any(folder.glob("step-*.pt")):
            return
        kept.parent.mkdir(exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        folder.replace(kept)
        self.warn(
            f"the checkpoint in {folder} is of another training "
            f"({shortened(differences(found, self.facts))}): it lies in {kept} now and this one "
            "begins anew; delete it if nobody goes back to it"
        )


def _card(folder: Path) -> dict[str, Any] | None:
    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None
