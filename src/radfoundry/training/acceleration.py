"""What makes a step cheaper: half precision, layers that are computed again, compilation.

None of it changes what a network is: names and shapes of its tensors stay, so that weights go from
a training with any of these to one without.
"""

from functools import cache
from typing import Any

import torch
from torch import nn
from torch.amp import GradScaler

from radfoundry.training.settings import Settings, TrainingError

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
BACKEND = "inductor"  # of torch.compile: C++ on a CPU, Triton on a GPU
LONGEST = 200  # characters that are told of another library's error


def mixed(device: str | torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network of a precision computes, in training and drawing.

    bfloat16 on a CPU that has no instructions for it is left at float32: it saves nothing there and
    takes nine to forty times as long (docs/decisions.md).
    """
    kind = torch.device(device).type
    half = precision in HALF and not (kind == "cpu" and precision == "bfloat16" and not _has_bf16())
    return torch.autocast(kind, HALF.get(precision, torch.bfloat16), enabled=half)


@cache
def _has_bf16() -> bool:
    """Return whether this CPU multiplies matrices of bfloat16: AVX-512 BF16, AMX, or ARM's."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # which older PyTorch does not have
    told: dict[str, bool] = ask()
    return any(has for name, has in told.items() if name.endswith("bf16"))


def loss_scaler(device: torch.device, precision: str) -> GradScaler:
    """Return what scales the loss, so that small gradients are not 0 in float16; else nothing.

    Dynamic scaling: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2. bfloat16
    reaches as low as float32 and needs none.
    """
    return GradScaler(device.type, enabled=precision == "float16")


def prepare(network: nn.Module, settings: Settings, device: torch.device) -> None:
    """Bring a network into the form that settings ask for, in place.

    Raises:
        TrainingError: With a code of "train.precision", "train.checkpointing" or "train.compile",
            where this machine or this network cannot do what is asked for.
    """
    if settings.precision == "float16":
        _refuse_float16(device)
    if settings.gradient_checkpointing is not None:
        _recompute(network, settings.gradient_checkpointing)
    if settings.compile:
        _refuse_compile(device)
        network.compile(backend=BACKEND)  # in place: names of the tensors stay


def _recompute(network: nn.Module, saving: bool) -> None:
    layers: list[Any] = [module for module in network.modules() if hasattr(module, "saving")]
    if saving and not layers:
        raise TrainingError(
            "train.checkpointing",
            f"gradient_checkpointing: true, but {type(network).__name__} has no layers that can "
            "be computed again; allowed: false",
        )
    for layer in layers:
        layer.saving = saving


def _refuse_float16(device: torch.device) -> None:
    """Raise where convolutions have no float16: PyTorch says so when they are run."""
    try:
        layer = nn.Conv3d(1, 1, 3).to(device)
        with mixed(device, "float16"):
            layer(torch.zeros(1, 1, 3, 3, 3, device=device)).sum().backward()
    except (RuntimeError, NotImplementedError) as error:
        raise TrainingError(
            "train.precision",
            f"precision float16 cannot be computed on this {device.type} ({_told(error)}); "
            "allowed here: float32, bfloat16",
        ) from error


def _refuse_compile(device: torch.device) -> None:
    """Raise where nothing can be compiled, with the reason, before a long training begins."""
    try:
        torch.compile(torch.sin, backend=BACKEND)(torch.zeros(2, device=device))
    except Exception as error:  # a compiler that is missing, too old or not allowed to write
        raise TrainingError(
            "train.compile",
            f"compile: true, but nothing can be compiled for this {device.type} ({_told(error)}); "
            "install a C++ compiler (CPU) or Triton (GPU), or state compile: false",
        ) from error


def _told(error: Exception) -> str:
    words = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {words[:LONGEST]}"
