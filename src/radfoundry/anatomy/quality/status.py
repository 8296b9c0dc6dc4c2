"""How far one structure's label can be trusted: the form of every answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from radfoundry.anatomy import regions

LUNGS = ("lung_right", "lung_left")
DERIVED = {"pleural_effusion": "pleural_space", "emphysema": "lungs"}  # findings: read off what


@dataclass(frozen=True)
class Quality:
    """What is known of one structure's label.

    Attributes:
        structure: A region of `labels.yaml`.
        status: present, absent (no voxel, though in full view), not_in_view (no voxel, and the
            image ends where it would lie), small (hardly any of it), cropped (it runs on beyond the
            image) or failed (it cannot be that structure). Films know no small and no not_in_view.
        reason: Why, in words; empty when present.
        area_fraction: Of the film; NaN without a pixel, and in volumes.
        largest_part: Share of its voxels in the largest connected part; NaN without a voxel.
        edge_fraction: Share of its outline on the image's edge; NaN without a voxel.
        volume_cm3: Of a volume's structure; NaN without a voxel, and in radiographs.
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


def depends(region: str, structure: str, film: bool) -> bool:
    """Return whether what is read off a region rests on the labels of a structure.

    It does where both are written with a common id. In volumes nothing lies behind anything, and
    vessels and bronchi leave each voxel in its lobe: ids of lung behind the heart, or of a tree in
    a lobe, do not count, or a bad heart or airway would take the lungs with it. Nor does the body,
    of which everything is a part. A lobe whose borders are wrong leaves its lung as it is; what
    fails with all its lobes is found by `spread`.

    Args:
        region: A structure, region or finding. Effusion rests on the pleural space too, emphysema
            on the lungs.
        structure: The structure or region in question, such as one whose label failed.
        film: Whether labels are those of a radiograph.

    Raises:
        ValueError: A name that is not in `labels.yaml`.

    >>> depends("lungs", "heart", film=True), depends("lungs", "heart", film=False)
    (True, False)
    """
    alone = "body" in (region, structure) or (not film and "_lobe_" in structure)
    if alone:
        return region == structure
    own = {*regions.ids(region), *regions.ids(DERIVED.get(region, region))}
    shared = own & set(regions.ids(structure))
    return bool(shared if film else shared - _doubled())


def spread(failed: Collection[str]) -> set[str]:
    """Return the structures that failed, with each lung all of whose lobes did."""
    names = set(failed)
    return names | {lung for lung, lobes in regions.LOBES.items() if names.issuperset(lobes)}


def _doubled() -> set[int]:
    """Return the ids of voxels that belong to two regions."""
    endings = tuple(f"_{tree}" for tree in regions.TREES.values())
    names = {label.name: label.id for label in regions.vocabulary().structures}
    inside = {n for n in names if n.startswith("lung_") and n.endswith(endings)} - set(
        regions.TREES
    )
    return {number for name, number in names.items() if name in inside or "_behind_" in name}
