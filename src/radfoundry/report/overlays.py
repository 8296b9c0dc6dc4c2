"""Paint labels over pictures in the colors of `labels.yaml`: tinted anatomy, outlined findings."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from radfoundry.anatomy import regions

UNPAINTED = ("body", "abdomen")  # they would tint everything
TREES = ("airway", "lung_vessel")  # one thing, whichever lobe they run through
OPACITY, TREE_OPACITY = 0.42, 0.8


def paint(axes: Axes, structures: np.ndarray | None, findings: np.ndarray | None) -> None:
    """Tint the structures of a picture that axes show already, and outline its findings.

    Args:
        axes: Their limits are the borders of the picture.
        structures: Anatomy map (rows, columns), or None.
        findings: Findings map (rows, columns), or None.
    """
    extent = (*axes.get_xlim(), *axes.get_ylim())
    if structures is not None:
        axes.imshow(tints()[structures], interpolation="nearest", extent=extent)
    if findings is None:
        return
    for label in regions.vocabulary().findings:
        mask = regions.mask(findings, label.name)
        for colour, width in (("black", 2.6), (label.colour, 1.5)) if mask.any() else ():
            axes.contour(
                mask, levels=[0.5], colors=[colour], linewidths=width, origin="upper", extent=extent
            )


def legend(
    structures: Iterable[np.ndarray | None], findings: Iterable[np.ndarray | None]
) -> list[Artist]:
    """Return a handle for each thing that pictures show, in the order of `labels.yaml`.

    Args:
        structures: Anatomy maps of any shape; None is left out.
        findings: Findings maps alike.
    """
    drawn, found = (_values(maps) for maps in (structures, findings))
    named: dict[str, str] = {}
    for label in regions.vocabulary().structures:
        if label.id in drawn and label.name not in UNPAINTED:
            named.setdefault(said(label), label.colour)
    fills = [Patch(color=c, alpha=0.8, label=name) for name, c in named.items()]
    lines = [
        Line2D([], [], color=label.colour, lw=2, label=said(label))
        for label in regions.vocabulary().findings
        if label.id in found
    ]
    return [*fills, *lines]


@cache
def tints() -> np.ndarray:
    """Return the color and opacity of every structure's id, (256, 4) in [0, 1]."""
    table = np.zeros((256, 4))
    for label in regions.vocabulary().structures:
        if label.name not in UNPAINTED:
            opacity = TREE_OPACITY if _tree(label.id) else OPACITY
            table[label.id] = *to_rgb(label.colour), opacity
    table.flags.writeable = False
    return table


def _tree(number: int) -> str:
    return next((name for name in TREES if number in regions.ids(name)), "")


def _values(maps: Iterable[np.ndarray | None]) -> set[int]:
    return {int(n) for labels in maps if labels is not None for n in np.unique(labels)}


def said(label: regions.Label) -> str:
    """Return what a legend says of a label: a tree is one thing, whichever lobe it runs through."""
    return (_tree(label.id) or label.name).replace("_", " ")
