"""How far drawn masks are from the measurements that were asked for, with gradients.

What a network of masks is taught beside how masks look: the radiomics loss of the paper's code,
which its released script leaves off.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.generators.tscr.features import Table, is_logarithmic
from radfoundry.generators.tscr.fields import soft_masks
from radfoundry.radiomics.differentiable_shape import shape_features

SPACING_UNIT = 0.1  # of the logarithm of a voxel's length: what counts as one deviation
WIDEST = 6.0  # deviations beyond which an error grows no more, as that of an empty mask
LENGTH_DIGITS = 4  # of millimetres: tables of the mesh are kept by voxel size


def sides_of(scores: Tensor, card: Mapping[str, Any]) -> list[tuple[float, ...]]:
    """Return the sides in mm of the cubes on which fields lie, by what the last scores say.

    They are as large as the crop's voxels, see `poses.canonical`.
    """
    usual = torch.tensor(card["log_spacing"])
    logs = usual + SPACING_UNIT * scores[:, -len(usual) :].cpu()
    sides = logs.mean(1).exp().tolist()
    return [(round(side, LENGTH_DIGITS),) * len(usual) for side in sides]


def shape_error(fields: Tensor, batch: Mapping[str, Tensor], card: Mapping[str, Any]) -> Tensor:
    """Return the mean error of what is told, in deviations; Huber's, of slope 1 at most.

    (n,), of as many of the batch as the card's `measured` says: it costs more than all else.

    Args:
        fields: (B, C, *coarse) as drawn.
        batch: `scores` and `known` (B, n + axes): what is asked for; see `mask_batches`.
        card: With `table`, `space`, `log_spacing`.
    """
    rows = slice(int(card["measured"]))
    asked, known = batch["scores"][rows], batch["known"][rows]
    drawn, differentiable = drawn_scores(fields[rows], sides_of(asked, card), card)
    count = drawn.shape[1]
    told = known[:, :count] & differentiable
    away = (drawn - asked[:, :count]).clamp(-WIDEST, WIDEST)
    errors = functional.smooth_l1_loss(away, torch.zeros_like(away), reduction="none")
    return (errors * told).sum(1) / told.sum(1).clamp_min(1)


def drawn_scores(
    fields: Tensor, lengths: list[tuple[float, ...]], card: Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    """Return the scores of drawn masks (B, n) and which of the table's have a gradient (n,)."""
    masks = soft_masks(fields.float(), card["space"])
    table = Table.of_card(card["table"])
    found: dict[str, Tensor] = {}
    for channel, region in enumerate(("whole", "core")[: masks.shape[1]]):
        kind = "shape2D" if masks.ndim == 4 else "shape"
        features = shape_features(masks[:, channel], lengths)
        found |= {f"{region}_{kind}_{name}": value for name, value in features.items()}
    nothing = fields.new_zeros(len(fields))
    columns = [
        (found[name].clamp_min(1e-6).log() if is_logarithmic(name) else found[name])
        if name in found
        else nothing + mean
        for name, mean in zip(table.names, table.means, strict=True)
    ]
    scale = torch.tensor([table.means, table.deviations], device=fields.device)
    scores = (torch.stack(columns, 1) - scale[0]) / scale[1]
    known = torch.tensor([name in found for name in table.names], device=fields.device)
    return scores, known
