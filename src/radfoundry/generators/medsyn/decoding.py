"""From channels to the latents that MedSyn draws, and back; and a case there and back."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.generators.medsyn import latent, training
from radfoundry.generators.medsyn.pictures import curve, laid, picture
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.weights import Weights

Cards = Mapping[str, Mapping[str, Any]]


def latents(full: Tensor, autoencoder: Latents, cards: Cards) -> Tensor:
    """Return the latents of channels (B, C, X, Y, Z), laid for the low-resolution network.

    Args:
        full: In [-1, 1].
        autoencoder: Ready to encode.
        cards: Of it and of the low-resolution network, by name.
    """
    found = latent.encoded(full, autoencoder, cards["autoencoder"]["precision"])
    return laid(found, cards["low_resolution"])


def pictures(
    low: Tensor, full: Tensor, given: Tensor, autoencoder: Latents, cards: Cards
) -> Tensor:
    """Return the channels (B, C, X, Y, Z) of drawn latents; there is no chance in it.

    Args:
        low: As the low-resolution network draws them.
        full: Channels of the sources (B, C, X, Y, Z); those that are given are kept.
        given: (B, C), which are.
        autoencoder: Ready to decode.
        cards: See `latents`.
    """
    low = laid(low, cards["low_resolution"])
    drawn = latent.decoded(low, autoencoder, cards["autoencoder"]["precision"])
    return torch.where(given.to(drawn.device)[..., None, None, None], full.to(drawn), drawn)


def round_trip(weights: Weights, device: str = "cpu") -> Callable[[Case], Case]:
    """Return what encodes and decodes a case: its image (int16 HU) and its anatomy map."""
    autoencoder, precision = (
        training.rebuilt_autoencoder(weights, device),
        weights.card["precision"],
    )

    def again(case: Case) -> Case:
        whole = torch.as_tensor(picture(case, weights.card))[None]
        there = latent.encoded(whole, autoencoder, precision)
        found = latent.decoded(there, autoencoder, precision)[0].cpu().numpy()
        back = channels.cropped(found, case.image.voxels.shape)
        image, labels = channels.decode(back, case.image.affine, curve(weights.card))
        return Case(case.name, image, labels, np.zeros_like(labels), case.facts)

    return again
