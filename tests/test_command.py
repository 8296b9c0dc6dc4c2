"""The command `radfoundry`: what it writes, and what it says of wrong input."""

import json

import nibabel
import numpy as np
import pytest
import yaml
from bundled import files
from test_medsyn import chests

from radfoundry import bundles, volume
from radfoundry.__main__ import main, parser
from radfoundry.training import sealed

PROMPT = "Large left pleural effusion."


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / "chests"
    sealed.write(files(), folder)
    return str(folder.with_name("chests.zip"))


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Return a function that runs the command here; it gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def ran(*words):
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def test_draw_writes_an_image_and_its_labels_that_say_they_are_synthetic(run, archive):
    code, said, _ = run("draw", archive, "--prompt", PROMPT, "--seed", 3, "--out", "ct.nii.gz")
    assert (code, said.split()) == (0, ["ct.nii.gz", "ct.labels.nii.gz"])
    image, labels = nibabel.load("ct.nii.gz"), nibabel.load("ct.labels.nii.gz")
    wanted = bundles.load(archive).draw(PROMPT, 3)
    assert np.array_equal(np.asanyarray(image.dataobj), wanted.image.voxels)
    assert np.array_equal(np.asanyarray(labels.dataobj), wanted.anatomy)
    assert b"SYNTHETIC" in image.header["descrip"].tobytes()
    (mark,) = image.header.extensions
    told = json.loads(mark.get_content())
    assert (told["prompt"], told["seed"]) == (PROMPT, "3")


def test_draw_counts_on_from_the_seed_and_leaves_labels_out(run, archive):
    code, said, _ = run(
        "draw", archive, "--count", 2, "--seed", 5, "--out", "a.nii.gz", "--no-labels"
    )
    assert (code, said.split()) == (0, ["a_seed5.nii.gz", "a_seed6.nii.gz"])
    run("draw", archive, "--seed", 6, "--out", "b.nii.gz")
    one, other = (nibabel.load(name).dataobj for name in ("a_seed6.nii.gz", "b.nii.gz"))
    assert np.array_equal(one, other)


def test_draw_gives_an_image_the_voxel_size_that_was_asked_for(run, archive):
    code, _, _ = run("draw", archive, "--spacing", 11, 11, 9.5, "--out", "ct.nii.gz")
    zooms = nibabel.load("ct.nii.gz").header.get_zooms()
    assert (code, zooms) == (0, (11.0, 11.0, 9.5))


def test_draw_keeps_the_lobes_of_a_file(run, archive):
    lender = chests()[0]
    volume.write(lender.image.holding(lender.anatomy), "lobes.nii.gz")
    code, _, _ = run("draw", archive, "--lobes", "lobes.nii.gz", "--out", "ct.nii.gz", "--plain")
    wanted = bundles.load(archive).draw("", 0, lobes=volume.read("lobes.nii.gz"))
    assert code == 0
    assert np.array_equal(volume.read("ct.labels.nii.gz").voxels, wanted.anatomy)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "ct.dcm"], "--out 'ct.dcm': allowed: a name that ends in .nii.gz"),
        (["--out", "a.nii.gz", "--count", "0"], "--count 0: allowed: 1 to 10000"),
        (["--out", "a.nii.gz", "--guidance", "-1"], "guidance -1.0: allowed: 0 to 20"),
        (["--out", "a.nii.gz", "--device", "gpu7"], "--device 'gpu7'"),
        (["--out", "a.nii.gz", "--spacing", "1", "1", "nan"], "spacing [1.0, 1.0, nan]: allowed"),
        (["--out", "a.nii.gz", "--spacing", "1", "1", "1"], "low_resolution was taught others"),
        (["--out", "a.nii.gz", "--lobes", "none.nii.gz"], "--lobes 'none.nii.gz': "),
    ],
)
def test_draw_refuses_wrong_words_with_exit_code_2(run, archive, words, message):
    code, said, errors = run("draw", archive, *words)
    assert (code, said) == (2, "")
    assert message in errors
    assert "Traceback" not in errors


def test_draw_refuses_what_is_no_bundle(run, put):
    path = put(b"hello", "notes.zip")
    code, _, errors = run("draw", path, "--out", "a.nii.gz")
    assert code == 2
    assert "no whole .zip" in errors
    assert "allowed: a folder or .zip that `radfoundry bundle` wrote" in errors


def test_draw_warns_of_words_that_nobody_knows(run, archive):
    code, _, errors = run("draw", archive, "--prompt", "Qwertz uiop.", "--out", "a.nii.gz")
    assert code == 0
    assert "no finding that the labeler knows in 'Qwertz uiop.'" in errors


def cohort(table):
    return {"table": table, "modality": "CT", "preprocess": {"grid": [32, 32, 32]}}


def test_check_tells_faults_of_config_and_of_tables_at_once(run, put):
    put(b"case\tpatient\n", "a.tsv")
    config = {"cohorts": {"a": cohort("a.tsv"), "b": cohort("b.tsv")}, "recipe": {}}
    put(yaml.safe_dump(config).encode(), "config.yaml")
    code, _, errors = run("check", "config.yaml")
    assert code == 2
    assert "recipe: unknown" in errors
    assert "cohorts.a.table a.tsv" in errors
    assert "cohorts.b.table b.tsv" in errors


def test_check_tells_of_a_bundle_that_is_not_there(run, put):
    phantom = {"phantom": {"kind": "chest_ct"}, "modality": "CT", "preprocess": {"grid": [64] * 3}}
    recipe = {"cohort": "a", "generator": "medsyn", "train": {"start": "gone"}}
    put(yaml.safe_dump({"cohorts": {"a": phantom}, "recipes": {"r": recipe}}).encode(), "c.yaml")
    code, _, errors = run("check", "c.yaml")
    assert code == 2
    assert "recipes.r.train.start: 'gone' is not there or no bundle" in errors


def test_check_of_a_whole_config_counts_what_is_there(run, put):
    put(yaml.safe_dump({"cohorts": {"a": {"phantom": {"kind": "chest_xray"}}}}).encode(), "c.yaml")
    assert run("check", "c.yaml") == (0, "c.yaml: 1 cohorts, 0 recipes; no fault\n", "")


@pytest.mark.parametrize("recipe", ["other", "r"])
def test_bundle_says_what_there_is_and_what_to_run(run, put, recipe):
    phantom = {"phantom": {"kind": "chest_ct"}, "modality": "CT", "preprocess": {"grid": [64] * 3}}
    stated = {"r": {"cohort": "a", "generator": "medsyn"}}
    put(yaml.safe_dump({"cohorts": {"a": phantom}, "recipes": stated}).encode(), "config.yaml")
    code, _, errors = run("bundle", recipe, "--out", "here")
    wanted = {"other": "'other': not in the config; allowed: r", "r": "run the workflow first"}
    assert code == 2
    assert wanted[recipe] in errors


def test_bundle_writes_over_nothing(run, tmp_path):
    (tmp_path / "here").mkdir()
    code, _, errors = run("bundle", "r", "--out", "here")
    assert (code, "here is there; allowed: a new name" in errors) == (2, True)


def test_help_shows_an_example_of_every_use():
    text = parser().format_help()
    assert "draw images from a bundle" in text
    assert 'bundles.load("chest_ct.zip")' in text
