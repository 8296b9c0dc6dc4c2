"""What generators of radiographs train alike: the text encoder, and what stands on other networks.

`data` is `training.loop.TrainingData` throughout.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from radfoundry.generators._radiographs import sizes, training, words
from radfoundry.generators._radiographs.task import prompts_of
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData


def text(
    data: "TrainingData",
    card: Mapping[str, Any],
    wording: str,
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return the text encoder, trained on all prompts: see `training.text`.

    Args:
        data: Cases, and reports without images.
        card: See `options.of_text`.
        wording: Of `words.WORDINGS`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
    """
    alone = ((words.findings_of({"report": one}), one) for one in getattr(data, "reports", ()))
    unseen = [words.prompt(findings, report, wording) for findings, report in alone]
    said, start = [*prompts_of(data.cases, wording), *unseen], data.networks.get("text")
    return training.text(said, start, card, generator, device, callbacks)


def told(
    card: Mapping[str, Any], data: "TrainingData", needs: Sequence[str]
) -> tuple[dict[str, Any], Weights | None]:
    """Return a denoising network's options with what others say, and its text encoder if any.

    Args:
        card: See `options.of_network`.
        data: Holds the networks that it stands on.
        needs: Which they are.

    Raises:
        ValueError: One of them is missing.
    """
    needed = [name for name in needs if card["text"] or name != "text"]
    if missing := [name for name in needed if name not in data.networks]:
        raise ValueError(f"{card['network']} needs the weights of {', '.join(missing)}")
    encoder = data.networks["text"] if card["text"] else None
    known = {} if encoder is None else encoder.card
    more = {"text_width": int(known["size"]["width"]) if known else 0}
    more |= {"read": len(known.get("reader", {}).get("bias", ()))}
    return {**card, **more, "blocks": sizes.blocks(card["size"])}, encoder
