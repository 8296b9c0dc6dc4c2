"""Take another's autoencoder: a file of weights, or a MONAI bundle; all of it must fit."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from radfoundry import weights
from radfoundry.weights import WeightsError

LISTED = 5
# What a MONAI network's definition calls our sizes.
NAMES = {
    "dims": "spatial_dims", "channels": "in_channels", "latent": "latent_channels",
    "blocks": "num_res_blocks", "attention": "attention_levels", "groups": "norm_num_groups",
}  # fmt: skip
DESIGNS = {"AutoencoderKL": "kl", "AutoencoderKlMaisi": "maisi"}
RANGES = {"kl": [-1, 1], "maisi": [0, 1]}  # MAISI brings HU to [0, 1]
NONLOCAL = ("with_encoder_nonlocal_attn", "with_decoder_nonlocal_attn")


def sized(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card whose size is that of the MONAI bundle that it names, if it names one.

    Raises:
        WeightsError: The folder is no bundle of an autoencoder that can be built here.
    """
    if not card.get("folder"):
        return dict(card)
    definition = weights.monai_definition(card["folder"], tuple(DESIGNS))
    return {**card, "size": size_of(definition, str(card["folder"]))}


def size_of(definition: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return our size of a network as a MONAI bundle defines it.

    Args:
        definition: Its `_target_` and arguments.
        where: Names the bundle in errors.

    Raises:
        WeightsError: An argument lacks, or asks for what cannot be built here.
    """
    design = DESIGNS[str(definition["_target_"]).rpartition(".")[2]]
    lost = sorted(set(NAMES.values()) - set(definition))
    widths = definition.get("num_channels", definition.get("channels"))
    if lost or widths is None:
        raise WeightsError(f"{where}: the definition lacks {', '.join(lost) or 'num_channels'}")
    if definition.get("out_channels") != definition["in_channels"]:
        raise WeightsError(f"{where}: out_channels differ from in_channels; allowed: equal")
    size = {ours: definition[theirs] for ours, theirs in NAMES.items()}
    both = [bool(definition.get(name, design == "kl")) for name in NONLOCAL]  # MONAI's defaults
    size |= {"design": design, "range": RANGES[design], "widths": list(widths)}
    return size | {"nonlocal": both, "checkpoint": False}


def filled(network: nn.Module, card: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a network with the weights that a card names, in place; return what to tell of them.

    Raises:
        WeightsError: The file is another one, or a tensor is missing, too many or of another
            shape: each is named.
    """
    if not (card.get("weights") or card.get("folder")):
        return {}
    path = card.get("weights") or weights.monai_weights(card["folder"])
    found = weights.adopt(path)
    if (digest := found.card["source_sha256"]) != card["sha256"]:
        raise WeightsError(f"{path} has sha256 {digest}; allowed: {card['sha256']} alone")
    matched(network, found.state, str(path))
    return {"origin": found.card["origin"], "source_sha256": digest}


def matched(network: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load tensors into a network whose names and shapes they have, all of them.

    Raises:
        WeightsError: With those that differ.
    """
    own = network.state_dict()
    faults = [f"{name} is missing" for name in own if name not in state]
    faults += [f"{name} is not among ours" for name in state if name not in own]
    pairs = {n: (tuple(state[n].shape), tuple(own[n].shape)) for n in own if n in state}
    faults += [f"{n} is {old}, here {new}" for n, (old, new) in pairs.items() if old != new]
    if faults:
        more = f" and {len(faults) - LISTED} more" if len(faults) > LISTED else ""
        listed = "; ".join(faults[:LISTED])
        raise WeightsError(f"{where}: {listed}{more}: state the `size` that it was trained with")
    network.load_state_dict(dict(state))
