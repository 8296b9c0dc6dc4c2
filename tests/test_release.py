"""What is shipped is marked, accounted for, and never more than what the experts accepted."""

import hashlib
import io
import json
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL.PngImagePlugin import PngImageFile

from radfoundry.case import Case
from radfoundry.release import card as cards
from radfoundry.release import dataset, radiographs
from radfoundry.report.scorecard.card import Row, build
from radfoundry.volume import picture, radiograph


@pytest.fixture
def samples() -> pd.DataFrame:
    """Return four samples of two patients."""
    ids = ["syn-2", "syn-1", "syn-3", "syn-4"]
    split = ["train", "train", "tune", "tune"]
    table = {"sample": ids, "source": ["c1", "c1", "c2", "c2"], "patient": ["p1", "p1", "p2", "p2"]}
    return pd.DataFrame({**table, "split": split, "seed": [12, 11, 13, 14], "findings": "opacity"})


@pytest.fixture
def requests(samples) -> pd.DataFrame:
    """Return what was asked for each sample."""
    asked = samples.rename(columns={"sample": "request"})[["request", "source", "split", "seed"]]
    return asked.assign(parameters='{"shape": "patch|round"}')


@pytest.fixture
def verdicts(samples) -> pd.DataFrame:
    """Return two samples kept, one rejected, one undecided."""
    decided = ["kept", "kept", "rejected", "undecided"]
    return pd.DataFrame({"sample": samples["sample"], "verdict": decided, "reason": ""})


@pytest.fixture
def digests(samples) -> dict[str, str]:
    """Return digests of the files of every sample."""
    names = [f"{kind}/{sample}.png" for kind in ("images", "masks") for sample in samples["sample"]]
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in names}


def drawn() -> Case:
    ramp = np.linspace(0, 1, 12 * 8).reshape(12, 8)
    image = radiograph(ramp, 0.5)
    findings = np.zeros(image.voxels.shape, np.uint8)
    findings[2:4, :, 5:9] = 40
    return Case("syn-1", image, np.zeros_like(findings), findings, {"seed": "11"})


def test_shipped_pictures_are_marked_as_synthetic_and_keep_their_values():
    files = dataset.files(drawn(), "artasyn")
    assert set(files) == {"images/syn-1.png", "masks/syn-1.png"}
    for content in files.values():
        marks = radiographs.marks_of(content)
        assert marks["Synthetic"] == "true"
        assert "Not for diagnosis" in marks["Warning"]
        assert (marks["Recipe"], marks["Seed"]) == ("artasyn", "11")
    with PngImageFile(io.BytesIO(files["images/syn-1.png"])) as image:
        restored = np.asarray(image) / 65535
    np.testing.assert_allclose(restored, picture(drawn().image.voxels), atol=1 / 65535)
    with PngImageFile(io.BytesIO(files["masks/syn-1.png"])) as image:
        np.testing.assert_array_equal(np.asarray(image), picture(drawn().findings))


def test_the_organ_map_of_a_radiograph_is_shipped_where_there_is_one(samples, requests, verdicts):
    bare, organs = drawn(), np.full_like(drawn().findings, 20)
    files = dataset.files(bare, "r") | dataset.files(
        replace(bare, name="syn-2", anatomy=organs), "r"
    )
    assert "anatomy/syn-1.png" not in files
    with PngImageFile(io.BytesIO(files["anatomy/syn-2.png"])) as image:
        np.testing.assert_array_equal(np.asarray(image), picture(organs))
    table = dataset.dataset(samples, requests, verdicts, dict.fromkeys(files, "0" * 64))
    assert table["anatomy"].tolist() == ["", "anatomy/syn-2.png"]
    assert table["anatomy_sha256"].tolist() == ["", "0" * 64]
    assert json.loads(dataset.beside(files)["labels.json"])["labels"]["lung_right"] == 20


def test_a_mark_cannot_be_overruled_and_may_hold_any_letter():
    content = radiographs.png(
        np.zeros((2, 2)), {"Synthetic": "false", "Title": "Lunge – 肺"}, bits=8
    )
    assert radiographs.marks_of(content)["Synthetic"] == "true"
    assert radiographs.marks_of(content)["Title"] == "Lunge – 肺"
    assert b"iTXt" in content


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((2, 2), 1.1), "lie in"), (np.full((2, 2), np.nan), "finite"),
        (np.full((2, 2), 300), "label ids"), (np.full((2, 2), -1), "label ids"),
    ],
)  # fmt: skip
def test_values_that_a_png_would_bend_are_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        radiographs.png(pixels, {})


def test_cases_that_lent_masks_or_pixels_are_named(samples, requests, verdicts, digests):
    lent = samples.assign(donors="a0003")
    table = dataset.dataset(lent, requests, verdicts, digests)
    assert set(table["donors"]) == {"a0003"}
    none = dataset.dataset(samples.assign(donors=""), requests, verdicts, digests)
    assert "donors" not in none


def test_only_kept_samples_are_in_the_table_with_all_of_their_origin(
    samples, requests, verdicts, digests
):
    table = dataset.dataset(samples, requests, verdicts, digests)
    assert list(table.columns) == list(dataset.COLUMNS)
    assert table["sample"].tolist() == ["syn-1", "syn-2"]
    assert table["seed"].tolist() == [11, 12]
    assert table.loc[0, "image_sha256"] == digests["images/syn-1.png"]
    assert not table.isna().any(axis=None)


def test_scores_become_columns(samples, requests, verdicts, digests):
    scores = pd.DataFrame({"sample": samples["sample"], "expert": "anatomy", "score": [2, 1, 3, 4]})
    table = dataset.dataset(samples, requests, verdicts, digests, scores)
    assert table["score_anatomy"].tolist() == [1, 2]


def test_nothing_kept_gives_an_empty_table(samples, requests, verdicts, digests):
    table = dataset.dataset(samples, requests, verdicts.assign(verdict="rejected"), digests)
    assert table.shape == (0, len(dataset.COLUMNS))


@pytest.mark.parametrize("lost", ["request", "file", "patient", "sample"])
def test_a_sample_of_unknown_origin_is_never_shipped(lost, samples, requests, verdicts, digests):
    if lost == "request":
        requests = requests[requests["request"] != "syn-1"]
    elif lost == "file":
        digests.pop("masks/syn-1.png")
    elif lost == "patient":
        samples = samples.assign(patient="")
    else:
        samples = samples[samples["sample"] != "syn-1"]
    with pytest.raises(ValueError, match=r"kept samples without \w+: .*syn-1"):
        dataset.dataset(samples, requests, verdicts, digests)


@pytest.mark.parametrize("column", ["seed", "split"])
def test_a_sample_that_is_not_what_was_asked_for_is_never_shipped(
    column, samples, requests, verdicts, digests
):
    requests[column] = {"seed": 99, "split": "test"}[column]
    with pytest.raises(ValueError, match=f"the {column} is not that of the request"):
        dataset.dataset(samples, requests, verdicts, digests)


def test_checksums_are_what_sha256sum_checks(tmp_path):
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(name.encode())
    digests = {n: hashlib.sha256(n.encode()).hexdigest() for n in ("b.png", "a.png")}
    (tmp_path / "SHA256SUMS").write_text(dataset.checksums(digests))
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    mark, *lines = dataset.checksums(digests).splitlines()
    assert mark == "# synthetic: true"
    assert [line.split()[1] for line in lines] == ["a.png", "b.png"]


@pytest.mark.parametrize("name", ["../a", "/a", "a\nb", "a/../b", "", "-rf"])
def test_a_name_that_leaves_the_folder_has_no_checksum(name):
    with pytest.raises(ValueError, match="no line of SHA256SUMS"):
        dataset.checksums({name: "0" * 64})


def card(table, verdicts, phantoms=True, facts=None):
    rows = build([
        Row("artasyn", "image_auroc", 0.9, low=0.8, high=0.95, n=40),
        Row("artasyn", "pixel_dice", float("nan"), note="no <mask> | none"),
        Row("other", "fid", 3.0),
    ])  # fmt: skip
    facts = facts or {"Date": "2026-11-21"}
    return cards.card("artasyn", facts, table, verdicts, rows, phantoms=phantoms)


def test_the_card_tells_origin_shortfall_figures_and_every_sample(
    samples, requests, verdicts, digests
):
    text = card(dataset.dataset(samples, requests, verdicts, digests), verdicts)
    assert "PHANTOMS" in text
    assert "2 of 4 samples drawn passed" in text
    assert "| image_auroc | - | 0.900 (0.800 to 0.950) | 40 |" in text
    assert "| pixel_dice | - | not available |" in text
    assert "fid" not in text
    assert "| syn-1 | c1 | p1 | train | 11 |" in text


def test_the_card_of_real_sources_says_that_they_are_people(samples, requests, verdicts, digests):
    text = card(dataset.dataset(samples, requests, verdicts, digests), verdicts, phantoms=False)
    assert "REAL radiographs" in text
    assert "as identifying as its source" in text
    assert "PHANTOMS" not in text


@pytest.mark.parametrize(("given", "edited"), [("[]", False), ('["image"]', True)])
def test_the_card_calls_masks_exact_only_where_samples_start_from_their_sources_image(
    given, edited, samples, requests, verdicts, digests
):
    asked = requests.assign(parameters=f'{{"given": {given}}}')
    text = card(dataset.dataset(samples, asked, verdicts, digests), verdicts, phantoms=False)
    for told in ("they are exact", "the image it was made from", "may be its source's"):
        assert (told in text) == edited
    for told in ("are what was asked for", "the case whose organs it takes", "by heart"):
        assert (told in text) != edited
    assert "REAL radiographs" in text


def test_nothing_in_a_cell_can_break_the_card(samples, requests, verdicts, digests):
    table = dataset.dataset(samples, requests, verdicts, digests)
    facts = {"Title": "a | b\n# <script>alert(1)</script>"}
    text = card(table.assign(source="x|y"), verdicts, facts=facts)
    assert "<script>" not in text
    assert "| Title | a &#124; b # &lt;script&gt;" in text
    assert all(line.count("|") == 7 for line in text.splitlines() if line.startswith("| syn-"))
    assert "no &lt;mask&gt; &#124; none" in text


def test_the_card_of_an_empty_dataset_is_still_a_card(samples, requests, verdicts, digests):
    table = dataset.dataset(samples, requests, verdicts.assign(verdict="rejected"), digests)
    text = card(table, verdicts.assign(verdict="rejected"))
    assert "0 of 4 samples drawn passed" in text
    assert "not available" in text
