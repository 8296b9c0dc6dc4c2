"""One training on several GPUs: what its processes exchange.

Without a process group every function here answers as for a single process and sends nothing. All
processes must call the same functions in the same order, or they wait for each other for ever.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _grouped() else 0


def size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _grouped() else 1


def _grouped() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class Shared(nn.Module):
    """A network whose gradients are the mean over all processes.

    The loss runs inside `forward`, so that it may use the bare network in any way (its parts, its
    attributes), and the gradients are still exchanged while the backward pass goes on.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, loss: Callable[[nn.Module], Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
        """Return the named terms of the loss of the network."""
        return loss(self.network)


def shared(network: nn.Module) -> nn.Module:
    """Return the network as `Shared`, exchanging gradients if there are other processes.

    Parts may go unused in a batch (a learned null, a head without targets): other processes may
    use them in theirs, so unused parameters are looked for.
    """
    device = next(network.parameters()).device
    if size() == 1:
        return Shared(network)
    return DistributedDataParallel(
        Shared(network),
        device_ids=[device] if device.type == "cuda" else None,
        find_unused_parameters=True,
        gradient_as_bucket_view=True,
    )


def unsent(network: nn.Module, last: bool) -> AbstractContextManager:
    """Return a context in which gradients stay here, unless this is a step's last batch."""
    if last or not isinstance(network, DistributedDataParallel):
        return nullcontext()
    return network.no_sync()


def mean(values: Tensor) -> Tensor:
    """Return the mean over all processes; NaN if it is NaN in any."""
    if size() > 1:
        values = values.clone()
        distributed.all_reduce(values)
        values /= size()
    return values


def any_of(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """Return for each flag whether any process raised it."""
    if size() == 1:
        return list(flags)
    raised = torch.tensor(flags, dtype=torch.uint8, device=device)
    distributed.all_reduce(raised, distributed.ReduceOp.MAX)
    return [bool(flag) for flag in raised.tolist()]


def gathered(values: Sequence[Any]) -> list[Any]:
    """Return the values of all processes, those of the first one first."""
    if size() == 1:
        return list(values)
    found: list[Any] = [None] * size()
    distributed.all_gather_object(found, list(values))
    return [value for part in found for value in part]


def overwrite(tensors: Iterable[Tensor]) -> None:
    """Put the first process's values into everyone's tensors."""
    if size() > 1:
        for tensor in tensors:
            distributed.broadcast(tensor, 0)


def wait() -> None:
    """Return once every process is here."""
    if size() > 1:
        distributed.barrier()
