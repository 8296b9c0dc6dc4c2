"""A chest radiograph drawn in a few strokes, with known masks: enough to test segmenters on."""

import numpy as np
from scipy import ndimage

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import contrast, lung_shape
from radfoundry.case import Case

POSE = np.array([[0.5, 0.5, 0.05, 0.2, 0.2, 0.74, 0.75, 0.27, 0.27, 0, 0]])


def masks(size: int = 128, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Return lungs, heart and mediastinum as viewed; `shift` moves the chest across the film."""
    pose = POSE.copy()
    pose[:, :2] += shift
    lungs = {}
    for name, side in lung_shape.SIDES.items():
        x, y = lung_shape.place(pose, lung_shape.outline(side).points, side)
        lungs[name] = lung_shape.fill(x[0], y[0], size)
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    heart = ((columns - 0.54 - shift) / 0.13) ** 2 + ((rows - 0.6) / 0.12) ** 2 < 1
    middle = (np.abs(columns - 0.5 - shift) < 0.06) & (rows > 0.22) & (rows < 0.5)
    return lungs | {"heart": heart, "mediastinum": middle}


def case(size: int = 128, seed: int = 0, shift: float = 0.0) -> Case:
    """Return a drawn chest: body, dark lungs, bright heart and spine, noise."""
    rng = np.random.default_rng(seed)
    parts = masks(size, shift)
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    body = ((columns - 0.5 - shift) / 0.42) ** 4 + ((rows - 0.65) / 0.6) ** 4 < 1
    picture = np.where(body, 0.6, 0.02)
    picture = np.where(parts["lung_right"] | parts["lung_left"], 0.25, picture)
    picture = np.where(np.abs(columns - 0.5 - shift) < 0.05, 0.85, picture)
    picture = np.where(parts["heart"] | parts["mediastinum"], 0.8, picture)
    picture = ndimage.gaussian_filter(picture, size / 100) + rng.normal(0, 0.01, picture.shape)
    image = volume.radiograph(np.clip(picture, 0.01, 1).astype(np.float32))
    labels = contrast.label_map(parts, size, size)
    return Case(f"drawn-{seed}", image, labels, np.zeros_like(labels))


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return 2 |A and B| / (|A| + |B|)."""
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def region_dice(labels: np.ndarray, truth: np.ndarray, region: str) -> float:
    """Return the Dice of one region of two label maps."""
    return dice(regions.mask(labels, region), regions.mask(truth, region))
