"""What lies among slices is left out by name; rounding and jitter are no gap; frames are slices."""

import io

import numpy as np
import pydicom
import pytest
import SimpleITK
from files import BODY_AFFINE, body, ct_series, dicom, encoded, metaimage, put_series, ramp
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from radfoundry.data import gate

SLICES = list(ct_series())
PAGE = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
PAGE |= {"SeriesInstanceUID": "1.2.999", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}
CORONAL = {"SeriesInstanceUID": "1.2.8", "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
STRAY = [
    ("Thumbs.db", b"\xd0\xcf\x11\xe0 of no kind", "dcm.left_out"),
    ("desktop.ini", b"[.ShellClassInfo]", "dcm.left_out"),
    (".DS_Store", b"\0\0\0\1Bud1", "dcm.left_out"),
    ("._IM0001.dcm", b"\0\5\x16\7", "dcm.left_out"),
    ("preview.jpg", encoded(ramp(), "JPEG"), "dcm.left_out"),
    ("preview.png", encoded(ramp()), "dcm.left_out"),
    ("autorun.inf", b"", "dcm.left_out"),
    ("viewer.exe", b"MZ program", "dcm.left_out"),
    ("dose.dcm", dicom(Modality="SR"), "dcm.other_objects"),
    ("page.dcm", next(ct_series(1, {0: PAGE})), "dcm.page"),
    ("scout.dcm", next(ct_series(1, **CORONAL)), "dcm.localizer"),
    ("000 (1).dcm", SLICES[0], "dcm.copy"),
    ("999.dcm", next(ct_series(1, PatientAge="050Y")), "dcm.copy"),
]


def ct(path):
    return gate.read(path, modality="CT")


@pytest.fixture
def folder(tmp_path):
    return put_series(tmp_path / "series", SLICES)


@pytest.mark.parametrize(("name", "content", "code"), STRAY, ids=[row[0] for row in STRAY])
def test_a_stray_file_is_left_out_with_a_warning_that_names_it(folder, name, content, code):
    alone = ct(folder)
    (folder / name).write_bytes(content)
    raw = ct(folder)
    assert raw.warnings == (f"{code} - {name}",)
    assert raw.sha256 == alone.sha256
    np.testing.assert_array_equal(raw.image.voxels, alone.image.voxels)


def test_what_may_be_a_damaged_slice_is_refused_by_its_name(folder):
    for name in ("IM0007", "IM0007.dcm", "8"):
        (folder / name).write_bytes(b"none of the kinds")
        with pytest.raises(gate.GateError, match=rf"io\.format: {name}: "):
            ct(folder)
        (folder / name).unlink()


def test_a_cut_slice_is_named(folder):
    (folder / "000.dcm").write_bytes(SLICES[0][:-40])
    with pytest.raises(gate.GateError, match=r"dcm\.truncated: 000\.dcm: "):
        ct(folder)


def test_names_in_a_warning_are_few_short_and_plain():
    from radfoundry.data.gate.series import named

    assert named([f"{n}.db" for n in range(9)]).endswith("4.db, and 4 more")
    assert named(["a|b\n" + "c" * 90]) == "a?b?" + "c" * 36 + "..."


def placed(*along):
    return {i: {"ImagePositionPatient": [-20, -30, place]} for i, place in enumerate(along)}


JITTER = [0.1, -0.15, 0.12, -0.1, 0.05, -0.12, 0.14, 0.0]
EVEN = [
    ("tenths of 0.625", [round(0.625 * i, 1) for i in range(40)], 0.625),
    ("whole millimeters of 2.5", [np.floor(2.5 * i + 0.5) for i in range(12)], 2.5),
    ("jitter", [2.5 * i + off for i, off in enumerate(JITTER)], 2.5),
    ("drift of rounding", [round(1.33 * i, 1) for i in range(50)], 1.33),
]


@pytest.mark.parametrize(("along", "step"), [r[1:] for r in EVEN], ids=[r[0] for r in EVEN])
def test_rounding_and_jitter_are_judged_against_one_even_grid(tmp_path, along, step):
    changes = placed(*map(float, along))
    raw = ct(put_series(tmp_path / "s", ct_series(len(along), changes=changes)))
    assert "dcm.uneven" in raw.warnings  # (long series of this fixture leave its 12 bits, too)
    assert raw.image.spacing_mm[2] == pytest.approx(step, rel=0.01)


def test_rounding_sideways_is_no_tilt(tmp_path):
    places = {i: {"ImagePositionPatient": [-20 + 0.05 * (i % 2), -30, 2.5 * i]} for i in range(6)}
    assert ct(put_series(tmp_path / "s", ct_series(changes=places))).warnings == ()


GAPS = [
    ("a slice is missing", [0, 2.5, 5, 10, 12.5, 15], "1 slices seem to be missing"),
    ("two distances", [0, 2.5, 5, 7.5, 9.5, 11.5, 13.5], "unevenly spaced"),
    ("a slice beside its place", [0, 2.5, 5.9, 7.5, 10, 12.5], "unevenly spaced"),
]


@pytest.mark.parametrize(("along", "told"), [r[1:] for r in GAPS], ids=[r[0] for r in GAPS])
def test_gaps_are_still_refused(tmp_path, along, told):
    folder = put_series(tmp_path / "s", ct_series(len(along), changes=placed(*along)))
    with pytest.raises(gate.GateError, match=rf"dcm\.spacing.*{told}"):
        ct(folder)


def groups(**tags):
    """Return a frame's functional groups: each sequence with the tags it holds."""
    own = Dataset()
    for sequence, inside in tags.items():
        item = Dataset()
        for tag, value in inside.items():
            setattr(item, tag, value)
        setattr(own, sequence, [item])
    return own


def multiframe(places, frames=None, compressed=False, **tags):
    """Return an enhanced CT whose frame i has 100 i + ramp, at a place of its own."""
    pictures = np.stack([ramp(12, 10, 3000, np.uint16) + np.uint16(100 * i)
                         for i in range(len(places))])  # fmt: skip
    dataset = pydicom.dcmread(io.BytesIO(dicom(pictures[0], Modality="CT")))
    measures, scale = {"PixelSpacing": [0.7, 0.6]}, {"RescaleSlope": 1, "RescaleIntercept": -1024}
    dataset.SharedFunctionalGroupsSequence = [groups(
        PixelMeasuresSequence=measures, PixelValueTransformationSequence=scale,
        PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]})]  # fmt: skip
    dataset.PerFrameFunctionalGroupsSequence = [
        groups(PlanePositionSequence={"ImagePositionPatient": [-20, -30, z]}) for z in places
    ]
    dataset.NumberOfFrames, dataset.PixelData = frames or len(places), pictures.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    if compressed:
        dataset.compress(RLELossless, generate_instance_uid=False)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return buffer.getvalue()


PLACES = [2.5 * i - 100 for i in range(6)]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("inside", [False, True], ids=["file", "folder"])
def test_an_enhanced_file_holds_what_a_series_does(tmp_path, folder, compressed, inside):
    order = [3, 0, 5, 1, 4, 2]
    content = multiframe([PLACES[at] for at in order], compressed=compressed)
    path = tmp_path / "e" / "IM0.dcm"
    path.parent.mkdir()
    path.write_bytes(content)
    found, known = ct(path.parent if inside else path).image, ct(folder).image
    np.testing.assert_allclose(found.affine, known.affine)
    kept = [frame for frame, _ in sorted(enumerate(order), key=lambda pair: pair[1])]
    np.testing.assert_array_equal(found.voxels[-1, -1], np.array(kept) * 100 - 1024)


BROKEN = [
    ("cut", multiframe(PLACES)[:-60], "dcm."),
    ("more frames than pixels", multiframe(PLACES, frames=9), "dcm."),
    ("a bomb", multiframe(PLACES, Rows=65535, Columns=65535), "io.too_large"),
    ("a gap", multiframe([*PLACES[:2], *PLACES[3:]]), "dcm.spacing"),
    ("two phases", multiframe(PLACES * 2), "dcm.duplicate"),
    ("another modality", multiframe(PLACES, Modality="MR"), "dcm.modality"),
    ("no places", multiframe(PLACES, PerFrameFunctionalGroupsSequence=[]), "dcm.frames"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "code"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_a_broken_enhanced_file_is_refused(put, content, code):
    with pytest.raises(gate.GateError) as caught:
        ct(put(content, "a.dcm"))
    assert caught.value.code == code or caught.value.code.startswith(code)


@pytest.mark.parametrize("packed", [False, True], ids=["raw", "zraw"])
def test_a_header_and_its_voxels_are_read_as_one(tmp_path, packed):
    image = SimpleITK.GetImageFromArray(body().T)
    image.SetSpacing((0.7, 0.8, 2))
    SimpleITK.WriteImage(image, str(tmp_path / "a.mhd"), useCompression=packed)
    raw = ct(tmp_path / "a.mhd")
    np.testing.assert_array_equal(raw.image.voxels, body()[::-1, ::-1])
    np.testing.assert_allclose(raw.image.spacing_mm, (0.7, 0.8, 2))
    mask = SimpleITK.GetImageFromArray((body() < 0).astype(np.uint8).T)
    mask.CopyInformation(image)
    SimpleITK.WriteImage(mask, str(tmp_path / "m.mhd"), useCompression=packed)
    assert gate.read_masks(tmp_path / "m.mhd", {1: "lungs"}, raw.image).structures.any()


def test_cut_packed_and_outside_voxels_of_a_pair_are_refused(tmp_path):
    content = metaimage(body(), BODY_AFFINE, packed=False, ElementDataFile="a.raw")
    header, _, voxels = content.partition(b"a.raw\n")
    (tmp_path / "a.mhd").write_bytes(header + b"a.raw\n")
    for end, code in ((-50, "io.short"), (0, "io.missing")):
        (tmp_path / "a.raw").unlink(missing_ok=True)
        if end:
            (tmp_path / "a.raw").write_bytes(voxels[:end])
        with pytest.raises(gate.GateError) as caught:
            ct(tmp_path / "a.mhd")
        assert caught.value.code == code
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.raw").write_bytes(voxels)
    (tmp_path / "in/a.mhd").write_bytes(header + b"a.raw\n")
    (tmp_path / "in/a.raw").symlink_to(tmp_path / "secret.raw")
    with pytest.raises(gate.GateError, match=r"path\.escape"):
        gate.read(tmp_path / "in/a.mhd", modality="CT")


def test_two_slices_in_one_place_are_named(tmp_path):
    other = next(ct_series(1, {0: {"picture": np.full((12, 10), 30, np.uint16)}}))
    folder = put_series(tmp_path / "series", [*SLICES, other])
    with pytest.raises(gate.GateError, match=r"dcm.duplicate: \S+ and \S+, 1 of 7 slices"):
        gate.read(folder, modality="CT")
