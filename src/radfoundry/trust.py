"""How far one structure's label can be trusted: the form of every answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

LUNGS = ("lung_right", "lung_left")


@dataclass(frozen=True)
class Quality:
    """What is known of one structure's label.

    Attributes:
        structure: A region of `labels.yaml`.
        status: present, absent (no voxel), small (hardly any of it), cropped (it runs on beyond
            the image) or failed (it cannot be that structure). Films know no small.
        reason: Why, in words; empty when present.
        area_fraction: Of the film; NaN when absent, and in volumes.
        largest_part: Share of its voxels in the largest connected part; NaN when absent.
        edge_fraction: Share of its outline on the image's edge; NaN when absent.
        volume_cm3: Of a volume's structure; NaN when absent, and in radiographs.
    """

    structure: str
    status: str
    reason: str = ""
    area_fraction: float = float("nan")
    largest_part: float = float("nan")
    edge_fraction: float = float("nan")
    volume_cm3: float = float("nan")

    def columns(self) -> dict[str, str | float]:
        """Return what the table of labels says of it."""
        measured = {"area": self.area_fraction, "volume_cm3": self.volume_cm3}
        measured |= {"largest_part": self.largest_part, "edge_fraction": self.edge_fraction}
        return {
            "structure": self.structure,
            "status": self.status,
            "message": self.reason,
        } | measured


def failed(found: Mapping[str, Quality], names: Sequence[str], reason: str) -> dict[str, Quality]:
    """Return the named qualities with their measurements, as failed for a reason."""
    return {name: replace(found[name], status="failed", reason=reason) for name in names}
