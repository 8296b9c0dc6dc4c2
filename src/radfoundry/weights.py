"""Networks at rest: tensors in safetensors, and a card in JSON that says what they are.

The card carries the sha256 of the tensors; a folder whose tensors are not those of its card is
refused, so that a truncated copy never labels or draws anything. A file of others has no card and
is taken for what its tensors say (`adopt`); no code in it runs.
"""

import hashlib
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from radfoundry.volume import sha256, write_bytes

TENSORS, CARD, DIGEST = "weights.safetensors", "card.json", "sha256"
MODEL_FILES = (".pt", ".pth", ".safetensors")  # of others


class WeightsError(ValueError):
    """A folder of weights cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Weights:
    """What was learned, and what a reader must know of it.

    Attributes:
        state: Tensors by name, as `torch.nn.Module.state_dict` gives them.
        card: JSON-able facts: network, sizes, options, cohort, losses; no `sha256` of its own.
    """

    state: Mapping[str, torch.Tensor]
    card: Mapping[str, Any] = field(default_factory=dict)


def write(weights: Weights, folder: str | Path) -> str:
    """Store weights in a folder and return the sha256 of their tensors.

    The card is written last: a folder with a card is whole. Equal tensors give equal bytes.
    """
    folder = Path(folder)
    content = packed(weights)
    (folder / CARD).unlink(missing_ok=True)
    for name in (TENSORS, CARD):
        write_bytes(content[name], folder / name)
    return hashlib.sha256(content[TENSORS]).hexdigest()


def packed(weights: Weights) -> dict[str, bytes]:
    """Return the two files of a folder of weights by name: tensors, and the card that seals them.

    Equal tensors give equal bytes.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.state.items()}
    content = safetensors.torch.save(state)
    digest = hashlib.sha256(content).hexdigest()
    card = json.dumps(dict(weights.card) | {DIGEST: digest}, indent=1, sort_keys=True)
    return {TENSORS: content, CARD: f"{card}\n".encode()}


def read(folder: str | Path) -> Weights:
    """Return the weights of a folder after checking them against their card.

    Raises:
        WeightsError: A file is missing, the card is no card, or the tensors are not those that were
            written (truncated, changed, or of another training).
    """
    folder = Path(folder)
    content = {}
    for name in (CARD, TENSORS):
        try:
            content[name] = (folder / name).read_bytes()
        except FileNotFoundError:
            raise WeightsError(f"{folder}: {name} is missing; train the network again") from None
    return unpacked(content, str(folder))


def unpacked(content: Mapping[str, bytes], where: str) -> Weights:
    """Return the weights of what `packed` returned, checked as `read` does.

    Args:
        content: The two files by name.
        where: Where they come from, for errors.

    Raises:
        WeightsError: As for `read`.
    """
    card = _card(content[CARD], where)
    digest, size = hashlib.sha256(content[TENSORS]).hexdigest(), len(content[TENSORS])
    if digest != card[DIGEST]:
        raise WeightsError(
            f"{where}: {TENSORS} ({size} bytes) has sha256 {digest[:12]}, its card says "
            f"{card[DIGEST][:12]}: the file is truncated, changed or of another training"
        )
    try:
        state = safetensors.torch.load(content[TENSORS])
    except SafetensorError as error:
        raise WeightsError(f"{where}: {TENSORS} is not safetensors: {error}") from None
    return Weights(state, {key: value for key, value in card.items() if key != DIGEST})


def _card(content: bytes, where: str) -> dict[str, Any]:
    try:
        card = json.loads(content)
    except ValueError as error:
        raise WeightsError(f"{where}: {CARD} is not JSON: {error}") from None
    if not isinstance(card, dict) or not isinstance(card.get(DIGEST), str):
        raise WeightsError(f"{where}: {CARD} names no {DIGEST} of its tensors")
    return card


def adopt(path: str | Path) -> Weights:
    """Return the weights of a path: a folder of ours, or a file of others.

    A file is a state dict, or a checkpoint with one under `state_dict`, of torch or safetensors.

    Returns:
        Weights whose card says `origin`, the path's name, and `source_sha256`, the digest of the
        file or of our folder's tensors; the rest of our folder's card stays.

    Raises:
        WeightsError: There is nothing, or no tensors, or more than tensors and plain values.
    """
    path = Path(path)
    if path.is_dir():
        found = read(path)
        digest = sha256(path / TENSORS)
        return Weights(found.state, {**found.card, "origin": path.name, "source_sha256": digest})
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file or folder")
    return Weights(_tensors(path), {"origin": path.name, "source_sha256": sha256(path)})


def monai_definition(folder: str | Path, classes: Sequence[str]) -> dict[str, Any]:
    """Return how the configs of a MONAI bundle define a network: `_target_` and its arguments.

    References such as "@latent_channels" are resolved; nothing is run.

    Args:
        folder: Of the bundle, with `configs/*.json`.
        classes: Names of the network's class, any of which will do.

    Raises:
        WeightsError: No config defines one, or an argument is an expression.
    """
    for path in sorted(Path(folder, "configs").glob("*.json")):
        try:
            stated = json.loads(path.read_bytes())
        except ValueError as error:
            raise WeightsError(f"{path} is not JSON: {error}") from None
        for value in stated.values() if isinstance(stated, dict) else ():
            target = str(value.get("_target_", "")) if isinstance(value, dict) else ""
            if target.rpartition(".")[2] in classes:
                return {key: _resolved(own, stated, path) for key, own in value.items()}
    raise WeightsError(f"{folder}: no configs/*.json defines a network of {' or '.join(classes)}")


def _resolved(value: Any, stated: Mapping[str, Any], where: Path) -> Any:
    """Return a value of a MONAI config, a reference followed."""
    for _ in range(len(stated) + 1):
        if not isinstance(value, str) or not value.startswith(("@", "$")):
            return value
        if value.startswith("$") or value[1:] not in stated:
            raise WeightsError(f"{where}: {value!r} would have to be run; allowed: values, @names")
        value = stated[value[1:]]
    raise WeightsError(f"{where}: {value!r} leads to itself")


def monai_weights(folder: str | Path) -> Path:
    """Return the one file of weights of a MONAI bundle's autoencoder.

    Raises:
        WeightsError: There is none, or several of which none is named alone.
    """
    models = sorted(p for p in Path(folder, "models").glob("*") if p.suffix in MODEL_FILES)
    named = [path for path in models if "autoencoder" in path.name.lower()] or models
    if len(named) != 1:
        listed = ", ".join(path.name for path in named) or "none"
        raise WeightsError(f"{folder}/models: {listed}; needed: one file, or `weights` names it")
    return named[0]


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file, whichever of the two formats it has."""
    try:
        found: Any = safetensors.torch.load_file(path)
    except SafetensorError:
        found = _unpickled(path)
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not found:
        raise WeightsError(f"{path} holds no tensors by name, but {type(found).__name__}")
    if wrong := [str(name) for name, value in found.items() if not torch.is_tensor(value)]:
        raise WeightsError(f"{path} holds other things than tensors: {', '.join(wrong[:3])}")
    return {str(name): tensor for name, tensor in found.items()}


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(f"{path} is neither safetensors nor a file of torch: {reason}") from None
