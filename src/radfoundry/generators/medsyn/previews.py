"""What MedSyn's networks draw while they are trained, for a person to look at now and then."""

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.diffusion.guidance import Guidance, guided
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators.medsyn.batches import LowResolutionTask, SuperResolutionTask, laid

CALLS = 6
SHOWN = 3  # volumes of one preview


def low_resolution(task: LowResolutionTask, network: nn.Module) -> np.ndarray:
    """Return coronal planes of three volumes drawn without a text, one column each, in [0, 1]."""
    device = next(network.parameters()).device
    latents = getattr(task.pictures, "latents", None)
    streams = Streams(range(SHOWN), task.pictures.shape[1:], device)
    flow, ends = task.options["objective"] == "flow", task.options["log_snr_range"]
    drawn = sample(
        guided(network, {}, Guidance(limit=1.0 if latents is None else 0.0)),
        streams,
        task.objective.schedule,
        Sampling(steps=CALLS, log_snr_range=tuple(ends) if ends and flow else None),
    )
    drawn = laid(drawn, task.options)
    return _columns(drawn if latents is None else latents.decode(drawn))


def super_resolution(task: SuperResolutionTask, network: nn.Module) -> np.ndarray:
    """Return planes of training crops: above what the coarse grid says, below as drawn."""
    device = next(network.parameters()).device
    clean, known = task.draw(torch.Generator().manual_seed(0))
    clean, known = clean[:SHOWN].to(device), {k: v[:SHOWN].to(device) for k, v in known.items()}
    expected = network.expected(known.pop("low"))  # type: ignore[operator]
    seen = {"concat": expected, **known}
    streams = Streams(range(len(clean)), clean.shape[1:], device)
    bounds = Guidance(limit=0.0 if task.options["residual_scale"] else 1.0)
    sampling = Sampling(steps=int(task.options["sampling_steps"] or CALLS))
    drawn = sample(guided(network, seen, bounds), streams, task.objective.schedule, sampling)
    whole = network.whole(drawn, expected)  # type: ignore[operator]
    return np.concatenate([_columns(laid(part, task.options)) for part in (expected, whole)])


def _columns(volumes: Tensor) -> np.ndarray:
    """Return the middle coronal planes of the images of (B, C, X, Y, Z) side by side, in [0, 1]."""
    images = volumes[:, 0].clamp(-1, 1).float().cpu()
    planes = images[:, :, images.shape[2] // 2].flip(-1).mT.numpy()
    return np.concatenate(list((planes + 1) / 2), axis=1)
