"""Other tools load what a release is exported to, and find it equal and marked as synthetic."""

import gzip
import hashlib
import io
import json
import re
from contextlib import nullcontext
from dataclasses import replace
from itertools import starmap
from types import SimpleNamespace

import highdicom
import mlcroissant
import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from nnunetv2.experiment_planning import verify_dataset_integrity as nnunet
from nnunetv2.utilities import utils as nnunet_files
from PIL import Image
from pycocotools.coco import COCO

from radfoundry.case import Case
from radfoundry.config import settings
from radfoundry.data import gate
from radfoundry.release import formats, radiographs
from radfoundry.release.exporters import coco, croissant, datasheet, dicom
from radfoundry.release.exporters import nnunet as raw
from radfoundry.report.scorecard import absent
from radfoundry.report.scorecard.card import Row, build, metric
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
    # the same checks one by one: forks of a process that has threads may never end
    pool = SimpleNamespace(starmap=lambda check, cases: list(starmap(check, cases)))
    context = SimpleNamespace(Pool=lambda _: nullcontext(pool))
    monkeypatch.setattr(nnunet.multiprocessing, "get_context", lambda _: context)
    monkeypatch.setattr(nnunet_files, "Pool", lambda processes: nullcontext(pool))
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


def read_back(files, what):
    """Return the DICOM objects of a sample whose names begin with `what`, in order."""
    names = sorted(name for name in files if name.split("/")[-1].startswith(what))
    read = highdicom.seg.segread if what in ("anatomy", "findings") else highdicom.imread
    return [read(io.BytesIO(files[name])) for name in names]


def test_a_ct_comes_back_from_dicom_voxel_by_voxel_where_it_was():
    sample = body()
    images = read_back(dicom.Exporter("r", FACTS).add(sample), "image")
    voxels = np.stack([image.pixel_array.T for image in images], axis=2)
    np.testing.assert_array_equal(voxels, sample.image.voxels)
    assert (images[0].RescaleSlope, images[0].RescaleIntercept) == (1, 0)
    for index in (0, 4):  # a voxel's place in LPS, from its row and column: PS3.3 C.7.6.2.1-1
        one = images[index]
        across = np.array(one.ImageOrientationPatient, float).reshape(2, 3)
        place = np.array(one.ImagePositionPatient, float)
        place += across[0] * one.PixelSpacing[1] * 3 + across[1] * one.PixelSpacing[0] * 2
        expected = np.diag([-1, -1, 1, 1]) @ OBLIQUE @ [3, 2, index, 1]
        np.testing.assert_allclose(place, expected[:3], atol=1e-5)


def test_the_gate_reads_the_dicom_of_a_ct_as_it_reads_a_hospital_s(tmp_path):
    sample = body()
    sample = replace(sample, image=replace(sample.image, affine=np.diag([2.0, 3, 4.5, 1])))
    for name, content in dicom.Exporter("r", FACTS).add(sample).items():
        if "image" in name:
            (tmp_path / name.split("/")[-1]).write_bytes(content)
    found = gate.read(tmp_path, None, "CT")
    np.testing.assert_array_equal(found.image.voxels, sample.image.voxels)
    np.testing.assert_allclose(found.image.affine, sample.image.affine, atol=1e-3)


def test_segments_lie_on_their_own_slices():
    sample = body()
    (made,) = read_back(dicom.Exporter("r", FACTS).add(sample), "anatomy")
    images = read_back(dicom.Exporter("r", FACTS).add(sample), "image")
    uids = [image.SOPInstanceUID for image in images]
    planes = made.get_pixels_by_source_instance(uids, combine_segments=True)
    names = [segment.SegmentLabel for segment in made.SegmentSequence]
    assert names == ["lung_upper_lobe_left", "heart", "ignore"]
    labels = np.array([0, 1, 9, 255])[np.moveaxis(planes, 0, 2).swapaxes(0, 1)]
    np.testing.assert_array_equal(labels, sample.anatomy)


def test_a_film_comes_back_from_dicom_with_its_findings():
    files = dicom.Exporter("r", FACTS).add(film())
    (image,), (made,) = read_back(files, "image"), read_back(files, "findings")
    np.testing.assert_allclose(image.pixel_array / 65535, picture(film().image.voxels), atol=1e-5)
    planes = made.get_pixels_by_source_instance([image.SOPInstanceUID], combine_segments=True)
    np.testing.assert_array_equal(np.array([0, 40, 43])[planes[0]], picture(film().findings))
    assert not [name for name in files if "anatomy" in name]


@pytest.mark.parametrize("make", [film, body])
def test_every_dicom_object_says_that_it_is_synthetic(make):
    files = dicom.Exporter("r", FACTS).add(make())
    for one in read_back(files, ""):
        assert one.ImageType[0] == "DERIVED"
        assert one.SyntheticData == "YES"
        assert re.fullmatch("SYN-[0-9A-F]{16}", one.PatientID)
        assert "synthetic" in one.ContributingEquipmentSequence[0].ContributionDescription
        assert one.SOPInstanceUID.startswith("2.25.")


def test_dicom_is_new_for_each_sample_and_the_same_each_time():
    one, again, other = (dicom.Exporter("r", FACTS).add(body(n)) for n in ("a", "a", "b"))
    assert one == again
    uids = {image.SOPInstanceUID for files in (one, other) for image in read_back(files, "")}
    assert len(uids) == 2 * 6  # five slices and a SEG of each


def test_a_datasheet_states_use_limits_and_the_terms_for_people_and_programs():
    table = pd.DataFrame({"split": ["train", "test", "train"], "patient": ["a", "b", "a"]})
    (text,) = datasheet.Exporter("r", FACTS | {"Generator": "g"}).finish(table, {}).values()
    front = yaml.safe_load(text.decode().split("---")[1])
    assert front == {"synthetic": True, "name": "synthetic-r", "license": "CC BY 4.0"}
    assert "3 synthetic images that count as 2 patients: 1 test, 2 train" in text.decode()
    assert all(f"## {part}" in text.decode() for part in ("Intended use", "Limits", "Composition"))


def test_a_datasheet_holds_the_headlines_of_its_recipe_and_says_what_is_missing():
    rows = [
        Row("r", "anatomy_dice", 0.9, "heart", 0.8, 0.95, 12, published=0.93),
        Row("r", "pointing_accuracy", float("nan"), note="no finding was asked for"),
        Row("r", "memorised_fraction", float("nan"), absent.ARM, note="nobody asked"),
        Row("other", "joint_lobe_dice", 0.5, n=3),
    ]
    table = pd.DataFrame({"split": ["train"], "patient": ["a"]})
    (exporter,) = formats.chosen(["datasheet"], "r", FACTS, build(rows))
    text = exporter.finish(table, {})["DATASHEET.md"].decode()
    (anatomy,) = [line for line in text.splitlines() if "| heart |" in line]
    assert "| 0.900 (0.800 to 0.950) | 12 | 0.930 |" in anatomy
    (pointing,) = [line for line in text.splitlines() if "no finding was asked for" in line]
    assert "| not available | 0 | none |" in pointing
    lacking = f"* {metric('memorised_fraction').title}: nobody asked"
    assert lacking in text.splitlines()


def test_a_datasheet_without_any_figure_says_so():
    table = pd.DataFrame({"split": ["train"], "patient": ["a"]})
    (text,) = datasheet.Exporter("r", FACTS).finish(table, {}).values()
    figures = text.decode().split("## Figures")[1].split("##")[0]
    assert "\nnot available\n" in figures
    assert "\n* " not in figures


def test_every_format_that_a_config_may_name_has_an_exporter():
    allowed = settings.strict_load(settings.SCHEMA)["properties"]["publish"]["properties"][
        "formats"
    ]
    assert set(formats.EXPORTERS) == set(allowed["items"]["enum"])
    assert [type(one) for one in formats.chosen(["coco"], "r", FACTS)] == [coco.Exporter]


def test_dicom_without_its_library_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(dicom, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"formats: dicom needs highdicom: pip install"):
        formats.chosen(["dicom"], "r", FACTS)


def test_nnunet_is_given_no_volume_that_nobody_labeled():
    bare = replace(body(), anatomy=np.zeros_like(body().anatomy))
    assert written(None, raw.Exporter("r", FACTS), [bare]) == {}
