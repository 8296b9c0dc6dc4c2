"""A brain with a tumour, and engines that draw as asked without having learned anything."""

from dataclasses import dataclass

import numpy as np

from radfoundry.case import Case
from radfoundry.generators.tscr import asking
from radfoundry.generators.tscr.drawing import Networks
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank
from radfoundry.volume import Volume

CORE, RIM, BRAIN = 47, 48, 27
VOLUME, MEAN = "whole_shape_MeshVolume", "rim_firstorder_Mean"
CROP = 16


def brain(name="one", radius=4, size=32, at=(10, 16, 16)):
    """Return a brain of noise with a ball of two regions; without one where the radius is 0."""
    grid = np.indices((size,) * 3)
    far = np.sqrt(sum((line - middle) ** 2 for line, middle in zip(grid, at, strict=True)))
    findings = np.zeros((size,) * 3, np.uint8)
    findings[far < radius] = RIM
    findings[far < radius / 2] = CORE
    noise = np.random.default_rng(5).normal(0.5, 0.02, findings.shape)
    image = np.where(findings > 0, 0.9, noise).astype(np.float32)
    anatomy = np.zeros_like(findings)
    anatomy[2:-2, 2:-2, 2:-2] = BRAIN
    shown = "tumour_core|tumour_rim" if radius else ""
    facts = {"patient": f"p-{name}", "findings": shown}
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-30, -20, 10)
    return Case(name, Volume(image, affine), anatomy, findings, facts)


@dataclass(frozen=True)
class Balls:
    """Draws a ball of the volume that is asked for."""

    table: Table
    off: float = 0.0  # deviations of the logarithm of its volume, by chance

    def draw(self, scores, known, spacings_mm, seeds):
        rows = zip(scores, known, spacings_mm, seeds, strict=True)
        return np.stack([self._ball(*row) for row in rows])

    def _ball(self, scores, known, spacing, seed):
        asked = asking.features.decode(scores, known, self.table)
        volume = asked.get(VOLUME, 800.0) * np.exp(by_chance(seed, self.off))
        radius = (3 * volume / (4 * np.pi)) ** (1 / 3) / spacing[0]
        grid = np.indices((CROP,) * 3) - CROP // 2
        far = np.sqrt((grid**2).sum(0))
        return (far < radius).astype(np.uint8) + (far < radius / 2)


@dataclass(frozen=True)
class Flat:
    """Draws the mean that is asked for; the window's middle where nothing is known."""

    table: Table
    off: float = 0.0  # of its level, by chance

    def draw(self, crops, scores, known, seeds):
        rows = zip(crops, scores, known, seeds, strict=True)
        return [self._filled(*row) for row in rows]

    def _filled(self, crop, scores, known, seed):
        asked = asking.features.decode(scores, known, self.table)
        level = 2 * (asked.get(MEAN, 0.5) + by_chance(seed, self.off)) - 1 if known.any() else 0.0
        return np.where(crop.regions > 0, np.float32(level), crop.image)


def by_chance(seed, deviation):
    return deviation * np.random.default_rng(seed).normal()


def networks(masks="diffusion", texture="inpainting", off=0.0):
    """Return engines for a bank of three real tumours; they err by as much as `off` says."""
    values = [{VOLUME: 500.0, MEAN: 0.7}, {VOLUME: 900.0, MEAN: 0.8}, {VOLUME: 1500.0, MEAN: 0.9}]
    shape, look = Table.fitted(values, [VOLUME]), Table.fitted(values, [MEAN])
    names = ("t0", "t1", "t2")
    bank = Bank(names, names, values, shape, look, {"modality": "MR"}, (2.0, 2.0, 2.0))
    card = {"window": [0.0, 1.0], "crop": CROP, "lesion": "tumour"}
    return Networks(bank, {masks: Balls(shape, 4 * off)}, {texture: Flat(look, off)}, card)
