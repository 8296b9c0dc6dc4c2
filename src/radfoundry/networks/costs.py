"""What a network costs before anyone runs it: parameters, floating point operations, memory.

Networks and pictures on the `meta` device have shapes and no values, so that sizes that fit no
machine at hand can be counted. Mixed precision is that of a GPU: PyTorch's autocast leaves the
`meta` device alone, so what it would give each layer is given here.
"""

import weakref
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

GIGA = 1e9
# Bytes per parameter in mixed precision: weights, gradient, two moments of AdamW and the moving
# average in 32 bits, or weights alone, and the copy in 16 bits that is computed with.
TRAINED, DRAWN = 5 * 4 + 2, 4 + 2
# Layers that autocast on CUDA computes in 16 bits and in 32; all else goes by its widest input.
HALF = (nn.Linear, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
FULL = (nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class Cost:
    """Of one step: `parameters` in millions, `weights_gb`, `activations_gb`, `tflop`."""

    parameters: float
    weights_gb: float
    activations_gb: float
    tflop: float

    @property
    def total_gb(self) -> float:
        """Return weights and activations; the allocator's own waste comes on top."""
        return self.weights_gb + self.activations_gb


def parameters(network: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


class _Living(TorchDispatchMode):
    """Count the bytes of all tensors that are alive, and the most there were at once."""

    def __init__(self, weights: Iterable[Tensor], given: Iterable[Tensor]) -> None:
        """Start to count what is given; weights are known and not counted."""
        super().__init__()
        self.now = self.most = 0
        self.known = weakref.WeakSet(weight.untyped_storage() for weight in weights)
        for tensor in given:
            self._meet(tensor.untyped_storage())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._meet(tensor.untyped_storage())
        return made

    def _meet(self, storage: Any) -> None:
        if storage in self.known:
            return
        self.known.add(storage)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, storage.nbytes())

    def _forget(self, size: int) -> None:
        self.now -= size


def _mixed(network: nn.Module) -> nn.Module:
    """Return a copy whose layers take what autocast would give them."""
    network = deepcopy(network)
    for layer in network.modules():
        if isinstance(layer, HALF):
            layer.bfloat16().register_forward_pre_hook(_half)
        elif isinstance(layer, FULL):
            layer.register_forward_pre_hook(_full)
    return network


def _half(layer: nn.Module, given: Any) -> Any:
    return tree_map_only(Tensor, Tensor.bfloat16, given)


def _full(layer: nn.Module, given: Any) -> Any:
    return tree_map_only(Tensor, Tensor.float, given)


def cost(
    network: nn.Module, noisy: Tensor, condition: Mapping[str, Tensor], training: bool
) -> Cost:
    """Return what a step costs in mixed precision, without buffers that libraries ask for.

    Args:
        network: On the `meta` device, in 32 bits; it is left as it is.
        noisy: (B, C, *space) on the `meta` device; 32 bits, as it is drawn.
        condition: As the network takes it; on the `meta` device.
        training: Whether gradients are computed, or pictures drawn.
    """
    network = _mixed(network)
    count, weights = parameters(network), list(network.parameters())
    gradients = [torch.zeros_like(weight) for weight in weights]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient  # as an earlier batch of the step leaves it, to be added to
    known = chain(weights, network.buffers(), gradients)
    times = torch.zeros(len(noisy), device=noisy.device)
    living = _Living(known, (noisy, *condition.values()))
    with FlopCounterMode(display=False) as work, living, torch.set_grad_enabled(training):
        made = network(noisy, times, **condition)
        if training:
            made.float().square().mean().backward()
    return Cost(
        parameters=count / 1e6,
        weights_gb=count * (TRAINED if training else DRAWN) / GIGA,
        activations_gb=living.most / GIGA,
        tflop=work.get_total_flops() / 1e12,
    )
