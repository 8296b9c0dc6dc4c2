"""nnU-Net's raw dataset: images, labels with ids from 0 on without gaps, dataset.json.

Samples of the train and tune splits come into imagesTr, those of the test split into imagesTs. The
targets are the anatomy of volumes and the findings of radiographs; a volume whose generator draws
no labels is left out, for a map of zeros would say that nothing is there. See nnU-Net v2,
documentation/dataset_format.md.
"""

import gzip
import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.release.radiographs import MARKS, png
from radfoundry.release.volumes import nifti
from radfoundry.volume import Volume, picture

DATASET = 900  # nnU-Net's own datasets have smaller numbers
FOLDS = {"train": "Tr", "tune": "Tr", "test": "Ts"}
PACKED = (
    1  # of label maps that wait for the last one: which ids there are decides how they are named
)


class Exporter:
    """Writes images at once; label maps wait until it is known which ids there are."""

    def __init__(self, recipe: str, facts: Mapping[str, str]) -> None:
        self.folder, self.recipe = f"nnunet/Dataset{DATASET}_{recipe}", recipe
        self.facts, self.waiting, self.ids = facts, dict[str, tuple[Volume, bytes]](), set[int]()
        self.training, self.flat = 0, False

    def add(self, sample: Case) -> dict[str, bytes]:
        """Return the image of a sample in nnU-Net's folder."""
        self.flat = sample.image.is_radiograph
        labels = sample.findings if self.flat else sample.anatomy
        if not (self.flat or labels.any()):
            return {}
        fold = FOLDS[str(sample.facts["split"])]
        self.training += fold == "Tr"
        self.ids |= set(np.unique(labels).tolist())
        grid = Volume(np.empty(labels.shape, bool), sample.image.affine)
        packed = gzip.compress(np.ascontiguousarray(labels, np.uint8).tobytes(), PACKED)
        self.waiting[f"{self.folder}/labels{fold}/{sample.name}"] = grid, packed
        name = f"{self.folder}/images{fold}/{sample.name}_0000"
        marks = self._marks()
        if self.flat:
            return {f"{name}.png": png(picture(sample.image.voxels), marks)}
        return {f"{name}.nii.gz": nifti(sample.image, marks)}

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return the label maps and dataset.json, or nothing where nothing is labeled."""
        if not self.waiting:
            return {}
        names = _numbered(self.ids)
        found = {name: self._labels(*own, names) for name, own in self.waiting.items()}
        ending = ".png" if self.flat else ".nii.gz"
        files = {f"{name}{ending}": content for name, content in found.items()}
        modality = "X-ray" if self.flat else "CT"
        said = {
            "name": f"Dataset{DATASET}_{self.recipe}",
            "channel_names": {"0": modality},
            "labels": {name: place for place, (name, _) in enumerate(names)},
            "numTraining": self.training,
            "file_ending": ending,
            "licence": self.facts.get("Licence", ""),
            "synthetic": True,
            "description": MARKS["Warning"],
        }
        files[f"{self.folder}/dataset.json"] = (json.dumps(said, indent=1) + "\n").encode()
        return files

    def _labels(self, grid: Volume, packed: bytes, names: list[tuple[str, int]]) -> bytes:
        places = np.zeros(256, np.uint8)
        for place, (_, number) in enumerate(names):
            places[number] = place
        ids = np.frombuffer(gzip.decompress(packed), np.uint8).reshape(grid.voxels.shape)
        labels = places[ids]
        if self.flat:
            return png(picture(labels), self._marks())
        return nifti(grid.holding(labels), self._marks(), labels=True)

    def _marks(self) -> dict[str, str]:
        return {"Recipe": self.recipe, **MARKS}


def _numbered(ids: set[int]) -> list[tuple[str, int]]:
    """Return name and id of what nnU-Net shall learn: background first, `ignore` last.

    >>> _numbered({40, 0, 255, 9})
    [('background', 0), ('heart', 9), ('opacity', 40), ('ignore', 255)]
    """
    words = regions.vocabulary()
    named = {label.id: label.name for label in (*words.structures, *words.findings)}
    last = [("ignore", words.ignore)] if words.ignore in ids else []
    unknown = sorted(ids - {0, words.ignore, *named})
    if unknown:
        raise ValueError(f"ids {unknown} are none of labels.yaml")
    return [("background", 0), *((named[i], i) for i in sorted(ids & set(named))), *last]
