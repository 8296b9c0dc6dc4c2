"""The trial of tumours turns public slices into a cohort, and says what is missing of them."""

import importlib
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from PIL import Image

from radfoundry.config import settings
from radfoundry.data import gate
from radfoundry.tables import SCHEMAS

SPLITS = ("train", "train", "tune", "test")


@pytest.fixture
def maker(monkeypatch):
    """Return the module that writes the tables."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "tests/trial"), *sys.path])
    return importlib.import_module("make_tumour_tables")


def head():
    """Return a head of 96 pixels (scalp, skull, brain, a bright mass) and where the mass is."""
    away = np.hypot(*(np.indices((96, 96)) - 48))
    picture = np.select([away < 32, away < 37, away < 42], [90, 10, 220], 0)
    tumour = np.hypot(*(np.indices((96, 96)) - [[[40]], [[52]]])) < 7
    return np.where(tumour, 140, picture).astype(np.uint8), tumour


@pytest.fixture
def data(tmp_path):
    """Return a folder with a collection of four slices, of four patients."""
    folder = tmp_path / "data/mr_brain_tumour_2d"
    picture, tumour = head()
    for kind, values in (("images", picture), ("masks", tumour)):
        (folder / kind).mkdir(parents=True)
        for number in range(len(SPLITS)):
            Image.fromarray(values).save(folder / kind / f"s{number}.png")
    lines = [f"s{number},p{number},{split},1" for number, split in enumerate(SPLITS)]
    (folder / "cases.csv").write_text("\n".join(["image,patient,split,tumour_pixels", *lines]))
    return tmp_path / "data"


def test_slices_become_a_cohort_with_the_collections_own_splits(maker, data, tmp_path):
    maker.main(data, tmp_path / "trial")
    table = pd.read_csv(tmp_path / "trial/tables/slices.tsv", sep="\t")
    assert table["split"].tolist() == list(SPLITS)
    assert table["patient"].nunique() == len(SPLITS)
    assert set(table["findings"]) == {"tumour_core"}


def test_the_gate_reads_a_slice_with_the_outline_that_was_drawn(maker, data, tmp_path):
    maker.main(data, tmp_path / "trial")
    image = gate.read(tmp_path / "trial/slices/s0/image.nii.gz", modality="MR").image
    masks = gate.read_masks(tmp_path / "trial/slices/s0/masks", None, image)
    assert image.voxels.shape == (96, 96, 1)
    assert image.spacing_mm == pytest.approx((0.98, 0.98, 6.0))
    assert image.voxels[masks.findings > 0].min() == 140
    assert (masks.findings > 0).sum() == head()[1].sum()


def test_the_brain_is_found_inside_the_skull(maker):
    picture, tumour = head()
    found, away = maker.brain(picture), np.hypot(*(np.indices((96, 96)) - 48))
    assert found[(away < 30) & ~tumour].mean() > 0.98
    assert not found[away > 37].any()


def test_the_trials_config_is_one_that_the_factory_takes(maker, data, tmp_path):
    maker.main(data, tmp_path / "trial")
    config = yaml.safe_load((tmp_path / "trial/config.yaml").read_text())
    filled = settings.checked(config, SCHEMAS / "config.schema.yaml")
    assert filled["cohorts"]["slices"]["preprocess"]["slices"] is True


def test_a_small_trial_has_slices_of_every_split(maker, data, tmp_path):
    maker.main(data, tmp_path / "trial", 3)
    table = pd.read_csv(tmp_path / "trial/tables/slices.tsv", sep="\t")
    assert set(table["split"]) == set(SPLITS)


FAULTS = {
    "no table": (lambda folder: (folder / "cases.csv").unlink(), "there is no .*cases.csv"),
    "no column": (lambda folder: put(folder, ",split", ",part"), "no column 'split'"),
    "no such split": (lambda folder: put(folder, "tune", "val"), "s2: split 'val'; allowed: train"),
    "two splits": (lambda folder: put(folder, "p3", "p0"), "patient p0 lies in 2 splits"),
    "no mask": (lambda folder: (folder / "masks/s1.png").unlink(), "there is no masks/s1.png"),
    "no tumour": (lambda folder: blank(folder / "masks/s1.png", 96), "s1: its mask is empty"),
    "sizes": (lambda folder: blank(folder / "masks/s1.png", 40), "s1: image .96, 96., mask .40"),
}


def put(folder, old, new):
    """Change a word of the collection's table."""
    path = folder / "cases.csv"
    path.write_text(path.read_text().replace(old, new))


def blank(path, size):
    """Write a mask that marks nothing."""
    Image.new("L", (size, size)).save(path)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_missing_is_said_before_a_run(maker, data, tmp_path, fault):
    spoil, message = FAULTS[fault]
    spoil(data / "mr_brain_tumour_2d")
    with pytest.raises(SystemExit, match=message):
        maker.main(data, tmp_path / "trial")
    assert not (tmp_path / "trial/tables").exists()
