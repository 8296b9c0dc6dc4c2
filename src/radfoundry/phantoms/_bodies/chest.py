"""A chest as a CT shows it: how much of each voxel every tissue fills, its HU, and its names."""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.phantoms._bodies import (
    branches,
    extras,
    fissures,
    lesions,
    painting,
    skeleton,
    surroundings,
    viscera,
)
from radfoundry.phantoms._bodies.cage import cavity_depth
from radfoundry.phantoms._bodies.findings import LOBES
from radfoundry.phantoms._bodies.mediastinum import FAR
from radfoundry.phantoms._bodies.space import Grid, joined, put_tube

AIR_HU, FAT_HU, SKIN_HU, MUSCLE_HU, GLAND_HU = (np.float32(v) for v in (-1000, -105, -10, 52, 25))
SOFT_HU, LIVER_HU, SPLEEN_HU, STOMACH_HU = (np.float32(v) for v in (38, 58, 48, 28))
FILLED_HU, FLUID_HU, BULLA_HU, BONE_HU = (np.float32(v) for v in (40, 12, -975, 1250))
SPONGE_HU, SHELL_HU, DISC_HU, FOAM_HU, BOARD_HU = (
    np.float32(v) for v in (190, 520, 85, -930, -250)
)
SHELL_MM, SKIN_MM, FOAM_MM, BOARD_MM = 1.6, 1.8, 28.0, 2.5
GRAVITY_HU = 40.0  # how much denser the back of a lung is than its front, lying
GRAIN = ((4.0, 14.0), (22.0, 10.0))  # texture of the lung: size (mm) and deviation (HU)
LEAST_SHARE = 0.2  # of a voxel that a finding replaces; less is left out of image and mask alike
FLUID_SHARE, LEAST_CAVITY = 0.4, 0.25  # of fluid, and of room for it, in a voxel of fluid
MARKED_SHARE = 0.3  # of a voxel that vessel or bronchus fills to name it
BONE_SHARE = 0.12  # the same for dense bone, which is a thin shell
# How dense findings that are not even are on average, and how much that varies.
PATCHY = {"opacity": (0.8, 0.5), "ground_glass": (0.8, 0.5), "consolidation": (1.0, 0.2)}
CLEAR_MM = 2.5  # wall and fat of large airways, which no heart enters
AIRWAY_WALL = (0.5, 0.16)  # mm, and part of the radius


class Chest:
    """How much of each voxel every tissue fills, and what that looks like in CT."""

    def __init__(self, parameters: Mapping, grid: Grid) -> None:
        self.scan, self.body, self.grid = parameters["scan"], parameters["body"], grid
        self.findings, self.seed = parameters["findings"], parameters["seed"]
        self.extras = parameters.get("extras", {})
        self.exam = viscera.of_ct(
            parameters["exam"], lesions.affected(parameters["exam"], self.findings)
        )
        args = self.body, self.exam, grid
        self.skin, self.trunk = surroundings.skin(*args)
        self.cavity = cavity_depth(self.body, grid)
        self.floor = viscera.floor(*args)
        self.middle = viscera.between(*args)
        lungs = [self._off_the_ribs(lung) for lung in viscera.lungs(*args, self.middle)]
        self.lung_right, self.lung_left = (grid.filled(depth) for depth in lungs)
        self.lungs = self.lung_right + self.lung_left
        pipes = branches.central(self.body, self.exam)
        around = painting.tubes(grid, pipes.ends, pipes.radii + CLEAR_MM)
        self.heart = grid.filled(viscera.heart(*args)) * (1 - around)
        self.bones = self._bones()
        self._put_trees()

    def _off_the_ribs(self, depth: np.ndarray) -> np.ndarray:
        """Return a lung's depth, less where fat lies between it and the ribs."""
        if "rib_fat_mm" not in self.extras:
            return depth
        fat = extras.rib_fat(self.body, self.grid, self.extras["rib_fat_mm"])
        return np.minimum(depth, self.cavity - fat)

    def _put_trees(self) -> None:
        """Fill vessels, and lumen and wall of the airways, where there is room for them."""
        above = np.minimum(self.cavity, self.grid.z - self.floor)
        room = self.grid.filled(self._off_the_ribs(above))
        room = np.maximum(room - self.heart, 0)
        tree = branches.vessels(self.body, self.exam)
        self.vessels = painting.tubes(self.grid, tree.ends, tree.radii) * room
        room[self.grid.z[0, 0] + 0 * room > -0.12 * self.body["height"]] = 1  # trachea in the neck
        tree = branches.airways(self.body, self.exam)
        wall = AIRWAY_WALL[0] + AIRWAY_WALL[1] * tree.radii
        if "neck_mm" in self.extras:
            room = room * self.grid.filled(extras.larynx(self.body) - self.grid.z)
        self.airway = painting.tubes(self.grid, tree.ends, tree.radii) * room
        self.airway_wall = painting.tubes(self.grid, tree.ends, tree.radii + wall) * room

    def _bones(self) -> dict[str, np.ndarray]:
        step = max(0.8, 0.75 * min(self.grid.step_mm))
        points = skeleton.skeleton(self.body, self.exam, step, blocks=False)
        if "neck_mm" in self.extras:
            points["spine"] = joined([points["spine"], extras.hyoid(self.body, step)])
        inside = self.skin > 2
        return {name: painting.solid(self.grid, bone) * inside for name, bone in points.items()}

    def _tube(self, tubes: Sequence) -> np.ndarray:
        depth = np.full(self.grid.shape, FAR)
        for nodes, radii in tubes:
            put_tube(depth, self.grid, nodes, radii)
        return self.grid.filled(depth)

    def tissues(self) -> np.ndarray:
        """Return the body without findings of the lung, in HU."""
        image = np.full(self.grid.shape, AIR_HU)
        if self.scan.get("table"):
            self._put_table(image)
        self._put_wall(image)
        self._put_abdomen(image)
        self._put_middle(image)
        self._put_lungs(image)
        self._put_extras(image)
        image += BONE_HU * np.minimum(sum(self.bones.values()), 1)
        return image

    def _put_wall(self, image: np.ndarray) -> None:
        """Paint skin, fat, glands and the muscles of the chest wall."""
        rng = np.random.default_rng([self.body["tree_seed"], 21])
        uneven = [painting.texture(rng, self.grid, 0.35 * self.body["width"]) for _ in range(2)]
        muscle = surroundings.wall_muscle(self.body, self.trunk, self.cavity, uneven)
        paint = painting.Painter(image)
        paint(self.grid.filled(self.skin), SKIN_HU)
        paint(self.grid.filled(self.skin - np.float32(SKIN_MM)), FAT_HU)
        if self.body["breast"]:
            paint(self._glands(rng), GLAND_HU)
        paint(self.grid.filled(np.maximum(muscle, self.cavity)), MUSCLE_HU)

    def _glands(self, rng: np.random.Generator) -> np.ndarray:
        lumps = np.clip(0.5 + painting.texture(rng, self.grid, 14.0), 0, 1)
        return lumps * self.grid.filled(surroundings.glands(self.body, self.grid, self.skin))

    def _put_abdomen(self, image: np.ndarray) -> None:
        depths = surroundings.below(self.body, self.exam, self.grid, self.cavity)
        paint = painting.Painter(image)
        paint(self.grid.filled(depths["abdomen"] - np.float32(3)), FAT_HU)
        rng = np.random.default_rng([self.body["tree_seed"], 23])
        loops = np.clip(painting.texture(rng, self.grid, 26.0) * 3 + 0.8, 0, 1)
        paint(loops * self.grid.filled(depths["abdomen"] - np.float32(8)), STOMACH_HU)
        enhanced = np.float32(0.3) * np.float32(self.scan["blood_hu"] - 42)
        levels = {"liver": LIVER_HU + enhanced, "spleen": SPLEEN_HU + enhanced}
        for name, level in (levels | {"stomach": STOMACH_HU, "gas": AIR_HU}).items():
            paint(self.grid.filled(depths[name]), level)

    def _put_middle(self, image: np.ndarray) -> None:
        """Paint the mediastinum: its fat, spine, vessels, esophagus and heart."""
        args, blood = (self.body, self.exam), np.float32(self.scan["blood_hu"])
        grid, paint = self.grid, painting.Painter(image)
        above = np.minimum(self.cavity, grid.z - self.floor)
        paint(grid.filled(np.minimum(self.middle, above)), FAT_HU)
        column, block, canal, behind = surroundings.vertebrae(self.body, grid)
        paint(grid.filled(np.minimum(np.minimum(self.middle, self.cavity), behind)), MUSCLE_HU)
        paint(grid.filled(np.minimum(column + 3, self.skin - 8)), MUSCLE_HU)
        paint(grid.filled(canal), SOFT_HU)
        paint(grid.filled(column), DISC_HU)
        paint(grid.filled(block), SPONGE_HU + SHELL_HU * np.float32(self.body["bone"]))
        paint(grid.filled(block - np.float32(SHELL_MM)), SPONGE_HU * np.float32(self.body["bone"]))
        self.spine = column
        self.aorta = self._tube([viscera.aorta(*args)])
        paint(self._tube([viscera.gullet(*args)]), SOFT_HU)
        paint(self.heart, SOFT_HU + 12 + np.float32(0.3) * (blood - 42))
        paint(self.heart * grid.filled(viscera.chambers(*args, grid)), blood)
        paint(self._tube(viscera.vessels(*args)[1:]), blood)
        paint(self.aorta, blood)

    def _put_lungs(self, image: np.ndarray) -> None:
        paint, rng = painting.Painter(image), np.random.default_rng([self.body["tree_seed"], 22])
        level = np.full(self.grid.shape, np.float32(self.scan["lung_hu"]))
        for size, deviation in GRAIN:
            level += np.float32(deviation) * painting.texture(rng, self.grid, size)
        level -= self.grid.y * np.float32(0.5 * GRAVITY_HU / self.body["depth"])
        paint(self.lungs, level)
        paint(self._fissures(), FILLED_HU)
        paint(self.vessels, np.float32(self.scan["blood_hu"]))
        paint(self.airway_wall, SOFT_HU)
        paint(self.airway, AIR_HU)

    def _put_extras(self, image: np.ndarray) -> None:
        """Paint what was asked for beside the chest: fat on the ribs, gas of bowel and throat."""
        body, grid, paint = self.body, self.grid, painting.Painter(image)
        if "rib_fat_mm" in self.extras:
            above = np.minimum(self.cavity, grid.z - self.floor)
            ring = np.minimum(above, -self._off_the_ribs(self.cavity))
            paint(grid.filled(ring) * extras.fatty(body, grid), FAT_HU)
        if count := self.extras.get("bowel_gas"):
            depth = extras.loops(body, self.exam, grid, count, self.floor)
            extras.gas(body, grid, depth, image, (MUSCLE_HU, STOMACH_HU, AIR_HU))
        if "neck_mm" in self.extras:
            paint(grid.filled(np.minimum(extras.throat(body, grid), self.skin - 4)), AIR_HU)

    def _put_table(self, image: np.ndarray) -> None:
        """Paint the table: a curved board of foam under a thin dense skin."""
        grid, body = self.grid, self.body
        back = -1.04 * body["depth"] - body["wall"] - 4
        top = (back + 0.0007 * grid.x**2 - grid.y).astype(np.float32) + 0 * grid.z
        paint = painting.Painter(image)
        paint(grid.filled(np.minimum(top, np.float32(FOAM_MM) - top)), BOARD_HU)
        inner = np.minimum(top, np.float32(FOAM_MM) - top) - np.float32(BOARD_MM)
        paint(grid.filled(inner), FOAM_HU)

    def share(self, finding: Mapping) -> np.ndarray:
        """Return how much of each voxel a finding of the lung replaces; hardly any is none."""
        if finding["name"] == "cardiomegaly":
            return np.zeros(self.grid.shape, np.float32)
        args = self.body, self.exam, finding, self.grid
        if finding["name"] == "consolidation":
            side = lesions.SIDES[finding["side"]]
            depth = fissures.lobe_depth(*args[:2], self.grid, side, finding["location"])
            share = lesions.lobe_filled(*args, depth)
        else:
            share = lesions.share(*args)
        lung = getattr(self, f"lung_{finding['side']}")
        if finding["name"] == "pleural_effusion":  # against the wall it fills the voxel's rest
            return np.where((share < FLUID_SHARE) | (lung < LEAST_CAVITY), np.float32(0), share)
        if finding["name"] in PATCHY:
            rng = np.random.default_rng([self.body["tree_seed"], 24])
            even, uneven = PATCHY[finding["name"]]
            share = share * np.clip(even + uneven * painting.texture(rng, self.grid, 9.0), 0, 1)
        share = share * lung
        return np.where(share < LEAST_SHARE, np.float32(0), share)

    def change(self, name: str, share: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Return what a finding that fills a share of each voxel adds to the image, HU.

        Pleural fluid displaces all. Else fluid never thins a vessel and a bulla never fills an
        airway; bronchi stay open, so that a filled lobe shows them.
        """
        if name == "pleural_effusion":
            return share * (FLUID_HU - image)
        if lesions.added_density(name) < 0:
            return np.minimum(share * (BULLA_HU - image), 0)
        return np.maximum(share * (1 - self.airway) * (FILLED_HU - image), 0)

    def labels(self) -> np.ndarray:
        """Return the anatomy map (uint8); fluid and bullae hold no vessels."""
        fluid, bullae = self._found("pleural_effusion"), self._found("emphysema")
        inside, above = self.skin > 0, self.grid.z > self.floor
        masks = {"body": inside, "abdomen": inside & ~above}
        masks["mediastinum"] = (self.middle > 0) & (self.cavity > 0) & above
        bones = {n: self.bones[n] > BONE_SHARE for n in ("rib", "spine", "clavicle")}
        bones["spine"] |= self.spine > 0
        bones["aorta"] = self.aorta > 0.5
        for mask in bones.values():  # composed below the mediastinum
            masks["mediastinum"] &= ~mask
        masks |= bones | {"heart": self.heart > 0.5, "pleural_space": fluid}
        masks |= {name: mask & ~fluid for name, mask in self._lobes().items()}
        vessel = (self.vessels > MARKED_SHARE) & (self.lungs > 0.5)
        masks["lung_vessel"] = vessel & ~fluid & ~bullae
        masks["airway"] = (self.airway > MARKED_SHARE) & ~fluid
        return regions.compose(masks)

    def _found(self, name: str) -> np.ndarray:
        shares = [self.share(f) > 0 for f in self.findings if f["name"] == name]
        return np.any([np.zeros(self.grid.shape, bool), *shares], axis=0)

    def _fissures(self) -> np.ndarray:
        right, left = (fissures.sheets(self.body, self.exam, self.grid, side) for side in (1, -1))
        return right * self.lung_right + left * self.lung_left

    def _lobes(self) -> dict[str, np.ndarray]:
        """Return the five lobes by their names in `labels.yaml`."""
        out = {}
        for side, lobes in LOBES.items():
            lung = getattr(self, f"lung_{side}") > 0.5
            for lobe in lobes:
                args = self.body, self.exam, self.grid, lesions.SIDES[side], lobe
                name = f"lung_{lobe.replace(' ', '_')}_{side}"
                out[name] = lung & (fissures.lobe_depth(*args) >= 0)
        return out

    def noise(self) -> np.ndarray:
        """Return the noise of the dose, in HU, grainy as a reconstruction's."""
        grain = painting.grain(np.random.default_rng(self.seed), self.grid.shape)
        return grain * np.float32(self.scan["noise_hu"])
