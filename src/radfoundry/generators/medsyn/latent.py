"""MedSyn on latents: what its low-resolution network is taught and draws, and decoding.

The autoencoder takes each channel by itself (see `networks.autoencoder.latents`), so that channels
can be given as on the coarse grid. It stands in for averaging and for super-resolution.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.generators._latent import options as shared
from radfoundry.generators._latent import training
from radfoundry.generators.medsyn.pictures import KEPT_BYTES, Crops, laid, picture
from radfoundry.networks.autoencoder.build import factors
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.training.acceleration import mixed
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

# Of the low-resolution network, in place of what stands in `options.TRAINING`.
LOW_RESOLUTION: Mapping[str, Mapping[str, Any]] = {
    "phantom": {"size": "latent", "shift": 0, "turn": 0.0, "zoom": 0.0, "voxel_weight": 0.0},
    "workstation": {"shift": 0, "turn": 0.0, "zoom": 0.0, "voxel_weight": 0.0},
    "paper": {"shift": 0, "turn": 0.0, "zoom": 0.0, "voxel_weight": 0.0},
}


class CropBatches:
    """Batches of crops at full resolution, laid as cases are; picklable."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; `options` are the autoencoder's."""
        self.crops = Crops(cases, options)

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return (B, C, *crop) in [-1, 1]."""
        return self.crops.drawn(generator)[0]


class LatentPictures:
    """The latents of all cases, laid as the low-resolution network wants them; 16-bit."""

    def __init__(
        self,
        cases: Sequence[Case],
        options: Mapping[str, Any],
        autoencoder: Weights,
        device: str | torch.device,
    ) -> None:
        """Keep the cases; a case is encoded when it is first asked for.

        Args:
            cases: CT of one grid with anatomy maps.
            options: The low-resolution network's, see `of_autoencoder`.
            autoencoder: Its weights.
            device: Where to encode.
        """
        self.cases, self.options = cases, options
        self.latents = training.rebuilt(autoencoder, device)
        self.precision = autoencoder.card["precision"]
        self._kept: dict[int, Tensor] = {}
        self.shape = (len(cases), *self._one(0).shape)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.cases)

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Return some of them (n, channels, *coarse), float16."""
        chosen = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        with torch.autocast("cpu", enabled=False):  # it stacks no float16
            return torch.stack([self._one(row) for row in chosen])

    def _one(self, row: int) -> Tensor:
        if row in self._kept:
            return self._kept[row]
        full = torch.from_numpy(picture(self.cases[row], self.options))[None]
        made = laid(encoded(full, self.latents, self.precision), self.options)[0].half().cpu()
        if len(self._kept) * made.nbytes < KEPT_BYTES:
            self._kept[row] = made.contiguous()
        return made


def train(
    cases: Sequence[Case],
    options: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
    begun: Weights | None,
) -> Weights:
    """Return the autoencoder, trained on crops of the cases; `options` as `autoencoder` says."""
    return training.fit(CropBatches(cases, options), options, generator, device, callbacks, begun)


def autoencoder(options: Mapping[str, Any], drawn: int, tones: list) -> dict[str, Any]:
    """Return the options of the autoencoder.

    Args:
        options: Of the recipe's training.
        drawn: Channels of the pictures.
        tones: The curve that images are drawn on.

    Raises:
        ValueError: A side of the crop is no multiple of the factor.
    """
    own = shared.chosen(str(options.get("size", "phantom")), options.get("autoencoder"))
    step = max(factors(own["size"]))
    if any(side % step for side in own["crop"]):
        raise ValueError(f"train: autoencoder: crop {own['crop']}: allowed: multiples of {step}")
    own |= {"network": "autoencoder", "channels": drawn, "tones": tones}
    return own | {"multiple": step, "turn": 0.0, "zoom": 0.0}


def of_autoencoder(card: Mapping[str, Any], found: Weights | None) -> dict[str, Any]:
    """Return the low-resolution network's options with what the autoencoder's card says.

    Args:
        card: The network's options, with `blocks`, of which its own grid is a multiple.
        found: The autoencoder.

    Raises:
        ValueError: There is no autoencoder, or it is one of other pictures.
    """
    if found is None:
        raise ValueError("the low-resolution network of latents needs the autoencoder's weights")
    if found.card["channels"] != card["channels"]:
        theirs = f"the autoencoder is one of {found.card['channels']} channels"
        raise ValueError(f"{theirs}; allowed: {card['channels']}, as this network draws them")
    step = max(factors(found.card["size"]))
    each = found.card["channels"] // found.card["size"]["channels"] * found.card["size"]["latent"]
    return {**card, "factor": step, "multiple": step * card["blocks"], "latent_channels": each}


def _wide(precision: str) -> str:
    """Return the precision in which latents are computed: float16 does not reach far enough."""
    return "float32" if precision == "float16" else precision


def encoded(full: Tensor, latents: Latents, precision: str) -> Tensor:
    """Return the latents (B, channels, *coarse) of pictures (B, C, X, Y, Z)."""
    full = full.to(latents.center.device)
    with torch.no_grad(), mixed(full.device, _wide(precision)):
        return latents.encode(full).float()


def decoded(drawn: Tensor, latents: Latents, precision: str) -> Tensor:
    """Return the pictures (B, C, X, Y, Z) in [-1, 1] of latents."""
    with torch.no_grad(), mixed(drawn.device, _wide(precision)):
        return latents.decode(drawn).float().clamp(-1, 1)
