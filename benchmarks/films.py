"""Real films for the measurements of painted opacities: read, labeled, and painted on.

DATA is a folder of public collections (their SOURCE.md says where each comes from):
`cxr_gb_anatomy_pathology_NC` (radiologists' masks of opacities; only measured, nothing learned),
`cxr_nih_256` (adults, "No Finding" or pneumonia) and `cxr_kermany_224` (children). Nothing of it
is in this repository.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.data import preprocess
from radfoundry.data.gate.source import Raw

SIZE = 256
GB = "cxr_gb_anatomy_pathology_NC"
ANATOMY = {"left_lung": "lung_left", "right_lung": "lung_right", "cardiomediastinum": "heart"}
OPACITIES = {"ground_glass_opacities": "ground_glass", "consolidation": "consolidation"}


def gray(path: Path) -> np.ndarray:
    """Return a picture file as float32 rows and columns, 0 to 255."""
    return np.asarray(Image.open(path).convert("L"), np.float32)


def masked(data: Path) -> list[Case]:
    """Return the films whose opacities radiologists outlined, with anatomy and findings."""
    rows = pd.read_csv(data / GB / "metadata.csv", dtype=str)
    return [film for row in rows.itertuples() if (film := _masked(data / GB, row)) is not None]


def _masked(folder: Path, row: tuple) -> Case | None:
    image, record = _prepared(gray(folder / row.case / "image.jpg"))

    def drawn(words: dict[str, str]) -> dict[str, np.ndarray]:
        paths = {word: folder / row.case / f"{name}.png" for name, word in words.items()}
        return {w: np.array(Image.open(p)) > 0 for w, p in paths.items() if p.exists()}

    anatomy, opacities = drawn(ANATOMY), drawn(OPACITIES)
    if not {"lung_left", "lung_right", "heart"} <= set(anatomy) or not opacities:
        return None
    findings = np.zeros(next(iter(anatomy.values())).shape, np.uint8)
    for word, mask in opacities.items():
        findings[mask] = regions.label_id(word)
    labels = regions.compose(anatomy)
    placed = [preprocess.like(volume.plane(m), record) for m in (labels, findings)]
    return Case(row.case, image, *placed, {"patient": f"gb-{row.patient}", "findings": "opacity"})


def _prepared(picture: np.ndarray) -> tuple:
    raw = Raw(volume.radiograph(picture), "", False)
    return preprocess.radiograph(raw, {"size": SIZE, "polarity": "ignore", "rotation": "ignore"})


def listed(data: Path, collection: str) -> pd.DataFrame:
    """Return path, patient and whether diseased of the films of "nih" or "kermany"."""
    if collection == "nih":
        rows = pd.read_csv(data / "cxr_nih_256/labels.csv", dtype=str)
        paths = [data / "cxr_nih_256/images" / name for name in rows["image"]]
        ill = rows["findings"] != "No Finding"
    else:
        rows = pd.read_csv(data / "cxr_kermany_224/labels.csv", dtype=str)
        paths = [data / f"cxr_kermany_224/images/{name}.jpeg" for name in rows["image"]]
        ill = rows["kind"] != "normal"
    patients = collection + "-" + rows["patient"]
    return pd.DataFrame({"path": paths, "patient": patients, "ill": ill})


def films(data: Path, collection: str, ill: bool, n: int, seed: int = 0) -> list[Case]:
    """Return a film each of n patients, chosen by the seed, both lungs and heart labeled by pbtseg.

    A film whose lungs fail the quality control is left out, as the workflow leaves it out.
    """
    rows = listed(data, collection)
    rows = rows[rows["ill"] == ill].drop_duplicates("patient").sample(frac=1, random_state=seed)
    segment, found = load("segmenters", "pbtseg").prepare({}), []
    for row in rows.itertuples():
        image, _ = _prepared(gray(row.path))
        labels = segment(image)
        if all(regions.mask(labels, name).mean() > 0.02 for name in ("lung_left", "lung_right")):
            facts = {"patient": row.patient, "findings": "opacity" if ill else ""}
            found.append(Case(row.path.stem, image, labels, np.zeros_like(labels), facts))
        if len(found) == n:
            break
    return found


def painted(sources: list[Case], options: dict | None = None, seed: int = 0) -> list[Case]:
    """Return one sample of each source by the generator's own plan, without those that fail."""
    artasyn = load("generators", "artasyn")
    columns = {"split": "train", "lung_right": "present", "lung_left": "present", "findings": ""}
    table = pd.DataFrame([{"case": case.name, **columns} for case in sources])
    plan = artasyn.plan(table, {"count": len(sources), "per_case": 1, **(options or {})}, seed)
    named, samples = {case.name: case for case in sources}, []
    for request in plan.to_dict("records"):
        try:
            samples.append(artasyn.draw(request, named[request["source"]]))
        except ValueError:
            continue
    return samples


def shape_of(sample: Case) -> str:
    """Return the shape that a painted sample says it has; "real" where none is said."""
    return str(sample.facts.get("shape", "real"))


def of(cases: list[Case], look: Callable[[Case], dict]) -> pd.DataFrame:
    """Return what is seen in each case, a row each."""
    return pd.DataFrame([{"case": c.name, "patient": c.facts["patient"], **look(c)} for c in cases])


def parameters(sample: Case) -> str:
    """Return what was asked of a painted sample, as text."""
    return json.dumps({k: sample.facts.get(k) for k in ("shape", "strength", "sides")})
