"""A tumour of two regions in an organ: kidney or lung in CT, breast or brain in MR.

Size, shape and texture of core and rim are asked for in the parameters and drawn as asked, so
that radiomics, and generators that steer them, have a truth to be measured against.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.phantoms._bodies import cohort, organs, painting, tumours
from radfoundry.phantoms._bodies.space import Grid, regular
from radfoundry.volume import Volume

# Per site: ages, noise (HU; in MR parts of a thousand), strength of the MR bias field, and how
# large the field of view is against the usual.
SITES: Mapping[str, Mapping] = {
    "a": {"ages": [30, 85], "noise": [6, 12], "bias": [0.05, 0.12], "field": [0.95, 1.05]},
    "b": {"ages": [45, 90], "noise": [14, 24], "bias": [0.15, 0.28], "field": [1.05, 1.2]},
}
MODALITIES = ("CT", "MR")  # by organ
OPTIONS = {
    "patients": 24,
    "exams": [1, 1],
    "size": 48,
    "site": "a",
    "organ": "kidney_ct",
    "spacing": None,
    "findings": {"tumour": 1.0},
}
# Per organ: structure, usual field of view (mm), diameters (mm), and the ranges of mean and
# heterogeneity of core and rim, in the image's units.
ORGANS: Mapping[str, Mapping] = {
    "kidney_ct": {"structure": "kidney", "field_mm": 150, "diameter_mm": [18, 55],
                  "core": ([10, 45], [4, 18]), "rim": ([70, 130], [8, 28])},
    "lung_ct": {"structure": "lung", "field_mm": 150, "diameter_mm": [14, 45],
                "core": ([-10, 30], [8, 30]), "rim": ([25, 75], [10, 35])},
    "breast_mr": {"structure": "breast", "field_mm": 150, "diameter_mm": [14, 42],
                  "core": ([180, 360], [20, 60]), "rim": ([560, 820], [30, 90])},
    "brain_mr": {"structure": "brain", "field_mm": 190, "diameter_mm": [18, 55],
                 "core": ([130, 240], [12, 40]), "rim": ([560, 760], [30, 90])},
}  # fmt: skip
SHAPE: Mapping = {"elongation": [0.5, 1.0], "sphericity": [0.72, 0.95]}
TEXTURE_MM, CORE_SHARE, GROWTH = [3.0, 10.0], [0.1, 0.5], [0.9, 1.3]
NOISE_MR = 1.2  # noise of MR, in units of an image, for each unit of a site's noise
BIAS_REACH = 0.6  # of the field of view: over which the bias of MR changes
SHIFT_MM = 4.0  # how far the organ lies from the middle of the image


def plan(options: Mapping, rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of a cohort, with every random choice written down.

    Args:
        options: See `OPTIONS`: patients, exams (least, most per patient), size (voxels along each
            axis), site (of `SITES`), organ (of `ORGANS`), spacing (mm; None shows the whole
            organ), findings (prevalence of "tumour").
        rng: Makes every choice.

    Raises:
        ValueError: If site, organ or a finding is unknown.
    """
    options = _checked(options)
    rows = []
    for i in range(options["patients"]):
        person = _person(rng, SITES[options["site"]])
        tumour = _tumour(rng, options["organ"])
        sick = rng.random() < options["findings"].get("tumour", 0)
        least, most = options["exams"]
        for exam in range(int(rng.integers(least, most + 1))):
            name = f"{options['site']}{i:04d}"
            visit = (f"{name}-{exam}", name, person)
            if exam:  # the tumour of a later examination has grown or shrunk
                tumour = tumour | {"diameter_mm": _drawn(rng, GROWTH, tumour["diameter_mm"])}
            rows.append(_row(visit, options, tumour if sick else None, rng))
    return pd.DataFrame(rows)


def _checked(options: Mapping) -> dict:
    full = {**OPTIONS, **options}
    for name, allowed in {"site": SITES, "organ": ORGANS}.items():
        if full[name] not in allowed:
            raise ValueError(f"{name} is {full[name]!r}: choose from {', '.join(allowed)}")
    unknown = sorted(set(full["findings"]) - {"tumour"})
    if unknown:
        raise ValueError(f"no findings {unknown}: choose from tumour")
    return full


def _drawn(rng: np.random.Generator, span: Sequence[float], scale: float = 1.0) -> float:
    low, high = span
    return round(scale * float(rng.uniform(low, high)), 4)


def _person(rng: np.random.Generator, site: Mapping) -> dict:
    """Return a patient and the shape of the organ, the same for all organs."""
    return {
        "sex": str(rng.choice(["F", "M"])), "age": _drawn(rng, site["ages"]),
        "scale": _drawn(rng, [0.92, 1.08]), "tilt": _drawn(rng, [0.5, 1.5]),
        "dense": _drawn(rng, [-0.4, 0.9]), "wide": _drawn(rng, [0.8, 1.3]),
        "seed": int(rng.integers(2**31)),
    }  # fmt: skip


def _tumour(rng: np.random.Generator, organ: str) -> dict:
    """Return a tumour as it is asked for: shape, and both regions."""
    known = ORGANS[organ]
    heading = rng.normal(size=3)
    at = heading / np.linalg.norm(heading) * rng.uniform(0.3, 1) * organs.ROOM[organ]
    out: dict = {name: _drawn(rng, span) for name, span in SHAPE.items()}
    out |= {"center_mm": np.round(at, 3).tolist(), "seed": int(rng.integers(2**31))}
    out |= {"diameter_mm": _drawn(rng, known["diameter_mm"]), "findings": []}
    for region in ("core", "rim"):
        mean, heterogeneity = known[region]
        finding: dict = {"name": f"tumour_{region}", "mean": _drawn(rng, mean)}
        finding |= {"heterogeneity": _drawn(rng, heterogeneity)}
        out["findings"].append(finding | {"texture_mm": _drawn(rng, TEXTURE_MM)})
    return out | {"core_share": _drawn(rng, CORE_SHARE)}


def _row(visit: tuple, options: Mapping, tumour: Mapping | None, rng: np.random.Generator) -> dict:
    """Return one examination's row; without a tumour it has no findings."""
    case, patient, body = visit
    site, size = SITES[options["site"]], np.broadcast_to(options["size"], 3)
    exam = {name: _drawn(rng, site[name]) for name in ("noise", "bias", "field")}
    exam["shift_mm"] = np.round(rng.uniform(-SHIFT_MM, SHIFT_MM, 3), 3).tolist()
    whole = ORGANS[options["organ"]]["field_mm"] * exam["field"] / size.max()
    spacing = np.broadcast_to(options["spacing"] or whole, 3)
    shape = dict(tumour or {})
    parameters = {
        "case": case, "patient": patient, "site": options["site"], "view": "", "body": body,
        "organ": options["organ"], "size": size.tolist(), "exam": exam,
        "spacing_mm": np.round(spacing, 4).tolist(), "findings": shape.pop("findings", []),
        "tumour": shape, "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    return {"case": case} | cohort.facts(parameters) | {
        "report": _report(parameters), "age": body["age"],
        "spacing_mm": parameters["spacing_mm"][0],
        "parameters": json.dumps(parameters, sort_keys=True),
    }  # fmt: skip


def _report(parameters: Mapping) -> str:
    organ = ORGANS[parameters["organ"]]["structure"]
    if not parameters["findings"]:
        return f"No mass in the {organ}."
    size = round(parameters["tumour"]["diameter_mm"])
    return f"Mass of {size} mm in the {organ} with a core unlike its rim."


def draw(parameters: Mapping) -> Case:
    """Return one image with its truth, a pure function of the row's parameters.

    Image: float32 (X, Y, Z), HU in CT, positive units of its own in MR. Anatomy: the organ, its
    tumour included, and the rest of the body. Findings: tumour_core and tumour_rim, outside of
    which the image is what it would be without them, bit for bit.
    """
    grid, affine = _grid(parameters)
    image, organ = organs.DRAWN[parameters["organ"]](parameters["body"], grid)
    body = ndimage.binary_fill_holes(image > (-500 if _is_ct(parameters) else 60)) | organ
    marks = np.zeros(grid.shape, np.uint8)
    if parameters["findings"]:
        image, marks = _with_tumour(parameters, grid, image)
    labels = regions.compose(
        {"body": body, ORGANS[parameters["organ"]]["structure"]: organ | (marks > 0)}
    )
    volume = Volume(_scanned(parameters, grid, image), affine)
    return Case(parameters["case"], volume, labels, marks, cohort.facts(parameters))


def _is_ct(parameters: Mapping) -> bool:
    return parameters["organ"].endswith("_ct")


def _with_tumour(
    parameters: Mapping, grid: Grid, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the image with both regions of the tumour, and the findings map."""
    tumour, marks = parameters["tumour"], np.zeros(grid.shape, np.uint8)
    whole, core = tumours.regions(tumour, tumour["core_share"], grid)
    inside = {"tumour_core": core, "tumour_rim": whole & ~core}
    for finding in parameters["findings"]:
        number = regions.label_id(finding["name"])
        rng = np.random.default_rng([tumour["seed"], number])
        grain = painting.texture(rng, grid, finding["texture_mm"])
        image = tumours.painted(image, inside[finding["name"]], finding, grain)
        marks[inside[finding["name"]]] = number
    return image, marks


def _scanned(parameters: Mapping, grid: Grid, image: np.ndarray) -> np.ndarray:
    """Return the image as the scanner gives it: noise, and in MR a smooth bias."""
    rng, exam = np.random.default_rng(parameters["seed"]), parameters["exam"]
    first, second = (painting.grain(rng, grid.shape) for _ in range(2))
    noise = np.float32(exam["noise"])
    if _is_ct(parameters):
        return np.clip(image + noise * first, -1024, 3071)
    field = painting.texture(rng, grid, BIAS_REACH * max(np.multiply(grid.shape, grid.step_mm)))
    center = parameters["tumour"].get("center_mm", (0, 0, 0))
    at = [
        int(np.argmin(np.abs(line - middle)))
        for line, middle in zip(painting.lines(grid), center, strict=True)
    ]
    bias = np.exp(np.float32(exam["bias"]) * (field - field[tuple(at)]))
    noise *= np.float32(NOISE_MR)
    return np.hypot(image * bias + noise * first, noise * second).astype(np.float32)


def _grid(parameters: Mapping) -> tuple[Grid, np.ndarray]:
    """Return the voxels' places and the affine, RAS+; the organ's middle is the origin."""
    step, counts = np.asarray(parameters["spacing_mm"]), parameters["size"]
    first = -0.5 * (np.asarray(counts) - 1) * step + parameters["exam"]["shift_mm"]
    return regular(first, step, counts)
