"""How XReal draws: anatomy first, then the finding in its mask, on a base that stays as it is.

The base draws a healthy radiograph, led for a share of the time by what the anatomy controller made
of the organs; then the pathology controller draws it again with the finding's words, while all
outside the mask is held to the first one. Pixels outside the mask are the first one's, bit for bit.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.case import Case
from radfoundry.diffusion.guidance import DECAYS, Known, until
from radfoundry.generators._radiographs import maps, shapes, warps
from radfoundry.generators._radiographs.drawing import (
    Engine,
    guidance_of,
    localized,
    pasted,
    pixels,
    whole,
)
from radfoundry.generators._radiographs.latents import Coder
from radfoundry.generators._radiographs.scenes import Scene, sample
from radfoundry.generators.xreal import anatomy_controller

# What requests share that are drawn at once.
TOGETHER = (
    "steps", "anatomy_steps", "led", "outside", "method", "timestep_spacing", "eta", "guidance",
    "decay", "guidance_interval", "text", "given", "masks_by",
)  # fmt: skip


@dataclass(frozen=True)
class Networks:
    """Networks ready to draw, and their cards; `controller` is None for the baselines."""

    engine: Engine[Coder]
    controller: nn.Module | None
    cards: Mapping[str, Mapping[str, Any]]


def alike(request: Mapping, source: Case) -> Hashable:
    """Return what requests must agree on to be drawn together: settings, findings, grid."""
    asked = json.loads(request["parameters"])
    count = len(asked["masks"])
    if asked["masks_by"] == "case":
        own = maps.of_findings(warps.applied(source.findings, asked["warp"]))
        count = int(own.any((1, 2)).sum())
    return json.dumps([asked.get(name) for name in TOGETHER]), count, source.image.voxels.shape


def scene(asked: Mapping, source: Case) -> Scene:
    """Return what a request asks for in the organs of its source.

    Raises:
        ValueError: A finding has nowhere to lie.
    """
    anatomy = warps.applied(source.anatomy, asked["warp"])
    if asked["masks_by"] == "case":
        own = warps.applied(source.findings, asked["warp"])
        seen = maps.of_findings(own) > 0
        known: dict[str, dict] = {}
        for one in asked["stated"]:  # both sides of it are one mask: neither is named
            twice = one["name"] in known
            known[one["name"]] = {"name": one["name"]} if twice else one
        names = [n for n, mask in zip(maps.finding_names(), seen, strict=True) if mask.any()]
        found = [known.get(name, {"name": name}) for name in names]
        return Scene(anatomy, seen[[mask.any() for mask in seen]], found)
    masks = [shapes.drawn(spec, anatomy)[:, 0] for spec in asked["masks"]]
    empty = np.zeros((0, anatomy.shape[0], anatomy.shape[2]), bool)
    return Scene(anatomy, np.stack(masks) if masks else empty, asked["findings"])


def draw_many(
    requests: Sequence[Mapping], sources: Sequence[Case], networks: Networks
) -> list[Case]:
    """Return what `draw` does for each of several requests that are `alike`, in one pass.

    Raises:
        ValueError: As for `draw`.
    """
    asked = [json.loads(request["parameters"]) for request in requests]
    numbers = [int(request["seed"]) for request in requests]
    for source in sources:
        networks.engine.checked(source.image.voxels[:, 0].shape, source.name)
    scenes = [scene(*pair) for pair in zip(asked, sources, strict=True)]
    if networks.controller is None:
        if asked[0]["given"]:
            raise ValueError("given: image; allowed: with controllers, which this recipe has not")
        steps = int(asked[0]["steps"]) + int(asked[0]["anatomy_steps"])
        found = whole(asked, scenes, networks.engine, numbers, steps)
    else:
        found = _controlled(asked, scenes, sources, networks, numbers)
    rows = zip(found, scenes, requests, sources, strict=True)
    return [sample(*row) for row in rows]


def _controlled(
    asked: Sequence[Mapping],
    scenes: Sequence[Scene],
    sources: Sequence[Case],
    networks: Networks,
    numbers: Sequence[int],
) -> list[np.ndarray]:
    """Return images (X, Z) in [0, 1]: the anatomy's, with findings in their masks."""
    engine = networks.engine
    if "image" in asked[0]["given"]:
        before = [np.array(source.image.voxels[:, 0], np.float32) for source in sources]
    else:
        before = pixels(_healthy(asked[0], scenes, networks, numbers))
    if not len(scenes[0].masks):
        return before
    said = [
        [engine.said([f], one["prompt"]) if one["text"] else "" for f in s.findings]
        for one, s in zip(asked, scenes, strict=True)
    ]
    pictures = torch.from_numpy(2 * np.stack(before) - 1)[:, None]
    masks = torch.stack([engine.coder.touched(s.masks.astype(np.float32)) for s in scenes])
    kept = (1 - masks.amax(1, keepdim=True)).to(engine.device)
    known = Known(engine.coder.encode(pictures), kept, True, False, DECAYS[asked[0]["decay"]])
    guidance = guidance_of(asked[0], float(asked[0]["guidance"]))
    denoise = localized(engine, said, masks, guidance)
    sampling = engine.sampling(asked[0], int(asked[0]["steps"]))
    drawn = engine.drawn(denoise, numbers, "pathology", sampling, known)
    after = pixels(engine.coder.decode(drawn, scenes[0].masks.shape[1:]))
    rows = zip(before, after, scenes, strict=True)
    return [pasted(old, new, s.marks()[:, 0] > 0) for old, new, s in rows]


def _healthy(
    asked: Mapping, scenes: Sequence[Scene], networks: Networks, numbers: Sequence[int]
) -> Tensor:
    """Return radiographs (B, 1, X, Z) in [-1, 1] with no finding and the organs asked for."""
    engine = networks.engine
    card = networks.cards["anatomy_controller"]
    estimate = anatomy_controller.estimated(networks.controller, [s.anatomy for s in scenes], card)
    inside = [maps.of_organs(s.anatomy).max(0, keepdims=True) for s in scenes]
    share = torch.stack([engine.coder.pooled(one) for one in inside])
    outside = float(asked["outside"])  # the organs say where the body is, too
    share = (outside + (1 - outside) * share).to(engine.device)
    known = Known(engine.coder.encode(estimate), share, True, False, until(float(asked["led"])))
    # Of nothing that is said there is no guidance by words; there may be one by a weaker network.
    scale = 1.0 if engine.weaker is None else float(asked["guidance"])
    denoise = engine.guided(engine.condition([""] * len(scenes)), guidance_of(asked, scale))
    sampling = engine.sampling(asked, int(asked["anatomy_steps"]))
    drawn = engine.drawn(denoise, numbers, "anatomy", sampling, known)
    return engine.coder.decode(drawn, scenes[0].masks.shape[1:])
