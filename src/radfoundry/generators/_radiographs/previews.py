"""What a network draws while it is trained, for a person to look at now and then."""

import numpy as np
from torch import nn

from radfoundry.diffusion.guidance import Guidance, guided
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators._radiographs.task import Task

CALLS = 6
SHOWN = 3


def drawn(task: Task, network: nn.Module) -> np.ndarray:
    """Return three pictures in [0, 1], side by side, of which is said what the task says."""
    device = next(network.parameters()).device
    streams = Streams(range(SHOWN), task.pictures.shape[1:], device)
    flow, ends = task.options["objective"] == "flow", task.options["log_snr_range"]
    sampling = Sampling(steps=CALLS, log_snr_range=tuple(ends) if ends and flow else None)
    condition = {name: part.to(device) for name, part in task.previewed(SHOWN).items()}
    denoise = guided(network, condition, Guidance(limit=0.0))
    found = sample(denoise, streams, task.objective.schedule, sampling)
    return np.concatenate([one[::-1, ::-1].T for one in task.seen(found)], axis=1)
