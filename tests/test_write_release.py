"""What leaves by `write_release`: marked in every file, without an id, told by its methods."""

import gzip
import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from released import CASES, FORMATS, NAME, RECIPE, inputs, release, written

from radfoundry import tables
from radfoundry.release import gates, marks


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a run, in which four films were drawn and a release was made."""
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("run")
    patch.chdir(folder)
    (folder / "given.json").write_text(json.dumps(inputs()))
    release(json.loads((folder / "given.json").read_text()))
    yield folder
    patch.undo()


def files(made, folder="results/release/r"):
    """Return every file of a release by its name, packed ones unpacked."""
    root = made / folder
    found = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    return {n: gzip.decompress(c) if n.endswith(".gz") else c for n, c in found.items()}


def test_every_file_of_a_release_in_all_formats_says_that_it_is_synthetic(made):
    kinds = {Path(name).suffix for name in files(made)}
    assert kinds == {".png", ".json", ".tsv", ".md", ".dcm", ""}
    for name, content in files(made).items():
        assert marks.marked(name, content), name
    table = pd.read_csv(made / "results/release/r/dataset.tsv", sep="\t", dtype=str)
    assert set(table["synthetic"]) == {"true"}


def test_no_id_and_no_name_of_a_patient_is_in_any_byte_of_a_release(made):
    ids = {*CASES, *CASES.values(), *(case.split("-")[1] for case in CASES), NAME}
    assert NAME not in (made / "log.txt").read_text()
    for name, content in files(made).items():
        found = [own for own in ids if own in name or own.encode() in content]
        assert not found, f"{name}: {found}"


def test_no_seed_by_which_an_id_could_be_proven_leaves(made):
    assert "seed" not in pd.read_csv(made / "results/release/r/dataset.tsv", sep="\t")
    assert not any(b"Seed\x00" in content for content in files(made).values())


def test_the_table_that_leads_back_stays_outside_and_leads_back(made):
    names = tables.read(made / RECIPE / "pseudonyms.tsv", "pseudonyms")
    back = names.set_index("released")["id"]
    table = pd.read_csv(made / "results/release/r/dataset.tsv", sep="\t", dtype=str)
    assert {back[case] for case in table["source"]} == set(CASES)
    assert {back[patient] for patient in table["patient"]} == set(CASES.values())
    assert not [name for name in files(made) if "pseudonyms" in name]


def test_methods_tell_what_ran_and_no_path_of_a_machine(made):
    found = files(made)
    told, record = found["methods.md"].decode(), json.loads(found["provenance.json"])
    assert record["networks"]["gan"]["sha256"] in told
    assert "| novelty | 0.0 | 0.5 | 3 |" in told
    assert "| Seed of the recipe | 7 |" in told
    assert "| steps | 3 |" in told
    assert f"| torch | {record['versions']['torch']} |" in told
    assert "Gulrajani et al. 2017" in told
    for secret in ("/home", "doe/", "miller"):
        assert secret not in told + found["provenance.json"].decode()
    assert record["config"]["recipes"]["r"]["train"]["start"] == "chest.zip"


def test_the_checksums_hold_and_name_every_file(made):
    folder = made / "results/release/r"
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=folder)
    assert done.returncode == 0
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()[1:]}
    assert listed == set(files(made)) - {"SHA256SUMS"}
    assert {name.split("/")[0] for name in listed} >= {*FORMATS[:2], "dicom", "croissant.json"}


def test_figures_are_the_recipe_s_of_the_scorecard_and_the_datasheet_holds_their_headlines(made):
    folder = made / "results/release/r"
    figures = pd.read_csv(folder / "figures.tsv", sep="\t")
    assert figures[["recipe", "metric", "value"]].to_numpy().tolist() == [
        ["r", "anatomy_dice", 0.9]
    ]
    told = (folder / "DATASHEET.md").read_text()
    assert "| heart | 0.900 (0.800 to 0.950) | 12 | 0.930 |" in told
    assert "* Source images: of patients" in told


def test_ids_are_the_table_s_own_on_request(made):
    given = json.loads((made / "given.json").read_text())
    release(given | {"scorecard": []}, "results/kept/r", case_ids="keep", formats=[])
    assert "accepted_fraction" in (made / "results/kept/r/figures.tsv").read_text()
    table = pd.read_csv(made / "results/kept/r/dataset.tsv", sep="\t", dtype=str)
    assert set(table["source"]) == set(CASES)
    assert table["seed"].tolist() == ["2", "0", "1"]
    assert "syn-MRN-004711-a-0.png" in {p.name for p in (made / "results/kept").rglob("*.png")}


def test_a_release_made_again_is_the_same_in_every_byte(made):
    release(json.loads((made / "given.json").read_text()), "results/again/r")
    assert files(made, "results/again/r") == files(made)


def test_a_blocked_release_writes_nothing_and_names_its_gates(made):
    given = json.loads((made / "given.json").read_text())
    row = {"metric": "memorised_fraction", "arm": "kept", "value": 1.0, "n": 3, "note": ""}
    given["memorisation"] = [written("memorisation", [row], "results/memorisation.tsv")]
    with pytest.raises(gates.Blocked) as caught:
        release(given, "results/blocked/r", max_shortfall=0.1)
    assert "1.0000 of 3 kept samples; allowed: max_copied_fraction 0" in str(caught.value)
    assert "shortfall (3 of 4 samples asked for are kept, missing are 0.250" in str(caught.value)
    assert not (made / "results/blocked").exists()


def test_an_id_in_a_text_holds_a_release_back_and_the_message_says_where(made):
    given = json.loads((made / "given.json").read_text())
    asked = tables.read(given["requests"], "requests")
    asked["parameters"] = '{"prompt": "Compared with MRN-000815-a: unchanged."}'
    given["requests"] = written("requests", asked, "results/named.tsv")
    with pytest.raises(ValueError, match=r"user would leave .*dataset.tsv: MRN-000815-a.*case_ids"):
        release(given, "results/named/r", formats=[])
    assert not (made / "results/named/r").exists()


def test_an_image_whose_source_may_hold_burned_in_text_waits_for_a_person(made):
    given = json.loads((made / "given.json").read_text())
    images = tables.read(given["images"][0], "images")
    images["warnings"] = ["", "privacy.burned_in|other", ""]
    given["images"] = [written("images", images, "results/burned.tsv")]
    with pytest.raises(gates.Blocked, match=r"burned-in text \(1 sources .*: MRN-004711-b; look"):
        release(given, "results/burned/r", formats=[])
    release(given, "results/burned/r", formats=[], burned_in="allow")
    assert "the config allows it" in (made / "results/burned/r/README.md").read_text()


def test_methods_tell_defaults_that_no_config_states(made):
    record = json.loads((made / "results/release/r/provenance.json").read_text())
    assert record["drawing"] == {"count": 4, "splits": ["train"]}
    assert record["filter"]["novelty"].keys() > {"quantile"}
    assert '| splits | ["train"] |' in (made / "results/release/r/methods.md").read_text()
