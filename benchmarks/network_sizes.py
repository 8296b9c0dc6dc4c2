"""Parameters, memory and work of MedSyn's networks as they are trained and drawn with.

    python benchmarks/network_sizes.py

Batches, channels and crops are those of `generators.medsyn.options.TRAINING`. Nothing is computed:
networks and volumes are on the `meta` device. Memory is weights, optimizer and activations in
mixed precision, without what the allocator and libraries add.
"""

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.diffusion.tiles import Tiles, tiled
from radfoundry.generators.medsyn import batches, latent, options, training
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.networks.build import build, named
from radfoundry.networks.costs import cost
from radfoundry.text.encoder.model import SIZES
from radfoundry.weights import Weights

WHOLE = (256, 256, 256)  # depth x height x width
TRAINED, CUT = "training step", "call, 256^3 in tiles"


class Tiled(nn.Module):
    """A network that goes through a volume in tiles, as `radfoundry.generators.medsyn` has it."""

    def __init__(self, network: nn.Module, tiles: Tiles) -> None:
        super().__init__()
        self.network, self.tiles = network, tiles

    def forward(self, noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        """Return the estimate of whole volumes."""
        return tiled(self.network, self.tiles)(noisy, times, **condition)


class Decoding(nn.Module):
    """An autoencoder's decoder, called as a denoising network is; one channel at a time."""

    def __init__(self, latents: Latents) -> None:
        super().__init__()
        self.latents = latents

    def forward(self, noisy: Tensor, times: Tensor) -> Tensor:
        """Return pictures of latents."""
        return self.latents.decode(noisy)


def main() -> None:
    """Print one row per kind of step, on the coarse grid and then on latents."""
    lines = ["| network | size | million parameters | step | batch | GB | TFLOP |"]
    lines.append("|---|---|---|---|---|---|---|")
    for size in ("paper", "workstation"):
        chosen = options.chosen({"size": size, "objective": "published"})
        for name in options.TABLES:
            card = {"network": name, "text_width": 0, **chosen[name]}
            if card.get("text"):
                card["text_width"] = SIZES[chosen["text"]["size"]]["width"]
            for what, batch, space in steps(card):
                lines.append(f"| {name} | {size} | {counted(card, what, batch, space)} |")
        lines += [f"| {row} |" for row in on_latents(size)]
    sys.stdout.write("\n".join([*lines, ""]))


def steps(card: Mapping[str, Any]) -> list[tuple[str, int, tuple[int, ...]]]:
    """Return what is done with a network, the batch, and depth x height x width."""
    if card["network"] == "low_resolution":
        low = tuple(side // card["factor"] for side in WHOLE)
        return [(TRAINED, card["batch"], low), ("call", 1, low)]
    crop, tile = tuple(card["crop"][::-1]), tuple(card["tile"][::-1])
    calls = [("call, one tile", 1, tile), (CUT, 1, WHOLE), ("call, 256^3 at once", 1, WHOLE)]
    return [(TRAINED, card["batch"], crop), *calls]


def on_latents(size: str) -> list[str]:
    """Return rows of the low-resolution network on latents, and of decoding them."""
    chosen = options.chosen({"size": size, "objective": "published", "latent": True})
    own, card = chosen["autoencoder"], {"network": "low_resolution", **chosen["low_resolution"]}
    card = latent.of_autoencoder(card, Weights({}, own))
    card["text_width"] = SIZES[chosen["text"]["size"]]["width"]
    rows = [f"low_resolution, latent | {size} | {counted(card, *step)}" for step in steps(card)]
    with torch.device("meta"):
        network = Decoding(Latents(own["size"], own["channels"]))
        drawn = torch.zeros(
            1, network.latents.channels, *(side // card["factor"] for side in WHOLE)
        )
    found = cost(network, drawn, {}, training=False)
    cells = f"{found.parameters:.1f} | decode 256^3 | 1"
    return [*rows, f"autoencoder | {size} | {cells} | {found.total_gb:.1f} | {found.tflop:.1f}"]


def counted(card: Mapping[str, Any], what: str, batch: int, space: tuple[int, ...]) -> str:
    """Return parameters, step, batch, memory and work of a network as cells of a row."""
    wiring = training.wiring(card)
    size = named(options.TABLES[card["network"]], card["size"])
    with torch.device("meta"):
        made = build(size, card["objective"], **wiring)
        condition = {"concat": torch.zeros(batch, wiring["concat"], *space)}
        if wiring["text_width"]:
            condition["text"] = torch.zeros(batch, size["tokens"], wiring["text_width"])
        noisy = torch.zeros(batch, wiring["channels"], *space)
    if what == CUT:
        made = Tiled(made, batches.tiles(card))
    found = cost(made, noisy, condition, training=what == TRAINED)
    cells = f"{found.parameters:.1f} | {what} | {batch}"
    return f"{cells} | {found.total_gb:.1f} | {found.tflop:.1f}"


if __name__ == "__main__":
    main()
