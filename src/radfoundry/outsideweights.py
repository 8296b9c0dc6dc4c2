"""Networks that a user names by path: a folder of ours, or a file that others trained.

A file of others has no card and is taken for what its tensors say; no code in it runs.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from radfoundry import weights
from radfoundry.volume import sha256
from radfoundry.weights import Weights, WeightsError


def read(path: str | Path) -> Weights:
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
        found = weights.read(path)
        digest = sha256(path / weights.TENSORS)
        return Weights(found.state, {**found.card, "origin": path.name, "source_sha256": digest})
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file or folder")
    return Weights(_tensors(path), {"origin": path.name, "source_sha256": sha256(path)})


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
        told = " ".join(str(error).split())[:120]
        raise WeightsError(f"{path} is neither safetensors nor a file of torch: {told}") from None
