"""How an autoencoder is made from a size; the tables of sizes stand in the generators.

Of every design: `dims`, 2 or 3; `channels` of the pictures that it takes at once; `latent`
channels; `range` that it wants a picture's [-1, 1] brought to. Of `haar`: `factors` along each axis
of each level, `widths` of the levels, residual `blocks` of each. Of `kl`, MONAI's AutoencoderKL,
and `maisi`, its AutoencoderKlMaisi (Guo et al. 2024): `widths`, each level but the last halves
every axis; `blocks`; `attention` of each level; `nonlocal`, whether encoder and decoder attend over
all places; `groups` of the normalization; `checkpoint` to save memory. State dicts of these two
load as they are.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from radfoundry.networks.autoencoder.haar_autoencoder import HaarAutoencoder

DESIGNS = ("haar", "kl", "maisi")
# How MAISI's layers go through a large volume in parts; it is no part of the weights.
AT_ONCE: Mapping[str, Any] = {
    "num_splits": 1,
    "dim_split": 0,
    "save_mem": False,
    "norm_float16": False,
}


def build(size: Mapping[str, Any]) -> Any:
    """Return an untrained autoencoder with `encode` and `decode`, see the package.

    Raises:
        ValueError: There is no such design.
    """
    if size["design"] not in DESIGNS:
        raise ValueError(f"no design {size['design']!r}: choose from {', '.join(DESIGNS)}")
    return HaarAutoencoder(size) if size["design"] == "haar" else _of_monai(size)


def _of_monai(size: Mapping[str, Any]) -> nn.Module:
    # MONAI costs three seconds to import, and the other design does without.
    from monai.apps.generation.maisi.networks.autoencoderkl_maisi import (  # noqa: PLC0415
        AutoencoderKlMaisi,
    )
    from monai.networks.nets.autoencoderkl import AutoencoderKL  # noqa: PLC0415

    options: dict[str, Any] = {
        "spatial_dims": size["dims"],
        "in_channels": size["channels"],
        "out_channels": size["channels"],
        "num_res_blocks": list(size["blocks"]),
        "attention_levels": list(size["attention"]),
        "latent_channels": size["latent"],
        "norm_num_groups": size["groups"],
        "with_encoder_nonlocal_attn": size["nonlocal"][0],
        "with_decoder_nonlocal_attn": size["nonlocal"][1],
    }
    widths, saving = list(size["widths"]), bool(size["checkpoint"])
    if size["design"] == "kl":
        return AutoencoderKL(channels=widths, use_checkpoint=saving, **options)
    return AutoencoderKlMaisi(num_channels=widths, use_checkpointing=saving, **options, **AT_ONCE)


def factors(size: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how much coarser than pictures latents are, along each axis.

    >>> factors({"design": "haar", "dims": 2, "factors": [[2, 4], [2, 1]]})
    (4, 4)
    """
    if size["design"] != "haar":
        return (2 ** (len(size["widths"]) - 1),) * int(size["dims"])
    out = [1] * int(size["dims"])
    for level in size["factors"]:
        out = [whole * own for whole, own in zip(out, level, strict=True)]
    return tuple(out)
