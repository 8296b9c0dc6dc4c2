"""Pseudo-masks of findings against readers: radiologists' outlines (GB) and boxes (NIH).

    python benchmarks/finding_masks.py DATA FOLDER [TRAIN STEPS SIDE]

DATA as in `films.py`. A detector is taught by what ART-ASyn paints into healthy films, TRAIN of
adults and as many of children, and told what is normal by as many others; nobody with a mask
or a box is among them. It is asked of every film with a reader's mask or box, as the workflow asks
it. Beside it: the same network at 0 steps, the score of another film (`shuffled`), the gray of the
film itself as the score (bright is ill, with thresholds chosen alike), and the whole allowed region
as the mask. FOLDER gets pictures and a table of films. Films are of 256 pixels, the detector sees
SIDE of them.
"""

import sys
import time
from pathlib import Path

import films
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import marking
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.data import reader_boxes
from radfoundry.evaluation import finding_detector
from radfoundry.evaluation.metrics import finding_masks

REGION = "lungs"
CUTS = {"quantile": 0.9, "least_area": 0.01, "least_confidence": 0.0}
OPTIONS = {"arm": "artasyn", "per_case": 1, "names": ["opacity"], **CUTS}
LUNG_FINDINGS = {"Pneumonia", "Infiltrate", "Infiltration", "Consolidation"}
PLUGINS = finding_detector.Plugins(load("tasks", "anomaly"), load("generators", "artasyn"))
COLOURS = {"reader": "#ffd92f", "detector": "#00e5ff"}
DRAWS = 2000


def healthy(data: Path, count: int) -> tuple[list[Case], pd.DataFrame]:
    """Return healthy films of adults and children, and the plan of their splits: half and half."""
    found, rows = [], []
    for kind in ("nih", "kermany"):
        own = films.films(data, kind, False, 2 * count)
        found += own
        rows += [{"case": c.name, "split": "train" if n < count else "tune"}
                 for n, c in enumerate(own)]  # fmt: skip
    columns = {"lung_right": "present", "lung_left": "present", "findings": ""}
    return found, pd.DataFrame(rows).assign(**columns)


def boxed(data: Path) -> list[Case]:
    """Return adults' films with boxes of opacities of the lung, as a findings map of opacity."""
    rows = pd.read_csv(data / "cxr_nih_256/bboxes.csv", dtype={"image": str})
    patients = films.listed(data, "nih").set_index("path")["patient"]
    segment, found = load("segmenters", "pbtseg").prepare({}), []
    for name, own in rows[rows["finding"].isin(LUNG_FINDINGS)].groupby("image"):
        path = data / "cxr_nih_256/images" / name
        image, record = films._prepared(films.gray(path))
        text = "|".join(f"opacity:{b.x},{b.y},{b.w},{b.h}" for b in own.itertuples())
        boxes = reader_boxes.masks(text, record)["opacity"]
        marks = volume.plane(np.where(boxes, regions.label_id("opacity"), 0).astype(np.uint8))
        facts = {"patient": patients[path], "findings": "opacity"}
        found.append(Case(path.stem, image, segment(image), marks, facts))
    return found


def arms(taught, films_read: list[Case], weights, options) -> dict[str, tuple]:
    """Return scores of films and what is normal, by arm."""
    task, found = PLUGINS.task, {}
    for arm, network in weights.items():
        maps = finding_detector.scores(task, network, films_read, options["options"])
        found[arm] = maps, finding_detector.normal_of(network)[REGION]
    maps, normal = found["detector"]
    half = len(maps) // 2  # films of a patient follow each other
    found["shuffled"] = [*maps[half:], *maps[:half]], normal
    grays = [[task.normal_of(c).picture for c in part] for part in (films_read, taught)]
    insides = [regions.mask(volume.picture(c.anatomy), REGION) for c in taught]
    found["gray"] = grays[0], marking.normality(grays[1], insides, options)
    found["region"] = [np.zeros_like(g) for g in grays[0]], marking.Normality(-1.0, [0.0])
    return found


def judged(cases: list[Case], scored: dict[str, tuple], options: dict) -> pd.DataFrame:
    """Return a row for each film and arm."""
    rows = []
    for at, case in enumerate(cases):
        inside = regions.mask(volume.picture(case.anatomy), REGION)
        truth = np.isin(volume.picture(case.findings), opacities())
        for arm, (maps, normal) in scored.items():
            mask = marking.marked(maps[at], inside, normal.threshold, options)
            certain = marking.confidence(marking.strength(maps[at], mask), normal)
            row = {"case": case.name, "patient": case.facts["patient"], "arm": arm}
            row |= {"confidence": certain, "area": mask.sum() / max(inside.sum(), 1)}
            rows.append(row | finding_masks.measured(mask, maps[at], truth, inside))
    return pd.DataFrame(rows)


def opacities() -> list[int]:
    """Return the ids of opacities of the lung."""
    return [regions.label_id(w) for w in ("opacity", "consolidation", "ground_glass")]


def montage(cases: list[Case], scored: dict[str, tuple], options: dict, path: Path) -> None:
    """Draw films with the reader's outline and the detector's."""
    fig, axes = plt.subplots(4, 6, figsize=(15, 10))
    maps, normal = scored["detector"]
    for ax in axes.flat:
        ax.axis("off")
    for at, (case, ax) in enumerate(zip(cases, axes.flat, strict=False)):
        inside = regions.mask(volume.picture(case.anatomy), REGION)
        mask = marking.marked(maps[at], inside, normal.threshold, options)
        truth = np.isin(volume.picture(case.findings), opacities())
        ax.imshow(volume.picture(case.image.voxels), cmap="gray", vmin=0, vmax=1)
        for what, drawn in (("reader", truth), ("detector", mask)):
            if drawn.any():
                ax.contour(drawn, [0.5], colors=COLOURS[what], linewidths=1)
        certain = marking.confidence(marking.strength(maps[at], mask), normal)
        ax.set_title(f"{case.name[:18]} {certain:.2f}", fontsize=7)
    fig.tight_layout()
    fig.savefig(path, dpi=70)
    plt.close(fig)


def table(rows: pd.DataFrame) -> str:
    """Return the figures as Markdown."""
    found = finding_masks.summarised(rows, "detector", DRAWS, np.random.default_rng(0))
    cells = found.assign(
        figure=[f"{r.value:.3f} ({r.low:.3f} to {r.high:.3f})" for r in found.itertuples()]
    )
    wide = cells.pivot(index="arm", columns="metric", values="figure")
    return wide.loc[found["arm"].unique(), list(finding_masks.METRICS)].to_markdown()


def main(data: str, folder: str, train: str = "20", steps: str = "150", side: str = "64") -> None:
    """Print one table for each reader."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    taught, plan = healthy(Path(data), int(train))
    options = OPTIONS | {"options": {"steps": int(steps), "side": int(side)}}
    begun, weights = time.process_time(), {}
    for name, arm in (("detector", "artasyn"), ("untrained", "untrained")):
        rng, own = np.random.default_rng(0), options | {"arm": arm}
        weights[name] = finding_detector.fit(PLUGINS, taught, plan, own, rng)
    sys.stdout.write(f"{len(plan)} healthy films, {time.process_time() - begun:.0f} CPU s\n")
    tune = [c for c, split in zip(taught, plan["split"], strict=True) if split == "tune"]
    seen = {case.facts["patient"] for case in taught}
    judges = {"GB masks": films.masked(Path(data)), "NIH boxes": boxed(Path(data))}
    for name, every in judges.items():
        cases = [case for case in every if case.facts["patient"] not in seen]
        scored = arms(tune, cases, weights, options)
        rows = judged(cases, scored, options)
        rows.to_csv(out / f"{name.replace(' ', '_')}.tsv", sep="\t", index=False)
        montage(cases, scored, options, out / f"{name.replace(' ', '_')}.png")
        sys.stdout.write(f"\n{name}, {len(cases)} films\n\n{table(rows)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
