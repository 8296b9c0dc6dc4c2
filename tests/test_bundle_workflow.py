"""A bundle of the whole factory: drawn where no cohort is, shipped, and trained on from."""

import hashlib
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from factory import Factory

from radfoundry import volume
from radfoundry.__main__ import main
from radfoundry.training import sealed


@pytest.fixture(scope="module")
def shipped(factory):
    """Return the folder of the bundle that the workflow writes of MedSyn."""
    with factory.configured("publish/bundles", ["medsyn"]):
        factory.run("results/bundles/medsyn")
    return factory.folder / "results/bundles/medsyn"


def rows(factory, name):
    path = factory.folder / f"results/recipes/medsyn/{name}.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def test_a_bundle_far_from_any_cohort_draws_the_workflows_bytes(
    factory, shipped, tmp_path, monkeypatch
):
    asked = rows(factory, "requests").iloc[0]
    found = rows(factory, "samples").set_index("sample").loc[asked["request"]]
    (like,) = factory.folder.glob(f"results/cohorts/*/batches/*/{asked['source']}/image.nii.gz")
    lent = volume.Volume(volume.read(like).voxels * 0, volume.read(like).affine)  # no image of it
    monkeypatch.chdir(tmp_path)
    volume.write(lent, "like.nii.gz")
    stated = json.loads(asked["parameters"])
    words = ["draw", f"{shipped}.zip", "--prompt", stated["prompt"], "--seed", asked["seed"]]
    words += ["--spacing", *map(str, stated["spacing"])]
    assert main([*words, "--like", "like.nii.gz", "--out", "ct.nii.gz", "--plain"]) == 0
    assert volume.sha256("ct.nii.gz") == found["image_sha256"]
    labels = list(tmp_path.glob("ct.labels.nii.gz"))  # none where nothing is labeled
    empty = volume.Volume(np.zeros(lent.voxels.shape, np.uint8), lent.affine)
    blank = hashlib.sha256(volume.packed(empty)).hexdigest()
    assert found["anatomy_sha256"] == (volume.sha256(labels[0]) if labels else blank)


def test_the_command_makes_the_bundle_that_the_workflow_makes(
    factory, shipped, tmp_path, monkeypatch
):
    monkeypatch.chdir(factory.folder)
    assert main(["bundle", "medsyn", "--out", str(tmp_path / "own")]) == 0
    assert sealed.read(tmp_path / "own.zip") == sealed.read(shipped)


def test_a_shipped_bundle_holds_no_id_of_its_cohort(factory, shipped):
    splits = pd.read_csv(factory.folder / "results/cohorts/chest_ct/splits.tsv", sep="\t")
    for path in [path for path in shipped.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        assert not [own for own in {*splits["case"], *splits["patient"]} if own.encode() in content]


def test_a_bundle_to_start_from_trains_the_recipes_networks_again_and_no_others(factory, shipped):
    with factory.configured("recipes/medsyn/train/start", f"{shipped}.zip"):
        said = factory.run("--dry-run", "train")
    planned = set(re.findall(r"recipe=(\w+), network=(\w+)", said))
    assert planned == {("medsyn", folder.name) for folder in (shipped / "networks").iterdir()}


def test_a_network_trained_on_from_a_bundle_says_from_which(factory, shipped, tmp_path):
    other = shutil.copytree(factory.folder, tmp_path / "other", symlinks=True)
    one = Factory.at(other, factory.config)
    network = "results/recipes/medsyn/networks/super_resolution"
    with one.configured("recipes/medsyn/train/start", str(shipped)):
        one.run(network)
    card = json.loads((other / network / "card.json").read_text())
    assert card["start"]["bundle_sha256"] == volume.sha256(shipped / "manifest.json")
    assert card["start"]["new"] == card["start"]["left"] == []
