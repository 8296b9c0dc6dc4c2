"""Simple chest radiographs for tests of generators and experts: two dark lungs in a bright body."""

import numpy as np
from scipy import ndimage

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case


def chest(name="case-1", size=96, seed=0, width=1.0, **facts):
    """Return a healthy case with sided lungs and a heart."""
    rng = np.random.default_rng(seed)
    down, right = (g / size for g in np.indices((size, size)))
    down, right = down + rng.uniform(-0.04, 0.04), right + rng.uniform(-0.02, 0.02)
    rib = rng.uniform(30, 50) * (down + rng.uniform(0.1, 0.6) * np.abs(right - 0.5))
    body = np.hypot((down - 0.6) / 0.6, (right - 0.5) / 0.48) < 1
    lungs = {
        side: np.hypot((down - 0.5) / 0.33, (right - middle) / (0.15 * width)) < 1
        for side, middle in (("lung_right", 0.3), ("lung_left", 0.7))
    }
    heart = np.hypot((down - 0.62) / 0.16, (right - 0.55) / 0.14) < 1
    dark = rng.uniform(0.2, 0.38)
    plain = np.where(lungs["lung_right"] | lungs["lung_left"], dark, rng.uniform(0.65, 0.75))
    plain = ndimage.gaussian_filter(np.where(heart, 0.75, plain), size / 64)
    plain = plain + rng.uniform(0.03, 0.06) * np.sin(rib + rng.uniform(0, 6))
    for width_, strength in ((1.0, 0.03), (3.0, 0.06), (6.0, 0.05)):
        noise = ndimage.gaussian_filter(rng.normal(size=plain.shape), width_ * size / 96)
        # Vessels and calcium make the detail of real radiographs heavy-tailed.
        noise = noise * np.abs(noise) ** rng.uniform(0.3, 1.2)
        plain = plain + strength * rng.uniform(0.6, 1.2) * noise / noise.std()
    picture = np.where(body, np.clip(plain, 0.02, 1), 0).astype(np.float32)
    labels = volume.plane(regions.compose({**lungs, "heart": heart}))
    known = {"patient": name, "split": "train", "findings": "", **facts}
    return Case(name, volume.radiograph(picture), labels, np.zeros_like(labels), known)
