"""Other tools load what a release is exported to, and find it equal and marked as synthetic."""

import gzip
import hashlib
import io
import json
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace

import mlcroissant
import nibabel
import numpy as np
import pandas as pd
import pytest
from nnunetv2.experiment_planning import verify_dataset_integrity as nnunet
from PIL import Image
from pycocotools.coco import COCO

from radfoundry.case import Case
from radfoundry.release import radiographs
from radfoundry.release.exporters import coco, croissant
from radfoundry.release.exporters import nnunet as raw
from radfoundry.volume import Volume, picture, radiograph

FACTS = {"Licence": "CC BY 4.0", "Authors": "A. Person"}
OBLIQUE = np.array([[2.0, -0.5, 0, -80], [0.4, 3, 0, -95.5], [0, 0, 4.5, -300], [0, 0, 0, 1]])


def film(name="syn-1", split="train"):
    """Return a radiograph with two opacities, one of which touches the edge, and a nodule."""
    image = radiograph(np.random.default_rng(0).random((12, 10)), 0.5)
    seen = np.zeros((12, 10), np.uint8)
    seen[0:2, 0:3] = seen[5:9, 4:6] = 40
    seen[10, 9] = 43
    findings = radiograph(seen).voxels
    return Case(name, image, np.zeros_like(findings), findings, {"split": split, "seed": "7"})


def body(name="syn-2", split="train"):
    """Return a CT with lobes, heart and what is not to be judged, on an oblique grid."""
    rng = np.random.default_rng(1)
    hu = rng.integers(-1024, 600, (6, 7, 5)).astype(np.int16)
    labels = rng.choice([0, 1, 9, 255], hu.shape).astype(np.uint8)
    return Case(name, Volume(hu, OBLIQUE), labels, np.zeros_like(labels), {"split": split})


def written(folder, exporter, samples, table=None, digests=None):
    files = {}
    for sample in samples:
        files |= exporter.add(sample)
    files |= exporter.finish(pd.DataFrame() if table is None else table, digests or {})
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


@pytest.mark.parametrize("make", [film, body])
def test_nnunet_finds_its_raw_dataset_whole(make, tmp_path, monkeypatch, capsys):
    samples = [make("syn-1"), make("syn-2", "tune"), make("syn-3", "test")]
    written(tmp_path, raw.Exporter("r", FACTS), samples)
    # the same checks in threads: processes of their own would import everything again
    monkeypatch.setattr(
        nnunet.multiprocessing, "get_context", lambda _: SimpleNamespace(Pool=ThreadPool)
    )
    nnunet.verify_dataset_integrity(str(tmp_path / "nnunet/Dataset900_r"), 1)
    assert "Error" not in capsys.readouterr().out


def test_nnunet_s_labels_have_no_gaps_and_come_back_as_they_were(tmp_path):
    sample = body()
    files = written(tmp_path, raw.Exporter("r", FACTS), [sample])
    said = json.loads(files["nnunet/Dataset900_r/dataset.json"])
    assert said["labels"] == {"background": 0, "lung_upper_lobe_left": 1, "heart": 2, "ignore": 3}
    assert (said["numTraining"], said["synthetic"]) == (1, True)
    ids = opened(files["nnunet/Dataset900_r/labelsTr/syn-2.nii.gz"])
    np.testing.assert_array_equal(np.array([0, 1, 9, 255])[ids], sample.anatomy)


def opened(content):
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    assert b"SYNTHETIC" in image.header["descrip"].item()
    return np.asanyarray(image.dataobj)


def test_nnunet_trains_on_radiographs_of_the_same_pixels(tmp_path):
    files = written(tmp_path, raw.Exporter("r", FACTS), [film(), film("syn-3", "test")])
    content = files["nnunet/Dataset900_r/imagesTr/syn-1_0000.png"]
    assert radiographs.marks_of(content)["Synthetic"] == "true"
    levels = np.asarray(Image.open(io.BytesIO(content))) / 65535
    np.testing.assert_allclose(levels, picture(film().image.voxels), atol=1 / 65535)
    assert "nnunet/Dataset900_r/labelsTs/syn-3.png" in files


def test_coco_finds_every_lesion_with_its_box_and_its_mask(tmp_path):
    written(tmp_path, coco.Exporter("r", FACTS), [film("syn-1"), film("syn-2"), body()])
    loaded = COCO(str(tmp_path / "coco/annotations.json"))
    assert [image["file_name"] for image in loaded.loadImgs([1, 2])] == [
        "images/syn-1.png",
        "images/syn-2.png",
    ]
    boxes = loaded.loadAnns(loaded.getAnnIds(imgIds=2))
    assert [(b["category_id"], b["bbox"], b["area"]) for b in boxes] == [
        (40, [0, 0, 3, 2], 6), (40, [4, 5, 2, 4], 8), (43, [9, 10, 1, 1], 1),
    ]  # fmt: skip
    opacities = sum(loaded.annToMask(box) for box in boxes[:2])
    np.testing.assert_array_equal(opacities, picture(film().findings) == 40)
    assert loaded.dataset["info"]["synthetic"] is True


def test_volumes_have_no_coco():
    assert written(None, coco.Exporter("r", FACTS), [body()]) == {}


def test_croissant_is_valid_and_reads_the_table(tmp_path):
    table = pd.DataFrame(
        {"sample": ["syn-1", "syn-2"], "seed": [7, 8], "score_realism": [0.5, 1.5]}
    )
    text = table.to_csv(sep="\t", index=False).encode()
    (tmp_path / "dataset.tsv").write_bytes(text)
    digests = {"dataset.tsv": hashlib.sha256(text).hexdigest(), "images/syn-1.png": "0" * 64}
    written(tmp_path, croissant.Exporter("r", FACTS), [], table, digests)
    loaded = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert not loaded.metadata.ctx.issues.errors
    assert "synthetic" in loaded.metadata.keywords
    rows = list(loaded.records("samples"))
    assert [row["samples/seed"] for row in rows] == [7, 8]
