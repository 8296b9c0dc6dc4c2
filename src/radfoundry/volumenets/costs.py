"""What a network costs before anyone runs it: parameters, floating point operations, memory.

Networks and pictures on the `meta` device have shapes and no values, so that sizes that fit no
machine at hand can be counted. Mixed precision is that of a GPU: PyTorch's autocast leaves the
`meta` device alone, so what it would do to each function is done here.
"""

import weakref
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

GIGA = 1e9
# Bytes per parameter in mixed precision: weights, gradient, two moments of AdamW and the moving
# average in 32 bits, or weights alone, and the copy in 16 bits that is computed with.
TRAINED, DRAWN = 5 * 4 + 2, 4 + 2
# What autocast on CUDA computes in 16 and in 32 bits, as far as networks and losses here use it;
# the rest goes by its widest input. ATen/autocast_mode.h has all.
HALF = frozenset((
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "linear", "matmul", "__matmul__", "mm", "bmm", "baddbmm", "addmm", "prelu", "einsum",
    "scaled_dot_product_attention",
))  # fmt: skip
FULL = frozenset((
    "group_norm", "layer_norm", "softmax", "log_softmax", "softplus", "exp", "log", "pow",
    "__pow__", "__rpow__", "rsqrt", "reciprocal", "sum", "prod", "cumsum", "norm", "interpolate",
    "cosine_similarity", "cross_entropy", "nll_loss", "binary_cross_entropy_with_logits",
    "mse_loss", "l1_loss", "smooth_l1_loss",
))  # fmt: skip


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


class _Mixed(TorchFunctionMode):
    """Give functions their inputs in the precision that autocast on CUDA would."""

    def __init__(self, copies: Mapping[Tensor, Tensor]) -> None:
        """Compute with copies of weights in 16 bits, which autocast makes once."""
        super().__init__()
        self.copies = copies

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, name = (args, kwargs or {}), getattr(func, "__name__", "")
        if name in HALF | FULL:
            given = tree_map_only(Tensor, self._half if name in HALF else _full, given)
        return func(*given[0], **given[1])

    def _half(self, tensor: Tensor) -> Tensor:
        if tensor in self.copies:
            return self.copies[tensor]
        return tensor.bfloat16() if tensor.dtype == torch.float32 else tensor


def _full(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


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
    network = deepcopy(network)
    count, weights = parameters(network), list(network.parameters())
    copies = {weight: weight.bfloat16() for weight in weights}
    for weight in weights:  # there from an earlier batch of the step, to be added to
        weight.grad = torch.zeros_like(weight)
    known = chain(weights, network.buffers(), copies.values(), (w.grad for w in weights))
    times = torch.zeros(len(noisy), device=noisy.device)
    living = _Living(known, (noisy, *condition.values()))
    with FlopCounterMode(display=False) as work, living, _Mixed(copies):
        with torch.set_grad_enabled(training):
            made = network(noisy, times, **condition)
        if training:
            made.float().square().mean().backward()
    return Cost(
        parameters=count / 1e6,
        weights_gb=count * (TRAINED if training else DRAWN) / GIGA,
        activations_gb=living.most / GIGA,
        tflop=work.get_total_flops() / 1e12,
    )
