"""What draws masks and what draws voxels, by the names of the options `masks` and `texture`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from radfoundry.generators.tscr import asking, donors, shapes, texture
from radfoundry.generators.tscr.crops import Crop
from radfoundry.generators.tscr.drawers import Shapes, Textures
from radfoundry.generators.tscr.lesion_bank import Bank
from radfoundry.weights import Weights

KINDS_OF_TEXTURE = 3  # of the baseline `clusters`, as LeFusion has


def shape_engines(weights: Mapping[str, Weights], bank: Bank, device: str) -> dict[str, Shapes]:
    """Return what draws masks: networks, and `warped` where donors are there."""
    found: dict[str, Shapes] = {
        name.removeprefix("mask_"): shapes.prepared(own, device)
        for name, own in weights.items()
        if name.startswith("mask_")
    }
    if "donors" in weights:
        real = donors.rebuilt(weights["donors"])
        found["warped"] = donors.WarpedMasks(bank.shape, bank, real)
    return found


def texture_engines(weights: Mapping[str, Weights], bank: Bank, device: str) -> dict[str, Textures]:
    """Return what draws voxels: networks, `clusters` beside one, `copy_paste` with donors."""
    found: dict[str, Textures] = {
        name: texture.prepared(weights[name], device, weights.get("autoencoder"))
        for name in ("bridge", "inpainting")
        if name in weights
    }
    if found:
        found["clusters"] = Clusters(next(iter(found.values())), bank)
    if "donors" in weights:
        real = donors.rebuilt(weights["donors"])
        found["copy_paste"] = donors.CopyPaste(bank.texture, bank, real)
    return found


@dataclass(frozen=True)
class Clusters:
    """Texture of one of three kinds: what is asked for is replaced by the nearest kind's mean.

    The kinds are clusters of real lesions by their first-order features, as LeFusion's are of
    histograms. Control by kinds is what control by values stands against.
    """

    engine: Textures
    bank: Bank

    def draw(
        self, crops: Sequence[Crop], scores: np.ndarray, known: np.ndarray, seeds: Sequence[int]
    ) -> Sequence[np.ndarray]:
        """Return the crops' images; see `drawers.Textures`."""
        table = self.bank.texture
        real = np.stack([asking.told(values, table)[0] for values in self.bank.values])
        first = np.array(["_firstorder_" in name for name in table.names])
        count = min(KINDS_OF_TEXTURE, len(real))
        kinds = KMeans(count, n_init=4, random_state=0).fit_predict(real[:, first])
        means = np.stack([real[kinds == kind].mean(0) for kind in range(count)])
        rows = []
        for row, told in zip(scores, known.astype(float), strict=True):
            away = [float(((mean - row) ** 2 * told).sum()) for mean in means]
            rows.append(means[int(np.argmin(away))] * told.max())
        every = np.repeat(np.any(known, axis=1, keepdims=True), len(table.names), 1)
        return self.engine.draw(crops, np.stack(rows).astype(np.float32), every, seeds)
