"""A body as a radiograph's rays meet it: lengths of tissue, projected truth, marks of findings."""

from collections.abc import Mapping

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.phantoms._bodies import cage, devices, film, lesions, skeleton, thorax, trees
from radfoundry.phantoms._bodies.space import joined

LEAST_LUNG_MM = 8.0  # lung along a ray that makes it part of the lung field
LEAST_CHANGE_MM = 3.0  # water along a ray that a finding must add or take to be marked
LEAST_SHARE = 0.12  # and of its greatest change
THICKEST_MM = 16.0  # vessels that cross in projection share the lung they lie in
MARKINGS = 1.5  # airway walls and connective tissue along the vessels
GOALS = 380  # twigs of each vessel tree


class Scene:
    """Lengths (mm) of every tissue along the ray of every pixel, pictured (rows, columns).

    Attributes:
        maps: body, lung_right, lung_left, heart, mediastinum and gas.
        lungs: Both lungs.
        changes: Water that each finding adds (or takes), one map per finding.
        bone: Dense bone beyond soft tissue; metal as its equal in dense bone.
        vessels: Vessels inside the lungs.
    """

    def __init__(self, parameters: Mapping, view: film.View) -> None:
        self.body, self.view, self.findings = parameters["body"], view, parameters["findings"]
        self.exam = lesions.affected(parameters["exam"], self.findings)
        deep = 1.15 * (self.body["depth"] + self.body["belly"] + self.body["wall"])
        step = view.size * view.pixel_mm / (60 + 0.35 * view.size)
        self.grid = film.rays(view, deep, step)
        self.organs = thorax.organs(self.body, self.exam, self.grid)
        self.maps = {n: self._seen(v) for n, v in vars(self.organs).items()}
        self.lungs = self.maps["lung_right"] + self.maps["lung_left"]
        self.changes = [self._change(f) for f in self.findings]
        fine = max(0.7 * view.pixel_mm, 0.8)
        bones = joined(list(skeleton.skeleton(self.body, self.exam, fine).values()))
        metal = devices.points(parameters["devices"], self.body, self.exam)
        self.bone = film.splatted(bones, view) + film.splatted(metal, view)
        self.vessels = self._vessels()

    def _seen(self, filled: np.ndarray) -> np.ndarray:
        return film.shown(film.along_rays(filled, self.grid), self.view, self.grid.step_mm[0])

    def _change(self, finding: Mapping) -> np.ndarray:
        if finding["name"] == "cardiomegaly":
            return np.zeros_like(self.lungs)
        lung = getattr(self.organs, f"lung_{finding['side']}")
        replaced = lesions.share(self.body, self.exam, finding, self.grid) * lung
        return self._seen(replaced) * np.float32(lesions.added_density(finding["name"]))

    def _vessels(self) -> np.ndarray:
        total = np.zeros_like(self.lungs)
        for side in (1, -1):
            for tree in trees.lung_trees(self.body, self.exam, side, GOALS):
                points = trees.vessel_points(tree, self.view.pixel_mm)
                total += film.splatted(points, self.view)
        return THICKEST_MM * np.tanh(total / THICKEST_MM) * np.clip(self.lungs / 25, 0, 1)

    def attenuation(self, aerated: float, diseased: bool) -> np.ndarray:
        """Return the optical depth of each ray.

        Args:
            aerated: Density of healthy lung, water 1.
            diseased: Whether findings of the lung are in place.
        """
        water = self.maps["body"] - (1 - aerated) * self.lungs - self.maps["gas"]
        water = np.maximum(water + (1 - aerated) * MARKINGS * self.vessels, 0)
        if diseased:
            water = np.maximum(water + sum(self.changes, np.zeros_like(water)), 0)
        return film.WATER_PER_MM * water + film.BONE_PER_MM * self.bone

    def truth(self) -> dict[str, np.ndarray]:
        """Return projected regions: lung_right, lung_left, heart and mediastinum, booleans."""
        masks = {}
        for name, side in (("lung_right", 1), ("lung_left", -1)):
            lung = self._seen(thorax.lung_field(self.body, self.exam, self.grid, side))
            masks[name] = (lung > LEAST_LUNG_MM) & self._above_dome((side,))
        masks["heart"] = self.maps["heart"] > LEAST_LUNG_MM
        chest = self.grid.z < 0.05 * self.body["width"]
        middle = self._seen(self.organs.mediastinum * chest) > 0.35 * self.body["depth"]
        masks["mediastinum"] = middle & self._above_dome((1, -1))
        return masks

    def _above_dome(self, sides: tuple[int, ...]) -> np.ndarray:
        """Return which pixels lie above the contour of the diaphragm as it is seen."""
        x, y = self.grid.x[..., 0], self.grid.y[..., 0]
        inside = (np.abs(x) < self.body["width"]) & (np.abs(y) < 0.9 * self.body["depth"])
        floors = [cage.diaphragm(self.body, self.exam, x, y, side) for side in sides]
        highest = np.where(inside, np.max(floors, axis=0), -1e4)[..., None]
        above = np.all(self.grid.z >= highest, axis=1).astype(np.float32)
        return film.shown(above, self.view, self.grid.step_mm[0]) > 0.5

    def marks(self, truth: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the findings map (uint8): later findings over earlier ones, a heart below all."""
        labels = np.zeros(self.lungs.shape, np.uint8)
        lungs = truth["lung_right"] | truth["lung_left"]
        for finding, change in zip(self.findings, self.changes, strict=True):
            least = max(LEAST_CHANGE_MM, LEAST_SHARE * float(np.abs(change).max()))
            mask = (np.abs(change) > least) & lungs
            if finding["name"] == "cardiomegaly":
                mask = truth["heart"] & (labels == 0)
            labels[mask] = regions.label_id(finding["name"])
        return labels
