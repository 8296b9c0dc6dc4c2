"""Chest CT of geometric bodies: Hounsfield units, with lobes, airways, vessels and findings.

The patient lies on the back with arms raised. The grid spans the chest from the neck to the upper
abdomen; its voxels are as large as `size` asks for, so spacing differs from case to case.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry import anatomy, prompts
from radfoundry.bodies import (
    cage,
    cohort,
    findings,
    habitus,
    lesions,
    mediastinum,
    skeleton,
    thorax,
    trees,
    trunk,
)
from radfoundry.bodies.space import Grid, Points, joined, put_tube, solid
from radfoundry.case import Case
from radfoundry.volume import Volume

# Per site: ages, share of children, mean build, noise, blood (with or without contrast), margin of
# the slices around the body, aerated lung.
SITES: Mapping[str, Mapping] = {
    "a": {"ages": [25, 90], "children": 0.0, "build": 0.3, "noise_hu": [8, 16],
          "blood_hu": [35, 50], "margin": [1.02, 1.08], "lung_hu": [-880, -830]},
    "b": {"ages": [40, 92], "children": 0.0, "build": 0.55, "noise_hu": [22, 40],
          "blood_hu": [140, 240], "margin": [1.1, 1.25], "lung_hu": [-850, -790]},
}  # fmt: skip
OPTIONS = {
    "patients": 24,
    "exams": [1, 2],
    "size": 64,
    "site": "a",
    "variety": "cohort",
    "findings": {
        "opacity": 0.1,
        "consolidation": 0.15,
        "ground_glass": 0.15,
        "pleural_effusion": 0.25,
        "nodule": 0.15,
        "emphysema": 0.2,
        "cardiomegaly": 0.2,
    },
}
AIR_HU, FAT_HU, MEDIASTINUM_HU, MUSCLE_HU = (np.float32(v) for v in (-1000, -100, 20, 50))
FLUID_HU, BULLA_HU, BONE_HU = (np.float32(v) for v in (25, -975, 1250))
AIRWAY_GOALS, VESSEL_GOALS = 60, 260  # twigs of each tree
LEAST_SHARE = 0.2  # of a voxel that a finding replaces; less is left out of image and mask alike
MARKED_SHARE = 0.3  # of a voxel that vessel or bronchus fills to name it
BONE_SHARE = 0.12  # the same for dense bone, which is a thin shell


def plan(options: Mapping, rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of a cohort, with every random choice written down.

    Args:
        options: See `OPTIONS`: patients, exams (least, most per patient), size (voxels along each
            axis), site (of `SITES`), variety ("cohort" or "wide"), findings (prevalence of each).
        rng: Makes every choice.
    """
    options = cohort.checked(options, OPTIONS, SITES)
    site = SITES[options["site"]]
    return pd.DataFrame([_row(v, options, site, rng) for v in cohort.visits(options, site, rng)])


def _row(visit: tuple, options: Mapping, site: Mapping, rng: np.random.Generator) -> dict:
    """Return one examination's row: breath, findings, dose and grid are its own."""
    case, patient, body = visit
    exam = habitus.examination(rng, body, "CT", options["variety"])
    found = findings.choose(rng, options["findings"], "CT")
    scan = {n: round(float(rng.uniform(*site[n])), 4) for n in ("noise_hu", "blood_hu", "lung_hu")}
    parameters = {
        "case": case, "patient": patient, "site": options["site"], "view": "", "body": body,
        "size": int(options["size"]), "exam": exam, "findings": found, "scan": scan,
        "span_mm": _span(body, exam, float(rng.uniform(*site["margin"]))),
        "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    return {"case": case} | cohort.facts(parameters) | {
        "report": prompts.compose(found, rng), "age": body["age"],
        "spacing_mm": round(parameters["span_mm"][0] / options["size"], 4),
        "parameters": json.dumps(parameters, sort_keys=True),
    }  # fmt: skip


def _span(body: Mapping, exam: Mapping, margin: float) -> list[float]:
    """Return width of the square slices and lowest and highest z, mm."""
    low = min(cage.dome(body, exam, 1), cage.dome(body, exam, -1))
    across = 2 * margin * (body["width"] + body["wall"])
    return [round(v, 3) for v in (across, low - 0.7 * body["width"], 0.25 * body["width"])]


def draw(parameters: Mapping) -> Case:
    """Return one CT with its truth, a pure function of the row's parameters.

    Image: float32 HU (X, Y, Z). Anatomy: lobes, airways, vessels in the lungs, heart, aorta, ribs,
    spine, clavicles, mediastinum, abdomen and the rest of the body. Findings: the voxels that a
    finding changes; outside them the image is what it would be without it, bit for bit.
    """
    chest = _Chest(parameters)
    image, marks = chest.tissues(), np.zeros(chest.grid.shape, np.uint8)
    for finding in parameters["findings"]:
        share = chest.share(finding)
        # Fluid never thins a vessel and a bulla never fills an airway: changes go one way.
        bulla = lesions.added_density(finding["name"]) < 0
        change = share * ((BULLA_HU if bulla else FLUID_HU) - image)
        image += np.minimum(change, 0) if bulla else np.maximum(change, 0)
        marks[share > 0] = anatomy.label_id(finding["name"])
        if finding["name"] == "cardiomegaly":
            marks[(chest.organs.heart > 0.5) & (marks == 0)] = anatomy.label_id("cardiomegaly")
    image = np.clip(image + chest.noise(), -1024, 3071).astype(np.float32)
    volume = Volume(image, chest.affine)
    return Case(parameters["case"], volume, chest.labels(), marks, cohort.facts(parameters))


class _Chest:
    """How much of each voxel every tissue fills, and what that looks like in CT."""

    def __init__(self, parameters: Mapping) -> None:
        self.parameters, self.body = parameters, parameters["body"]
        self.exam = lesions.affected(parameters["exam"], parameters["findings"])
        self.grid, self.affine = _grid(parameters)
        self.organs = thorax.organs(self.body, self.exam, self.grid)
        self.lungs = self.organs.lung_right + self.organs.lung_left
        step = max(2.0, 0.4 * min(self.grid.step_mm))
        bones = skeleton.skeleton(self.body, self.exam, step)
        self.bones = {name: self._solid(points) for name, points in bones.items()}
        self.vessels, self.bronchi = (
            self._solid(joined(parts)) * self.lungs for parts in self._branches()
        )
        self.airway = self._tubes(mediastinum.airway(self.body, self.exam))
        self.aorta = self._tubes(mediastinum.great_vessels(self.body, self.exam)[:1])

    def _solid(self, points: Points) -> np.ndarray:
        return solid(points, self.affine, self.grid.shape)

    def _tubes(self, tubes: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        depth = np.full(self.grid.shape, mediastinum.FAR)
        for nodes, radii in tubes:
            put_tube(depth, self.grid, nodes, radii)
        return self.grid.filled(depth)

    def _branches(self) -> tuple[list[Points], list[Points]]:
        """Return vessels and bronchi of both lungs."""
        args, step = (self.body, self.exam), min(self.grid.step_mm)
        trunks = [tree for side in (1, -1) for tree in trees.lung_trees(*args, side, VESSEL_GOALS)]
        bronchi = [trees.airway_tree(*args, side, AIRWAY_GOALS) for side in (1, -1)]
        points = (
            [trees.vessel_points(t, 0.5 * step) for t in group] for group in (trunks, bronchi)
        )
        return next(points), next(points)

    def tissues(self) -> np.ndarray:
        """Return the body without findings of the lung, in HU."""
        scan, organs = self.parameters["scan"], self.organs
        below = trunk.trunk_depth(self.body, self.exam, self.grid)
        fat = np.clip((self.body["fat"] - below) / self.grid.edge_mm + 0.5, 0, 1)
        cavity = self.grid.filled(cage.cavity_depth(self.body, self.grid))
        fat *= 1 - cavity
        image = MUSCLE_HU + fat * (FAT_HU - MUSCLE_HU)
        layers = (
            (organs.mediastinum, MEDIASTINUM_HU), (organs.heart, scan["blood_hu"]),
            (self.aorta, scan["blood_hu"]), (self.lungs, scan["lung_hu"]),
            (self.vessels, scan["blood_hu"]), (0.5 * self.bronchi, FLUID_HU),
            (self.bronchi, AIR_HU), (organs.gas, AIR_HU), (1 - organs.body, AIR_HU),
        )  # fmt: skip
        for share, level in layers:
            image += share * (np.float32(level) - image)
        return image + BONE_HU * np.minimum(sum(self.bones.values()), 1)

    def share(self, finding: Mapping) -> np.ndarray:
        """Return how much of each voxel a finding of the lung replaces; hardly any is none."""
        if finding["name"] == "cardiomegaly":
            return np.zeros(self.grid.shape, np.float32)
        lung = getattr(self.organs, f"lung_{finding['side']}")
        share = lesions.share(self.body, self.exam, finding, self.grid) * lung
        return np.where(share < LEAST_SHARE, np.float32(0), share)

    def labels(self) -> np.ndarray:
        """Return the anatomy map (uint8): the finer structure over the coarser."""
        grid, organs = self.grid, self.organs
        sides = (cage.diaphragm(self.body, self.exam, grid.x, grid.y, s) for s in (1, -1))
        floor = np.where(grid.x > 0, *sides)
        regions = {"body": organs.body > 0.5, "mediastinum": organs.mediastinum > 0.5}
        regions["abdomen"] = regions["body"] & (grid.z < floor)
        regions |= {n: self.bones[n] > BONE_SHARE for n in ("rib", "spine", "clavicle")}
        regions |= {"heart": organs.heart > 0.5, "aorta": self.aorta > 0.5}
        regions |= self._lobes()
        regions["lung_vessel"] = (self.vessels > MARKED_SHARE) & (self.lungs > 0.5)
        regions["airway"] = (self.airway > 0.5) | (self.bronchi > MARKED_SHARE)
        labels = np.zeros(grid.shape, np.uint8)
        for name, mask in regions.items():
            labels[mask] = anatomy.label_id(name)
        return labels

    def _lobes(self) -> dict[str, np.ndarray]:
        """Return the five lobes by their names in `labels.yaml`."""
        out = {}
        for side, lobes in findings.LOBES.items():
            lung = getattr(self.organs, f"lung_{side}") > 0.5
            sign = lesions.SIDES[side]
            for lobe in lobes:
                depth = lesions.lobe_depth(self.body, self.exam, self.grid, sign, lobe)
                out[f"lung_{lobe.replace(' ', '_')}_{side}"] = lung & (depth >= 0)
        return out

    def noise(self) -> np.ndarray:
        """Return the noise of the dose, in HU, grainy as a reconstruction's."""
        rng = np.random.default_rng(self.parameters["seed"])
        grain = ndimage.gaussian_filter(rng.normal(size=self.grid.shape), 0.55)
        return (self.parameters["scan"]["noise_hu"] / grain.std() * grain).astype(np.float32)


def _grid(parameters: Mapping) -> tuple[Grid, np.ndarray]:
    """Return the voxels' places and the affine, RAS+."""
    n = parameters["size"]
    across, low, high = parameters["span_mm"]
    step, rise = across / n, (high - low) / n
    line = (np.arange(n) + 0.5) * step - 0.5 * across
    z = low + (np.arange(n) + 0.5) * rise
    x, y = np.meshgrid(line, line, indexing="ij")
    affine = np.diag([step, step, rise, 1.0])
    affine[:3, 3] = line[0], line[0], z[0]
    tall = np.broadcast_to(z.astype(np.float32), (1, n, n))
    x, y = (a.astype(np.float32)[..., None] for a in (x, y))
    return Grid(x, y, tall, (step, step, rise)), affine
