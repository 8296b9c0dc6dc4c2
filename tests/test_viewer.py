"""Whole volumes on the page: held once, on bounded grids, under a policy that names the viewer."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from leafed import drawn, recipe, viewed, written

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.report import page, slices, viewer
from radfoundry.volume import Volume

VENDORED = Path(viewer.__file__).parent / "vendored"


def unpacked(packed):
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
    return Volume(np.asanyarray(image.dataobj), image.affine)


def policy(html):
    return re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]


@pytest.fixture(scope="module")
def html():
    return written(recipe("CT", names=("sample", "source")), recipe("MR"))


def test_the_page_holds_the_viewer_and_every_volume_once(html):
    packed = base64.b64encode((VENDORED / "niivue.umd.js.gz").read_bytes()).decode()
    assert html.count(packed) == 1
    for part in (viewed("MR")[0].image, viewed("MR")[0].labels):
        assert html.count(base64.b64encode(part).decode()) == 1


def test_the_policy_names_the_two_scripts_and_lets_nothing_be_fetched(html):
    (own,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    script = gzip.decompress((VENDORED / "niivue.umd.js.gz").read_bytes())
    allowed = [base64.b64encode(hashlib.sha256(text).digest()).decode()
               for text in (own.encode(), script)]  # fmt: skip
    assert f"script-src 'sha256-{allowed[0]}' 'sha256-{allowed[1]}';" in policy(html)
    assert policy(html).startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"unsafe|blob:|connect-src|worker-src", policy(html))


def test_what_is_not_the_pages_own_script_does_not_run(html):
    kinds = re.findall(r"<script([^>]*)>", html)
    assert kinds.count("") == 1
    inert = {re.search(r'type="([^"]*)"', kind)[1] for kind in kinds if kind}
    assert inert == {"application/json", "application/octet-stream"}


def test_a_page_of_radiographs_carries_no_viewer():
    html = written({"name": "films", "modality": "CXR"})
    assert "<script" not in html
    assert "viewer-code" not in html
    assert "Licenses of the viewer" not in html


def test_without_a_script_one_sentence_and_the_pictures_stand_there(html):
    figure = re.search(r'<figure class="viewer">.*?</figure>', html, re.S)[0]
    assert '<p class="need">' in figure
    assert figure.count('class="stage') == figure.count(" hidden>") - 1  # the button, too
    assert html.count('<img src="data:image/') == 2


def test_every_button_and_every_plane_is_named_and_says_whether_it_is_on(html):
    for button in re.findall(r"<button[^>]*data-act[^>]*>", html):
        assert re.search(r'type="button".*aria-pressed="(true|false)"', button)
    assert html.count('aria-label="View"') == 2
    assert html.count('aria-label="Gray levels"') == 1, "an MR has one window"
    assert "<canvas tabindex=" in html


def test_intensities_are_those_of_the_pages_pictures():
    case, (shown,) = drawn("CT"), viewed("CT")
    gray = slices.gray(slices.VolumePicture("", case.image))
    found = unpacked(shown.image)
    assert found.voxels.dtype == np.uint8
    np.testing.assert_allclose(found.voxels / 255, gray, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found.affine, case.image.affine, atol=1e-4)


def test_codes_say_what_is_there_and_outline_findings():
    anatomy, findings = np.zeros((2, 9, 9, 9), np.uint8)
    (lung,) = regions.ids("lung_upper_lobe_left")[:1]
    anatomy[1:8, 1:8, 1:8], findings[3:6, 3:6, 3:6] = lung, regions.ids("nodule")[0]
    case = Case("c", Volume(np.zeros((9, 9, 9)), np.eye(4)), anatomy, findings)
    (shown,) = viewer.of_cases([("c", case)], "CT")
    labels, names = unpacked(shown.labels).voxels, ("lung upper lobe left", "nodule")
    assert labels[0, 0, 0] == 0
    at = {place: shown.codes[labels[place] - 1] for place in ((1, 1, 1), (3, 3, 3), (4, 4, 4))}
    assert [code.names for code in at.values()] == [names[:1], names, names]
    assert at[3, 3, 3].colour != at[4, 4, 4].colour == at[1, 1, 1].colour


def test_a_large_volume_is_shown_on_a_coarser_grid_over_the_same_box(monkeypatch):
    monkeypatch.setattr(viewer, "SIDES", (16, 8))
    case, (shown,) = drawn("CT"), viewed("CT")
    image = unpacked(shown.image)
    assert shown.grid == image.voxels.shape == (16, 16, 16)
    ends = [[-0.5, -0.5, -0.5, 1], [15.5, 15.5, 15.5, 1]]
    whole = [[-0.5, -0.5, -0.5, 1], [31.5, 31.5, 31.5, 1]]
    np.testing.assert_allclose(ends @ image.affine.T, whole @ case.image.affine.T, atol=1e-3)
    (note,) = viewer.part([shown], [shown], "CT")["notes"]
    assert "drawn: 16 × 16 × 16 voxels of 32 × 32 × 32" in note


def test_what_does_not_fit_is_drawn_coarser(monkeypatch):
    monkeypatch.setattr(viewer, "SIDES", (32, 16, 8))
    monkeypatch.setattr(viewer, "MOST_BYTES", 6_000)
    (shown,) = viewed("CT")
    assert shown.size <= 6_000
    assert shown.grid < (32, 32, 32)


def test_recipes_share_the_room_of_a_page_and_what_is_left_out_is_said(monkeypatch):
    pair = viewed("CT", names=("one", "two")), viewed("MR", names=("three", "four"))
    room = sum(own[0].size for own in pair) * viewer.AS_TEXT + len(viewer.library().data)
    kept = viewer.fitting(pair, room + 2)
    assert [[one.name for one in own] for own in kept] == [["one"], ["three"]]
    assert viewer.part(kept[0], pair[0], "CT")["notes"][0].startswith("Left out")
    assert viewer.fitting(pair, 0) == [[], []]
    monkeypatch.setattr(page, "MOST_BYTES", 0)
    full = written({"name": "CT", "modality": "CT", "volumes": pair[0]})
    assert "grow too large: one, two" in full
    assert "<script" not in full


def test_one_plane_is_no_volume():
    case = drawn("CT")
    flat = Volume(case.image.voxels[:, :, :1], case.image.affine)
    maps = {"anatomy": case.anatomy[:, :, :1], "findings": case.findings[:, :, :1]}
    assert viewer.of_cases([("flat", replace(case, image=flat, **maps))], "CT") == []


def test_names_from_tables_do_not_end_the_block_they_stand_in():
    evil = "</script><script>alert(1)</script>"
    html = written({"name": "CT", "modality": "CT", "volumes": viewed("MR", names=(evil,))})
    assert html.count("<script>") == 1
    (block,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)
    assert json.loads(block)["volumes"][0]["name"] == evil


def test_the_vendored_script_is_the_one_that_its_page_names():
    said = (VENDORED / "README.md").read_text()
    script = gzip.decompress((VENDORED / "niivue.umd.js.gz").read_bytes())
    assert hashlib.sha256(script).hexdigest() in said
    assert "Copyright (c) 2021, Niivue" in viewer.library().licenses
