"""Where a training starts that goes on from another's: tensors of equal name and shape."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from radfoundry.weights import Weights, WeightsError

LISTED = 5


def start_from(network: nn.Module, start: Weights | None) -> dict[str, Any]:
    """Put the tensors of a start into a network, in place; return what its card says of it.

    What a network measured of its own cases, such as a mean, is replaced too: the tensors of a
    start belong together. Of what only one of the two has, the network keeps its own.

    Args:
        network: Made for this training.
        start: Weights to go on from; None changes nothing and returns {}.

    Raises:
        WeightsError: Tensors of one name have two shapes, each named, or no name is shared.
    """
    if start is None:
        return {}
    own = network.state_dict()
    shared = [name for name in own if name in start.state]
    _refuse_others(own, start, shared)
    network.load_state_dict({name: start.state[name] for name in shared}, strict=False)
    told = {key: start.card[key] for key in ("bundle", "bundle_sha256") if key in start.card}
    return {
        "start": {
            **told,
            "tensors": len(shared),
            "new": sorted(set(own) - set(shared)),
            "left": sorted(set(start.state) - set(shared)),
        }
    }


def _refuse_others(own: Mapping[str, Tensor], start: Weights, shared: list[str]) -> None:
    where = f"train.start: {start.card.get('network', 'the network')} to go on from"
    if not shared:
        names = ", ".join(sorted(own)[:LISTED])
        raise WeightsError(f"{where} shares no tensor with this one, which has {names}, ...")
    pairs = {name: (tuple(start.state[name].shape), tuple(own[name].shape)) for name in shared}
    differ = [f"{name} is {old}, here {new}" for name, (old, new) in pairs.items() if old != new]
    if differ:
        more = f" and {len(differ) - LISTED} more" if len(differ) > LISTED else ""
        hint = "state the size, grid and channels that it was trained with"
        raise WeightsError(f"{where}: {'; '.join(differ[:LISTED])}{more}: {hint}")
