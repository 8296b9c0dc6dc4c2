"""What a network draws while it is trained, for a person to look at now and then."""

import numpy as np
from torch import nn

from radfoundry.diffusion.guidance import Guidance, guided
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators._radiographs.task import LatentTask

CALLS = 6
SHOWN = 3


def drawn(task: LatentTask, network: nn.Module) -> np.ndarray:
    """Return three radiographs in [0, 1], side by side, of which nothing is said or known."""
    device = next(network.parameters()).device
    streams = Streams(range(SHOWN), task.latents.shape[1:], device)
    flow, ends = task.options["objective"] == "flow", task.options["log_snr_range"]
    sampling = Sampling(steps=CALLS, log_snr_range=tuple(ends) if ends and flow else None)
    denoise = guided(network, {}, Guidance(limit=0.0))
    found = sample(denoise, streams, task.objective.schedule, sampling)
    sides = [side * step for side, step in zip(found.shape[2:], task.coder.factors, strict=True)]
    seen = (task.coder.decode(found, sides)[:, 0].numpy() + 1) / 2
    return np.concatenate([one[::-1, ::-1].T for one in seen], axis=1)
