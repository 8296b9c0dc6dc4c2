"""Masks of findings drawn by diffusion, given the organs and what is said: see `mask_task`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radfoundry.diffusion.guidance import Guidance
from radfoundry.generators._radiographs import maps
from radfoundry.generators._radiographs.drawing import Engine
from radfoundry.generators.aurad import masks
from radfoundry.generators.aurad.masks import Masks

TRIES = 4  # draws of a sample's masks until all are plausible
LIMIT = 1.0  # of an estimate's absolute values


def drawn(
    asked: Sequence[Mapping],
    anatomies: Sequence[np.ndarray],
    numbers: Sequence[int],
    engine: Engine,
) -> list[Masks]:
    """Return the masks of several samples: each drawn again until it is plausible, `TRIES` at most.

    A sample whose masks are taken at once goes through the network no more, whatever those beside
    it need: each draw has a stream of chance of its own.

    Args:
        asked: Parameters of requests that agree on how they are drawn.
        anatomies: Anatomy map (X, 1, Z) of each.
        numbers: The seed of each.
        engine: Of the network of masks, whose card says how large real ones are.

    Raises:
        ValueError: A finding may lie nowhere in its patient.
    """
    found = [masks.none(anatomy) for anatomy in anatomies]
    pending = [at for at, one in enumerate(asked) if one["findings"]]
    for attempt in range(TRIES):
        if not pending:
            break
        bodies, seeds = [anatomies[at] for at in pending], [numbers[at] for at in pending]
        values = _values([asked[at] for at in pending], bodies, seeds, engine, attempt)
        for at, drawn_now in zip(pending, values, strict=True):
            own = drawn_now, asked[at]["findings"], anatomies[at]
            found[at] = _read(*own, engine.card["sizes"], attempt + 1)
        pending = [at for at in pending if found[at].implausible]
    return found


def _values(
    asked: Sequence[Mapping],
    anatomies: Sequence[np.ndarray],
    numbers: Sequence[int],
    engine: Engine,
    attempt: int,
) -> np.ndarray:
    """Return the channels of each sample on its pixels, (B, findings, X, Z)."""
    said = [engine.said(one["findings"], one["prompt"]) if one["text"] else "" for one in asked]
    organs = [maps.of_organs(anatomy) for anatomy in anatomies]
    known = [np.asarray(one.any((1, 2))) for one in organs]
    guidance = Guidance(float(asked[0]["mask_guidance"]), LIMIT)
    denoise = engine.guided(engine.condition(said, organs, known), guidance)
    sampling = engine.sampling(asked[0], int(asked[0]["mask_steps"]))
    cells = engine.drawn(denoise, numbers, f"masks-{attempt}", sampling)
    return engine.coder.decode(cells, organs[0].shape[1:]).numpy()


def _read(
    values: np.ndarray, findings: Sequence[Mapping], anatomy: np.ndarray, sizes: Any, draws: int
) -> Masks:
    """Return the masks of the findings that are asked for, among the channels of a sample."""
    names = [str(one["name"]) for one in findings]
    channels = [values[maps.finding_names().index(name)] for name in names]
    pairs = [
        masks.read(channel, str(one["name"]), anatomy, sizes, str(one.get("side", "")))
        for channel, one in zip(channels, findings, strict=True)
    ]
    inside = masks.shares_inside([channel > 0 for channel in channels], names, anatomy)
    wrong = [name for name, (_, plausible) in zip(names, pairs, strict=True) if not plausible]
    return Masks(np.stack([mask for mask, _ in pairs]), inside, draws, list(dict.fromkeys(wrong)))
