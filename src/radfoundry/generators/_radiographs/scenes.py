"""What a drawn radiograph must show: organs, and findings with their masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.generators._radiographs import maps


@dataclass(frozen=True)
class Scene:
    """What one sample must show.

    Attributes:
        anatomy: Anatomy map (X, 1, Z), uint8.
        masks: Of each finding (n, X, Z), bool.
        findings: Their names, sides and severities.
    """

    anatomy: np.ndarray
    masks: np.ndarray
    findings: Sequence[Mapping]

    def marks(self) -> np.ndarray:
        """Return the findings map (X, 1, Z), uint8; where masks meet the smallest one shows."""
        out = np.zeros(self.anatomy.shape, np.uint8)
        for place in np.argsort([-mask.sum() for mask in self.masks], kind="stable"):
            name = str(self.findings[place]["name"])
            out[:, 0][self.masks[place]] = regions.label_id(name)
        return out

    def maps(self) -> np.ndarray:
        """Return organs and findings as channels (K, X, Z), see `maps.channels`."""
        return np.concatenate([maps.of_organs(self.anatomy), maps.of_findings(self.marks())])

    def known(self) -> np.ndarray:
        """Return which of `maps` are known, (K,): organs that there are, findings not covered."""
        return maps.known(self.maps(), self.findings)

    def shown(self) -> list[str]:
        """Return the findings of which the map shows a pixel, each once."""
        there = set(np.unique(self.marks()).tolist())
        names = dict.fromkeys(str(one["name"]) for one in self.findings)
        return [name for name in names if regions.label_id(name) in there]


def sample(
    found: np.ndarray, scene: Scene, request: Mapping, source: Case, facts: Mapping[str, str] = {}
) -> Case:  # noqa: B006 - never changed
    """Return an image (X, Z) in [0, 1] as a case, with the maps that it was drawn from.

    Args:
        found: The image.
        scene: What it shows.
        request: A row of requests.
        source: Lends its grid.
        facts: What else is known of it.
    """
    known = {
        "source": source.name,
        "patient": str(source.facts.get("patient", "")),
        "split": str(request.get("split", "")),
        "findings": "|".join(scene.shown()),
        "shape": "",
    }
    image = source.image.holding(np.ascontiguousarray(found[:, None], np.float32))
    return Case(str(request["request"]), image, scene.anatomy, scene.marks(), {**known, **facts})
