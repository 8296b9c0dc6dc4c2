"""Released volumes: HU, geometry and labels as any reader of NIfTI finds them, marked synthetic."""

import gzip
import hashlib
import json

import nibabel
import numpy as np
import pandas as pd
import pytest

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.release import card as cards
from radfoundry.release import dataset, volumes
from radfoundry.report.scorecard import card
from radfoundry.volume import Volume

TURN = np.deg2rad(20)
OBLIQUE = np.array(
    [
        [2 * np.cos(TURN), -3 * np.sin(TURN), 0, -80],
        [2 * np.sin(TURN), 3 * np.cos(TURN), 0, -95.5],
        [0, 0, 4.5, -300],
        [0, 0, 0, 1],
    ]
).astype(np.float32)  # as volumes are stored


def drawn(labels=True):
    rng = np.random.default_rng(0)
    hu = rng.integers(-1024, 601, (8, 9, 10)).astype(np.int16)
    hu[0, 0, :2] = -1024, 600
    ids = rng.choice([0, 1, 9, 74], hu.shape).astype(np.uint8) * labels
    return Case("syn-1", Volume(hu, OBLIQUE), ids, np.zeros_like(ids), {"seed": "7"})


def opened(content):
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(content))


def test_a_reader_finds_hu_spacing_and_an_oblique_affine():
    sample = drawn()
    image = opened(dataset.files(sample, "medsyn")["images/syn-1.nii.gz"])
    header = image.header
    assert image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), sample.image.voxels)
    np.testing.assert_array_equal(image.affine, OBLIQUE)
    np.testing.assert_allclose(image.get_qform(), OBLIQUE, atol=1e-3)
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(header.get_zooms(), (2, 3, 4.5), rtol=1e-5)


def test_labels_lie_on_the_image_s_grid_as_ids():
    sample = drawn()
    files = dataset.files(sample, "medsyn")
    image, labels = (opened(files[f"{kind}/syn-1.nii.gz"]) for kind in ("images", "labels"))
    assert labels.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asanyarray(labels.dataobj), sample.anatomy)
    np.testing.assert_array_equal(labels.affine, image.affine)
    assert labels.header.get_intent()[0] == "label"


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_every_file_says_that_it_is_synthetic(kind):
    content = dataset.files(drawn(), "medsyn")[f"{kind}/syn-1.nii.gz"]
    assert b"SYNTHETIC" in bytes(opened(content).header["descrip"])
    (extension,) = opened(content).header.extensions
    marks = json.loads(extension.text)
    assert (marks["synthetic"], marks["Recipe"], marks["Seed"]) == ("true", "medsyn", "7")
    assert "Not for diagnosis" in marks["Warning"]


def test_equal_samples_give_equal_bytes_without_a_date():
    once, again = (dataset.files(drawn(), "medsyn") for _ in range(2))
    assert once == again
    assert all(content[4:8] == bytes(4) for content in once.values())  # gzip's time


def test_a_sample_drawn_without_labels_ships_no_empty_map():
    assert list(dataset.files(drawn(labels=False), "wgan")) == ["images/syn-1.nii.gz"]


@pytest.mark.parametrize(("value", "labels"), [(np.nan, False), (300, True), (-1, True)])
def test_values_that_a_file_would_bend_are_refused(value, labels):
    volume = Volume(np.full((2, 2, 2), value), np.eye(4))
    with pytest.raises(ValueError, match="must"):
        volumes.nifti(volume, {}, labels=labels)


def test_the_table_of_labels_names_every_id_of_the_vocabulary():
    digests = {"images/a.nii.gz": "0" * 64}
    table = json.loads(dataset.beside(digests)["labels.json"])
    assert table["labels"]["heart"] == 9
    assert table["regions"]["lung_left"] == list(regions.ids("lung_left"))
    assert dataset.beside({"images/a.png": "0" * 64}) == {}


def shipped(**changes):
    """Return the table of two kept samples, the second of them without labels."""
    ids = ["syn-1", "syn-2"]
    samples = pd.DataFrame({"sample": ids, "source": "c1", "patient": "p1", "split": "train"})
    samples = samples.assign(seed=[1, 2], findings=["pleural_effusion", ""])
    asked = samples.rename(columns={"sample": "request"})
    asked["parameters"] = [json.dumps({"prompt": "Small\n effusion."}), json.dumps({"prompt": ""})]
    names = ["images/syn-1.nii.gz", "images/syn-2.nii.gz", "labels/syn-1.nii.gz"]
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    verdicts = pd.DataFrame({"sample": ids, "verdict": "kept", "reason": ""})
    return dataset.dataset(samples, asked, verdicts, digests | changes), verdicts


def test_the_table_tells_prompt_files_and_digests_of_volumes():
    table, _ = shipped()
    assert table["prompt"].tolist() == ["Small effusion.", ""]
    assert table["labels"].tolist() == ["labels/syn-1.nii.gz", ""]
    assert table["image"].tolist() == ["images/syn-1.nii.gz", "images/syn-2.nii.gz"]
    assert "mask" not in table


def test_a_volume_without_its_image_is_never_shipped():
    with pytest.raises(ValueError, match="image_sha256: syn-2"):
        shipped(**{"images/syn-2.nii.gz": None})


@pytest.mark.parametrize("phantoms", [True, False])
def test_the_card_of_volumes_speaks_of_no_radiograph(phantoms):
    table, verdicts = shipped()
    text = cards.card("medsyn", {}, table, verdicts, card.build([]), phantoms=phantoms)
    assert "radiograph" not in text
    assert "int16 NIfTI in HU" in text
    assert ("PHANTOMS" in text) == phantoms
    assert ("REAL CT" in text) != phantoms
