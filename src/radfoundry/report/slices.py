"""Draw the pictures of volumes: axial, coronal and sagittal slices, plain and with their labels.

As radiologists view them: the patient's right at the viewer's left, head up, front up in axial
slices and at the viewer's left in sagittal ones. All slices of a case are drawn to one scale in
millimeters. Returns the bytes of a PNG and touches no file and no global state of matplotlib.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cc3d
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from radfoundry.anatomy import regions
from radfoundry.report import overlays
from radfoundry.report.charts import INK, OUTLINE, new_figure, png, say_not_available
from radfoundry.volume import Volume

WIDE, TALLEST = 13.0, 4.5  # inches, of the page and of a panel
GAP, TITLE, LINE = 0.06, 0.5, 0.22  # inches
LEGEND_COLUMNS = 8
MARGIN_MM = 8.0  # around the body
BODY = 0.25  # intensity that is no air
CENTERS = ("lungs", "organ", "brain")  # regions to look through, the first that is labeled
SEEN_PERCENT = (1.0, 99.5)  # of an MR's voxels, from black to white
BAR_MM = 50.0
LIGHT: dict[str, Any] = {"color": OUTLINE, "fontsize": 8, "fontweight": "bold"}
LIGHT["path_effects"] = [withStroke(linewidth=1.8, foreground="black")]
CAPTION: dict[str, Any] = {"fontsize": 8, "color": INK, "loc": "left", "pad": 2.5}
WINDOW_HU = (-1000.0, 400.0)  # black and white in CT
NOTE = "May contain synthetic medical images; not for diagnosis."


@dataclass(frozen=True)
class VolumePicture:
    """One volume to be shown.

    Attributes:
        title: What is written above, such as the case's id.
        image: CT in HU, or an MR; axes RAS+.
        anatomy: Anatomy map on the image's grid, or None.
        findings: Findings map on the image's grid, or None.
        modality: "CT" is shown in a window of HU, anything else between percentiles of its own.
        center: Voxel (x, y, z) that slices go through, or None to choose it: see `center`.
    """

    title: str
    image: Volume
    anatomy: np.ndarray | None = None
    findings: np.ndarray | None = None
    modality: str = "CT"
    center: tuple[int, int, int] | None = None


class _View(NamedTuple):
    """Which voxel axis a slice is across, which run along its columns and rows, and its sides."""

    name: str
    axis: int
    across: int
    up: int
    sides: str


VIEWS = (
    _View("Axial", 2, 0, 1, "RL"),
    _View("Coronal", 1, 0, 2, "RL"),
    _View("Sagittal", 0, 1, 2, "AP"),
)


def montage(cases: Sequence[VolumePicture], window: tuple[float, float] = WINDOW_HU) -> bytes:
    """Return one row for each volume: three slices, each plain and beside it with its labels.

    Args:
        cases: What is shown, from top to bottom.
        window: HU that are black and white in CT.

    Raises:
        ValueError: An empty window, or labels on another grid than their image.
    """
    if not window[0] < window[1]:
        raise ValueError(f"window {window} is empty, it must go from low to high")
    rows = [_Row(case, window) for case in cases]
    figure = new_figure(WIDE, sum(row.height for row in rows) or 1.0)
    figure.set_layout_engine("none")
    if not rows:
        say_not_available(figure.add_axes((0, 0, 1, 1), frame_on=False))
    top = float(figure.get_figheight())
    for row in rows:
        row.draw(figure, top)
        top -= row.height
    return png(figure, NOTE)


def viewed(voxels: np.ndarray, axis: int, index: int) -> np.ndarray:
    """Return a slice of a volume as rows and columns, as a radiologist views it.

    Args:
        voxels: (X, Y, Z) in RAS+ order.
        axis: 2 for an axial slice, 1 for a coronal, 0 for a sagittal one.
        index: Which slice.
    """
    return np.take(voxels, index, axis)[::-1, ::-1].T


def center(case: VolumePicture) -> tuple[int, int, int]:
    """Return the voxel that the slices of a volume go through.

    With findings, where the largest lesion is largest in each direction. Else the center of the
    lungs (sagittal: of the right lung, since between the lungs there is none), of another organ, or
    of the image.
    """
    if case.center is not None:
        return case.center
    if case.findings is not None and case.findings.any():
        lesion = cc3d.largest_k(case.findings > 0, k=1, connectivity=26) > 0
        return _voxel(int(lesion.sum(_others(axis)).argmax()) for axis in range(3))
    labels = np.zeros_like(case.image.voxels, np.uint8) if case.anatomy is None else case.anatomy
    for mask in (regions.mask(labels, name) for name in CENTERS):
        if mask.any():
            right = regions.mask(labels, "lung_right")
            beside = right if right.any() else mask
            return _middle(beside, 0), _middle(mask, 1), _middle(mask, 2)
    return _voxel(n // 2 for n in case.image.voxels.shape)


def _voxel(places: Iterable[int]) -> tuple[int, int, int]:
    x, y, z = places
    return x, y, z


def _middle(mask: np.ndarray, axis: int) -> int:
    """Return where half of a mask's voxels lie on either side."""
    counts = mask.sum(_others(axis)).cumsum()
    return int(np.searchsorted(counts, counts[-1] / 2))


def _others(axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(3) if a != axis)


def window_of(
    case: VolumePicture, window_hu: tuple[float, float] = WINDOW_HU
) -> tuple[float, float]:
    """Return the intensities that are black and white: of a CT those given, of an MR its own."""
    if case.modality == "CT":
        return window_hu
    low, high = (float(n) for n in np.percentile(case.image.voxels, SEEN_PERCENT))
    return low, max(high, low + 1e-6)


def gray(case: VolumePicture, window_hu: tuple[float, float] = WINDOW_HU) -> np.ndarray:
    """Return intensities from 0 (black) to 1 (white)."""
    low, high = window_of(case, window_hu)
    return np.clip((case.image.voxels.astype(np.float32) - low) / (high - low), 0, 1)


def _body(gray: np.ndarray, spacing_mm: Sequence[float]) -> tuple[slice, ...]:
    """Return the box around the largest thing that is not air, with a margin."""
    seen = cc3d.largest_k(gray > BODY, k=1, connectivity=6) > 0
    box = []
    for axis, spacing in enumerate(spacing_mm):
        where = np.flatnonzero(seen.any(_others(axis)))
        margin, size = int(MARGIN_MM / spacing) + 1, seen.shape[axis]
        ends = (where[0] - margin, where[-1] + 1 + margin) if len(where) else (0, size)
        box.append(slice(max(int(ends[0]), 0), min(int(ends[1]), size)))
    return tuple(box)


class _Row:
    """One case on the page: what its panels show, and how large they are."""

    def __init__(self, case: VolumePicture, window: tuple[float, float]) -> None:
        self.maps = [labels for labels in (case.anatomy, case.findings) if labels is not None]
        for labels in self.maps:
            if labels.shape != case.image.voxels.shape:
                raise ValueError(f"labels are {labels.shape}, not {case.image.voxels.shape}")
        self.case, self.center, self.gray = case, center(case), gray(case, window)
        spacing = case.image.spacing_mm
        self.box = _body(self.gray, spacing)
        self.mm = [(b.stop - b.start) * s for b, s in zip(self.box, spacing, strict=True)]
        panels = 2 if self.maps else 1
        free = (WIDE - GAP * (1 + panels * len(VIEWS))) / panels
        tall = max(self.mm[view.up] for view in VIEWS)
        self.scale = min(free / sum(self.mm[view.across] for view in VIEWS), TALLEST / tall)
        self.tall = tall * self.scale
        self.structures, self.findings = (
            [None if labels is None else self._slice(labels, view) for view in VIEWS]
            for labels in (case.anatomy, case.findings)
        )
        self.keys = overlays.legend(self.structures, self.findings)
        self.lines = -(-len(self.keys) // LEGEND_COLUMNS)
        self.height = TITLE + self.tall + LINE * self.lines + 0.15

    def _slice(self, voxels: np.ndarray, view: _View) -> np.ndarray:
        """Return a slice through the center, or the nearest to it that is inside the body."""
        part = self.box[view.axis]
        index = int(np.clip(self.center[view.axis], part.start, part.stop - 1))
        return viewed(voxels[self.box], view.axis, index - part.start)

    def draw(self, figure: Figure, top: float) -> None:
        """Put the row on the page, downwards from a height in inches."""
        wide, high = (float(n) for n in figure.get_size_inches())
        style: dict[str, Any] = {"va": "top", "color": INK, "fontsize": 10, "fontweight": "bold"}
        figure.text(GAP / wide, (top - 0.05) / high, self.case.title, **style)
        left = GAP
        for n, view in enumerate(VIEWS):
            across, up = self.mm[view.across], self.mm[view.up]
            floor = top - TITLE - up * self.scale
            for labeled in (False, True)[: 2 if self.maps else 1]:
                place = (
                    left / wide,
                    floor / high,
                    across * self.scale / wide,
                    up * self.scale / high,
                )
                axes = figure.add_axes(place)
                axes.imshow(self._slice(self.gray, view), cmap="gray", vmin=0, vmax=1,
                            interpolation="bilinear", extent=(0, across, 0, up))  # fmt: skip
                axes.set_title("with labels" if labeled else self._where(view), **CAPTION)
                if labeled:
                    overlays.paint(axes, self.structures[n], self.findings[n])
                _mark(axes, view)
                left += across * self.scale + GAP
        figure.legend(
            handles=self.keys, loc="upper left", ncols=LEGEND_COLUMNS, frameon=False, fontsize=8,
            bbox_to_anchor=(0, (top - TITLE - self.tall) / high), labelcolor=INK,
        )  # fmt: skip

    def _where(self, view: _View) -> str:
        place = self.case.image.affine @ [*self.center, 1]
        return f"{view.name}, {'xyz'[view.axis]} = {place[view.axis]:.0f} mm"


def _mark(axes: Axes, view: _View) -> None:
    """Write the sides of the patient on a picture, and draw a line of 5 cm in its axial one."""
    axes.set_axis_off()
    middle: dict[str, Any] = {"transform": axes.transAxes, "va": "center"} | LIGHT
    axes.text(0.015, 0.5, view.sides[0], ha="left", **middle)
    axes.text(0.985, 0.5, view.sides[1], ha="right", **middle)
    if view.axis == 2:
        right, low = axes.get_xlim()[1] - 8, 8
        line: dict[str, Any] = {"solid_capstyle": "butt", "path_effects": LIGHT["path_effects"]}
        axes.plot([right - BAR_MM, right], [low, low], color=OUTLINE, lw=1.6, **line)
        axes.text(right - BAR_MM / 2, low + 4, "5 cm", ha="center", va="bottom", **LIGHT)
