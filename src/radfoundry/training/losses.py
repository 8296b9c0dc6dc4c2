"""Losses that more than one network is trained with."""

from torch import Tensor


def soft_dice_loss(marks: Tensor, masks: Tensor) -> Tensor:
    """Return 1 - soft Dice, averaged over the pictures that have a mask; 0 if none has.

    Two empty masks have no Dice, so pictures without an anomaly do not take part.

    Args:
        marks: In [0, 1].
        masks: 0 or 1, of the same shape.
    """
    marks, masks = marks.float().flatten(1), masks.float().flatten(1)
    there = masks.sum(1) > 0
    overlap = 2 * (marks * masks).sum(1) / (marks.sum(1) + masks.sum(1)).clamp_min(1e-6)
    return ((1 - overlap) * there).sum() / there.sum().clamp_min(1)
