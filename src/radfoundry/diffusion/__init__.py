"""Diffusion for every recipe, in 2D and 3D alike: what noise does, what is learned, how to draw.

* `noise`: schedules of continuous time, and what follows from a noisy picture and an estimate.
* `objectives`: draws of time, loss, and what is left out of the condition in training.
* `preconditioning`: EDM's scales, and a log-variance that is learned of each noise level.
* `guidance`: from a network to an estimate of the clean picture, guided, with known channels kept.
* `samplers`: from noise to pictures, each from its own seed.
* `tiles`: a network on a volume larger than memory.

Pictures are (B, C, *space), times (B,) in [0, 1]: 0 is clean, 1 is noise. A network is called as
`network(noisy, times, **condition)` and returns its estimate of the clean picture. The condition is
a mapping of tensors, one row per picture, of which this package knows two: `text` (B, L, width)
token features with `text_mask` (B, L), the tokens that may be read. A row with none is read as the
network's learned null. Nothing here knows how a network is built.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

Condition = Mapping[str, Tensor]
Denoise = Callable[[Tensor, Tensor], Tensor]
