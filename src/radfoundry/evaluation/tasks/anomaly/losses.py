"""Losses that teach a network to take an anomaly out of a picture, one term each.

Pictures are (B, C, *space) in [0, 1], masks the same with one channel of 0 and 1. Each term is a
scalar that gradients flow through. The terms are ART-ASyn's, the overlap mended: the published one
passes through a comparison, so that it has no gradient, and it adds the overlap where it should add
what lacks to it.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.evaluation.tasks.anomaly.network import ReconstructionUNet
from radfoundry.training.losses import soft_dice_loss

STEEPNESS = 100.0  # of the soft comparison, per unit of intensity
MARKED = 0.03  # residual at which a pixel counts as half marked


def feature_alignment(of_anomalous: Tensor, of_normal: Tensor) -> Tensor:
    """Return 1 - cos of two encodings, flattened, averaged over the batch; 0 if they align."""
    cosine = functional.cosine_similarity(of_anomalous.flatten(1), of_normal.flatten(1), dim=1)
    return (1 - cosine).mean()


def squared_error(made: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean squared error over all pixels."""
    return functional.mse_loss(made, wanted)


def region_squared_error(made: Tensor, wanted: Tensor, masks: Tensor) -> Tensor:
    """Return the squared error inside the masks, averaged over all pixels as published."""
    return (masks * (made - wanted) ** 2).mean()


def soft_marks(
    residuals: Tensor, threshold: float = MARKED, steepness: float = STEEPNESS
) -> Tensor:
    """Return sigmoid(steepness (|residual| - threshold)): how far each pixel is marked, in 0..1."""
    return torch.sigmoid(steepness * (residuals.abs() - threshold))


def reconstruction_terms(
    network: ReconstructionUNet, batch: Sequence[Tensor], weighed: Mapping[str, float]
) -> dict[str, Tensor]:
    """Return the weighted terms of the loss of one batch; all but the first need an anomaly.

    Args:
        network: Maps pictures to reconstructions and encodings.
        batch: Normal pictures, the same with or without an anomaly, and masks.
        weighed: The weight of "global", "alignment", "region" and "dice".
    """
    normal, given, masks = batch
    made, encoded = network(given)
    terms = {"global": squared_error(made, normal)}
    if masks.any():
        if weighed["alignment"]:
            with torch.no_grad():  # what to align with; were it to move too, both could collapse
                wanted = network.encode(normal)
            terms["alignment"] = feature_alignment(encoded, wanted)
        terms["region"] = region_squared_error(made, normal, masks)
        terms["dice"] = soft_dice_loss(soft_marks(given - made), masks)
    return {name: weighed[name] * term for name, term in terms.items()}
