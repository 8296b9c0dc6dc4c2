"""Opacities that radiologists outlined, beside painted ones: size, contrast, edges and texture.

    python benchmarks/opacities.py DATA [SOURCES]

Real: the films of `films.masked`. Painted: one sample of each of SOURCES healthy films of adults
and as many of children. Unpainted: the same places of the same films before the painting. Printed
are medians and quartiles over films. Lengths are pixels of a picture 256 pixels wide.
"""

import sys
from pathlib import Path

import films
import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.volume import picture

BANDS = {"1-2": (1, 2), "2-4": (2, 4), "4-8": (4, 8)}
LEAST = 40  # pixels of opacity and of clear lung that a figure is taken from
FIGURES = {
    "share": "share of the lungs",
    "contrast": "denser than the clear lung (0), on the way to the heart (1)",
    "step": "rise within 4 pixels of the outline, as a share of the whole contrast",
    "edge": "steepest tenth of the outline, against slopes in clear lung",
    "1-2": "texture of 1 to 2 pixels, against clear lung",
    "2-4": "texture of 2 to 4 pixels, against clear lung",
    "4-8": "texture of 4 to 8 pixels, against clear lung",
    "silhouette": "slope of the heart's border beside the opacity, against elsewhere",
}


def places(case: Case) -> dict[str, np.ndarray]:
    """Return masks: lungs free of the heart, opacity in them, clear lung, outline and core."""
    labels, ill = picture(case.anatomy), np.isin(picture(case.findings), known())
    free = regions.mask(labels, "lungs") & ~regions.mask(labels, "cardiomediastinum")
    inner = ndimage.binary_erosion(free, iterations=3)
    return {
        "lungs": free,
        "opacity": ill & free,
        "clear": inner & ~ndimage.binary_dilation(ill, iterations=4),
        "core": ndimage.binary_erosion(ill, iterations=2) & inner,
        "outline": ndimage.binary_dilation(ill, iterations=2)
        & ~ndimage.binary_erosion(ill, iterations=2)
        & inner,
        "inner": inner,
    }


def known() -> list[int]:
    """Return the ids of opacities of the lung."""
    return [regions.label_id(w) for w in ("opacity", "consolidation", "ground_glass")]


def look(case: Case, film: np.ndarray | None = None) -> dict[str, float]:
    """Return the figures of one film; NaN where too little opacity or clear lung is left.

    Args:
        case: With lungs, heart and opacities.
        film: Intensities to measure instead of the case's own.
    """
    film = picture(case.image.voxels) if film is None else film
    at, labels = places(case), picture(case.anatomy)
    share = at["opacity"].sum() / max(at["lungs"].sum(), 1)
    blank = dict.fromkeys(FIGURES, np.nan) | {"share": share}
    if min(at[name].sum() for name in ("core", "clear")) < LEAST:
        return blank
    heart = regions.mask(labels, "heart") & ~regions.mask(labels, "lungs")
    heart = heart if heart.sum() >= LEAST else regions.mask(labels, "heart")
    clear = film[at["clear"]].mean()
    rise = film[at["opacity"]].mean() - clear
    slope = ndimage.gaussian_gradient_magnitude(film, 1)
    return blank | {
        "contrast": rise / max(float(np.median(film[heart])) - clear, 0.05),
        "step": stepped(film, at) / rise if rise > 0.02 else np.nan,
        "edge": np.quantile(slope[at["outline"]], 0.9) / np.median(slope[at["clear"]]),
        **{name: band(film, at, *sigmas) for name, sigmas in BANDS.items()},
        "silhouette": silhouette(slope, at["opacity"], labels),
    }


def stepped(film: np.ndarray, at: dict[str, np.ndarray]) -> float:
    """Return the mean of the opacity's outer 4 pixels less that of 4 pixels of lung around it."""
    ill = at["opacity"]
    within = ill & ~ndimage.binary_erosion(ill, iterations=4) & at["inner"]
    around = ndimage.binary_dilation(ill, iterations=4) & ~ill & at["inner"]
    enough = min(within.sum(), around.sum()) >= LEAST
    return float(film[within].mean() - film[around].mean()) if enough else np.nan


def band(film: np.ndarray, at: dict[str, np.ndarray], fine: float, coarse: float) -> float:
    """Return the spread of one band of the film in the opacity over that in clear lung."""
    passed = ndimage.gaussian_filter(film, fine) - ndimage.gaussian_filter(film, coarse)
    spreads = [np.subtract(*np.quantile(passed[at[n]], [0.9, 0.1])) for n in ("core", "clear")]
    return float(spreads[0] / max(spreads[1], 1e-6))


def silhouette(slope: np.ndarray, ill: np.ndarray, labels: np.ndarray) -> float:
    """Return how steep the heart's border is where an opacity touches it, against elsewhere."""
    heart, lungs = regions.mask(labels, "heart"), regions.mask(labels, "lungs")
    border = ndimage.binary_dilation(heart, iterations=2) & ~ndimage.binary_erosion(
        heart, iterations=2
    )
    border &= ndimage.binary_dilation(lungs & ~heart, iterations=3)
    beside = border & ndimage.binary_dilation(ill, iterations=4)
    away = border & ~ndimage.binary_dilation(ill, iterations=8)
    enough = min(beside.sum(), away.sum()) >= LEAST
    return float(slope[beside].mean() / slope[away].mean()) if enough else np.nan


def table(groups: dict[str, pd.DataFrame]) -> str:
    """Return the figures of each group as Markdown: median (quartiles), n."""
    lines = ["| figure | " + " | ".join(groups) + " |", "|---" * (1 + len(groups)) + "|"]
    for name, meaning in FIGURES.items():
        cells = []
        for rows in groups.values():
            values = rows[name].dropna()
            low, middle, high = values.quantile([0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
            cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f}), n {len(values)}")
        lines.append(f"| {meaning} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(data: str, sources: str = "40") -> None:
    """Print one table."""
    real = films.masked(Path(data))
    healthy = [
        c for k in ("nih", "kermany") for c in films.films(Path(data), k, False, int(sources))
    ]
    samples, before = films.painted(healthy), {c.name: picture(c.image.voxels) for c in healthy}
    groups = {
        "real": films.of(real, look),
        "painted": films.of(samples, look),
        "unpainted": films.of(samples, lambda s: look(s, before[s.facts["source"]])),
    }
    sys.stdout.write(table(groups) + "\n")
    shown = films.of(samples, lambda s: {"shape": films.shape_of(s), "share": look(s)["share"]})
    sys.stdout.write(shown.groupby("shape")["share"].describe().round(2).to_markdown() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
