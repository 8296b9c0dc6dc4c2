"""Rows 1 to 10, 12 to 14, 22 to 29 and 31 of the fault matrix for volumes, in every format."""

import resource

import numpy as np
import pytest
from files import BODY_AFFINE, body, ct_series, dicom, metaimage, nested, nifti, nrrd, put_series
from files import zipped as gzipped

from radfoundry.data import gate

PLAIN = nifti(body(), BODY_AFFINE)
RAW, META = nrrd(body(), encoding="raw"), metaimage(body(), packed=False)
FORMS = {
    "nii.gz": gzipped(PLAIN),
    "nrrd": nrrd(body()),
    "bz2.nrrd": nrrd(body(), encoding="bzip2"),
    "mha": metaimage(body()),
}
HUGE = [3, 30000, 30000, 30000, 1, 1, 1, 1]
WIDE = "30000 30000 30000"
NOISE = np.random.default_rng(0).bytes(5000)
FLOATS = {"nii": nifti, "nrrd": nrrd, "mha": metaimage}


def cut(content):
    return content[: -len(content) // 8]


def flipped(content):
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


def poked(form, value):
    voxels = body(np.float32)
    voxels[3, 4, 5] = value
    return FLOATS[form](voxels, BODY_AFFINE)


REFUSED = [
    *[(f"1 cut {form}", f"a.{form}", cut(FORMS[form]), "io.truncated") for form in FORMS],
    *[(f"2 flipped bit in {form}", f"a.{form}", flipped(FORMS[form]), "io.crc") for form in FORMS],
    *[(f"3 empty {form}", f"a.{form}", b"", "io.empty") for form in FORMS],
    *[(f"4 noise named {form}", f"a.{form}", NOISE, "io.format") for form in FORMS],
    ("4 noise behind a magic", "a.nrrd", b"NRRD0004\n" + NOISE, "io."),
    ("5 plain named gz", "a.nii.gz", PLAIN, "io.format"),
    ("5 gz named plain", "a.nii", gzipped(PLAIN), "io.format"),
    ("5 voxels in another file", "a.nhdr", nrrd(body(), data_file="a.raw"), "io.format"),
    ("5 voxels of another file gone", "a.mhd", metaimage(body(), ElementDataFile="a.raw"),
     "io.missing"),
    ("5 a file for each slice", "a.mhd", metaimage(body(), ElementDataFile="LIST"), "io.format"),
    ("5 a file for each slice", "a.mhd", metaimage(body(), ElementDataFile="a%03d.raw 1 8 1"),
     "io.format"),
    ("5 voxels elsewhere", "a.mhd", metaimage(body(), ElementDataFile="../a.raw"), "path.escape"),
    ("6 header only", "a.nii", PLAIN[:352], "io.short"),
    ("6 header only", "a.nrrd", RAW[: RAW.index(b"name:=")], "io.short"),
    ("6 header only", "a.mha", META[: META.index(b"ElementDataFile")], "io.short"),
    ("6 short body", "a.nii", PLAIN[:-50], "io.short"),
    ("6 short body", "a.nrrd", RAW[:-50], "io.short"),
    ("6 short body", "a.mha", META[:-50], "io.short"),
    ("6 packed body", "a.nrrd", nrrd(body(), sizes="6 7 9"), "io.short"),
    ("6 packed body", "a.mha", metaimage(body(), DimSize="6 7 9"), "io.short"),
    ("6 packed size", "a.mha", metaimage(body(), CompressedDataSize=9999), "io.truncated"),
    ("6 voxels past the end", "a.nii", nifti(body(), BODY_AFFINE, vox_offset=1e6), "io.short"),
    ("7 huge claim", "a.nii.gz", gzipped(nifti(body(), dim=HUGE)), "io.too_large"),
    ("7 huge claim", "a.nrrd", nrrd(body(), sizes=WIDE), "io.too_large"),
    ("7 huge claim", "a.mha", metaimage(body(), DimSize=WIDE), "io.too_large"),
    ("7 more than claimed", "a.nii.gz", gzipped(PLAIN + bytes(2**22)), "io.too_large"),
    ("7 more than claimed", "a.nrrd", RAW + bytes(5000), "io.too_large"),
    ("7 more than claimed", "a.nrrd", nrrd(np.zeros((30, 30, 30), "i2"), sizes="6 7 8"),
     "io.too_large"),
    ("7 more than claimed", "a.mha", META + bytes(5000), "io.too_large"),
    ("8 negative size", "a.nrrd", nrrd(body(), sizes="6 -7 8"), "io.header"),
    ("8 zero size", "a.mha", metaimage(body(), DimSize="6 0 8"), "io.header"),
    ("8 sizes are words", "a.nrrd", nrrd(body(), sizes="6 seven 8"), "io.header"),
    ("8 sizes are words", "a.mha", metaimage(body(), DimSize="6 seven 8"), "io.header"),
    ("8 dimension", "a.nrrd", nrrd(body(), dimension=4), "io.header"),
    ("8 dimension", "a.mha", metaimage(body(), NDims=4), "io.header"),
    ("8 unknown type", "a.nrrd", nrrd(body(), type="block"), "io.header"),
    ("8 unknown type", "a.mha", metaimage(body(), ElementType="MET_OTHER"), "io.header"),
    ("8 no type", "a.nrrd", nrrd(body(), type=None), "io.header"),
    ("8 no order of bytes", "a.nrrd", nrrd(body(), endian=None), "io.header"),
    ("8 unknown packing", "a.nrrd", nrrd(body(), encoding="hex"), "io.header"),
    ("8 voxels as text", "a.mha", metaimage(body(), BinaryData=False), "io.header"),
    *[(f"22 NaN in {form}", f"a.{form}", poked(form, np.nan), "int.nonfinite") for form in FLOATS],
    *[(f"22 infinity in {form}", f"a.{form}", poked(form, np.inf), "int.nonfinite")
      for form in FLOATS],
    ("23 constant", "a.nrrd", nrrd(body() * 0 - 1000), "int.constant"),
    ("23 all air", "a.nrrd", nrrd((body() // 10 - 950).astype(np.int16)), "int.constant"),
]  # fmt: skip


@pytest.fixture
def refused(tmp_path):
    """Return a function that gives the error with which a CT is refused."""

    def error(path):
        with pytest.raises(gate.GateError) as caught:
            gate.read(path, modality="CT")
        assert not any(word in str(caught.value) for word in (str(tmp_path), "Doe", "DOE"))
        return caught.value

    return error


@pytest.mark.parametrize(("name", "content", "code"), [r[1:] for r in REFUSED],
                         ids=[f"{r[0]} ({r[1]})" for r in REFUSED])  # fmt: skip
def test_a_broken_volume_is_refused_with_its_code(refused, tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    found = refused(tmp_path / name).code
    assert found == code or (code.endswith(".") and found.startswith(code))


HINTS = [
    ("24 between 0 and 1", (body() + 900) / 700, "rescaled to \\[0, 1\\]"),
    ("24 between -1 and 1", body() / 1000, "rescaled to"),
    ("24 from 0 to 4095", (body() + 900) * 5, "intercept of -1024"),
    ("24 raw with padding", np.where(body() < -800, -2000, body() + 900), "intercept of -1024"),
    ("24 a windowed picture", (body() + 900) / 3, "8 bit"),
]


@pytest.mark.parametrize(("values", "hint"), [r[1:] for r in HINTS], ids=[r[0] for r in HINTS])
@pytest.mark.parametrize("form", FLOATS)
def test_a_ct_outside_hounsfield_units_is_refused_with_a_hint(
    refused, tmp_path, values, hint, form
):
    path = tmp_path / f"a.{form}"
    path.write_bytes(FLOATS[form](values.astype(np.float32), BODY_AFFINE))
    error = refused(path)
    assert error.code == "int.hu_range"
    pytest.raises(gate.GateError, gate.read, path, modality="CT").match(hint)


@pytest.mark.parametrize("slope", [0, np.nan, np.inf])
def test_a_slope_of_a_ct_that_is_no_number_counts_as_one(tmp_path, slope):
    (tmp_path / "a.nii").write_bytes(nifti(body(), BODY_AFFINE, scl_slope=slope, scl_inter=0))
    raw = gate.read(tmp_path / "a.nii", modality="CT")
    assert raw.warnings == (() if slope == 0 else ("int.scale_ignored",))
    np.testing.assert_array_equal(raw.image.voxels, body()[::-1, ::-1])


def test_bombs_of_volumes_are_refused_from_their_headers_alone(refused, tmp_path):
    zeros = gzipped(bytes(2**24))
    head = nrrd(body(), sizes="1300 1300 1300").split(b"\n\n")[0] + b"\n\n"
    (tmp_path / "a.nrrd").write_bytes(head + zeros * 8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(tmp_path / "a.nrrd").code == "io.too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def at(*places):
    return {i: {"ImagePositionPatient": list(place)} for i, place in enumerate(places)}


def turned(degrees):
    angle = np.radians(degrees)
    return {"ImageOrientationPatient": [1, 0, 0, 0, np.cos(angle), np.sin(angle)]}


SLICES = list(ct_series())
OTHER = list(ct_series(changes={i: {"picture": np.full((12, 10), i, np.uint16)} for i in range(6)}))
SERIES = [
    ("1 no slice", [], "dcm.series"),
    ("3 an empty slice", [*SLICES, b""], "io.empty"),
    ("4 noise among slices", [*SLICES, NOISE], "io.format"),
    ("4 another image among slices", [*SLICES, gzipped(PLAIN)], "io."),
    ("12 a cut slice", [*SLICES[1:], SLICES[0][:-40]], "dcm.truncated"),
    ("12 cut tags", [*SLICES[1:], SLICES[0][:330]], "dcm."),
    ("12 deep sequences", [*SLICES[1:], nested(3000, SLICES[0])], "dcm.nesting"),
    ("12 a program", [b"\x7fELF" + SLICES[0][4:], *SLICES[1:]], "dcm.preamble"),
    ("12 frames", ct_series(NumberOfFrames=2), "dcm.frames"),
    ("12 radiographs", [dicom(), dicom()], "dcm.series"),
    ("13 one slope missing", ct_series(changes={3: {"RescaleSlope": None}}), "dcm.rescale"),
    ("13 a slope of zero", ct_series(changes={3: {"RescaleSlope": 0}}), "dcm.rescale"),
    ("14 a slice is missing", SLICES[:2] + SLICES[3:], "dcm.spacing"),
    ("14 uneven slices", ct_series(changes={3: at((-20, -30, -92.1))[0]}), "dcm.spacing"),
    ("14 two slices in one place", [*SLICES, OTHER[2]], "dcm.duplicate"),
    ("14 two phases", [*SLICES, *OTHER], "dcm.duplicate"),
    ("14 all in one place", [SLICES[0], OTHER[0]], "dcm.duplicate"),
    ("14 copies of one slice", SLICES[:1] * 3, "geo.ndim"),
    ("14 tilt", ct_series(changes=at(*[(-20, -30 + i, 2.5 * i) for i in range(6)])), "dcm.tilt"),
    ("14 a slice aside", ct_series(changes=at((-20, -29, -100))), "dcm.tilt"),
    ("14 two directions", ct_series(changes={3: turned(10)}), "dcm.orientation"),
    ("14 no direction", ct_series(ImageOrientationPatient=None), "dcm.orientation"),
    ("14 askew axes", ct_series(ImageOrientationPatient=[1, 0, 0, 1, 1, 0]), "dcm.orientation"),
    ("14 no place", ct_series(changes={2: {"ImagePositionPatient": None}}), "dcm.spacing"),
    ("14 two series", ct_series(changes={2: {"SeriesInstanceUID": "1.2.3"}}), "dcm.series"),
    ("14 two spacings", ct_series(changes={2: {"PixelSpacing": [0.7, 0.7]}}), "dcm.spacing"),
    ("14 two sizes", [*SLICES, dicom(Modality="CT", SeriesInstanceUID="1.2.9", PixelSpacing=[1, 1],
     ImageOrientationPatient=[1, 0, 0, 0, 1, 0], ImagePositionPatient=[0, 0, 0])], "dcm.series"),
    ("20 huge pixels", ct_series(PixelSpacing=[700, 600]), "geo.spacing"),
    ("20 slices far apart", ct_series(2, changes=at((0, 0, 0), (0, 0, 90))), "geo.spacing"),
    ("21 one slice", SLICES[:1], "geo.ndim"),
    ("23 constant", ct_series(changes={i: {"picture": np.full((12, 10), 24, np.uint16)}
     for i in range(6)}), "int.constant"),
    ("24 no intercept", ct_series(RescaleIntercept=0), "int.hu_range"),
]  # fmt: skip


@pytest.mark.parametrize(("slices", "code"), [r[1:] for r in SERIES], ids=[r[0] for r in SERIES])
def test_a_broken_series_is_refused_with_its_code(refused, tmp_path, slices, code):
    found = refused(put_series(tmp_path / "series", slices)).code
    assert found == code or (code.endswith(".") and found.startswith(code))


def test_the_refusal_says_how_many_series_slices_or_volumes_there_are(refused, tmp_path):
    mixed = put_series(tmp_path / "two", ct_series(changes={2: {"SeriesInstanceUID": "1.2.3"}}))
    assert "2 series" in refused(mixed).message
    assert "2 slices seem to be missing" in refused(put_series(
        tmp_path / "gap", SLICES[:1] + SLICES[3:])).message  # fmt: skip
    axes = "(0.7,0,0) (0,0.8,0) (0,0,2) none"
    (tmp_path / "a.nrrd").write_bytes(nrrd(np.stack([body()] * 5, -1), space_directions=axes))
    (tmp_path / "a.nii").write_bytes(nifti(np.stack([body()] * 5, -1), BODY_AFFINE))
    for name in ("a.nrrd", "a.nii"):
        assert "5 volumes" in refused(tmp_path / name).message


@pytest.mark.parametrize("jitter", [0.02, 0.0])
def test_rounding_of_positions_below_one_percent_is_no_gap(tmp_path, jitter):
    places = at(*[(-20, -30, 2.5 * i + jitter * (i == 3)) for i in range(6)])
    raw = gate.read(put_series(tmp_path / "s", ct_series(changes=places)), modality="CT")
    assert raw.image.spacing_mm[2] == pytest.approx(2.5)


def test_one_file_of_a_series_is_no_volume(refused, tmp_path):
    (tmp_path / "a.dcm").write_bytes(SLICES[0])
    error = refused(tmp_path / "a.dcm")
    assert error.code == "geo.ndim"
    assert "folder" in error.message


def test_missing_unreadable_and_escaping_series_are_refused(refused, tmp_path):
    assert refused(tmp_path / "gone").code == "io.missing"
    folder = put_series(tmp_path / "series", SLICES)
    (folder / "link.dcm").symlink_to(tmp_path / "gone.dcm")
    assert refused(folder).code == "io.missing"
    (folder / "link.dcm").unlink()
    (tmp_path / "outside.dcm").write_bytes(SLICES[0])
    (folder / "link.dcm").symlink_to(tmp_path / "outside.dcm")
    for root in (folder, tmp_path / "other"):
        with pytest.raises(gate.GateError, match=r"path\.escape"):
            gate.read(folder, root, "CT")


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "image.nii.gz").write_bytes(FORMS["nii.gz"])
    return gate.read(tmp_path / "image.nii.gz", modality="CT").image


def shifted(mm):
    return BODY_AFFINE + mm * np.eye(4, k=3)


MASK = (body() < -300).astype(np.uint8)
BAD_MASKS = [
    ("1 cut", lambda form: cut(FORMS[{"nii": "nii.gz"}.get(form, form)]), "io."),
    ("27 between labels", lambda form: FLOATS[form](MASK * np.float32(2.7), BODY_AFFINE),
     "mask.noninteger"),
    ("27 off by more than a thousandth", lambda form: FLOATS[form](
     MASK * np.float32(0.998), BODY_AFFINE), "mask.noninteger"),
    ("27 a large label off by a half", lambda form: FLOATS[form](
     MASK * np.float32(69998.5), BODY_AFFINE), "mask.noninteger"),
    ("27 NaN", lambda form: poked(form, np.nan), "mask.noninteger"),
    ("28 unknown value", lambda form: FLOATS[form](MASK * np.uint8(9), BODY_AFFINE), "mask.label"),
    ("28 negative value", lambda form: FLOATS[form](-MASK.astype(np.int16), BODY_AFFINE),
     "mask.label"),
    ("29 a millimeter aside", lambda form: FLOATS[form](MASK, shifted(1)), "geo.mismatch"),
    ("29 one voxel aside", lambda form: FLOATS[form](MASK, shifted(0.7)), "geo.mismatch"),
    ("29 other voxels", lambda form: FLOATS[form](MASK, BODY_AFFINE @ np.diag([1, 1, 1.01, 1])),
     "geo.mismatch"),
    ("29 a crop off the lattice", lambda form: FLOATS[form](MASK[:4], shifted(0.3)),
     "geo.mismatch"),
    ("29 a crop partly beside", lambda form: FLOATS[form](MASK[:4], shifted(1.4)), "geo.mismatch"),
    ("29 a crop elsewhere", lambda form: FLOATS[form](MASK[:4], shifted(70)), "geo.mismatch"),
    ("29 marks beside the image", lambda form: FLOATS[form](
     np.pad(MASK * 0, ((0, 0), (0, 0), (0, 3)), constant_values=1), BODY_AFFINE), "geo.mismatch"),
    ("29 a coarser grid", lambda form: FLOATS[form](MASK[::2, ::2, ::2],
     BODY_AFFINE @ np.diag([2, 2, 2, 1])), "geo.mismatch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "code"), [r[1:] for r in BAD_MASKS], ids=[r[0] for r in BAD_MASKS]
)
@pytest.mark.parametrize("form", FLOATS)
def test_a_bad_volume_mask_is_refused_with_its_code(tmp_path, grid, form, write, code):
    content = write(form)
    path = tmp_path / (f"a.{form}.gz" if content.startswith(b"\x1f\x8b") else f"a.{form}")
    path.write_bytes(content)
    with pytest.raises(gate.GateError) as error:
        gate.read_masks(path, {1: "lungs"}, grid)
    assert error.value.code == code or (code.endswith(".") and error.value.code.startswith(code))


@pytest.mark.parametrize("value", [1.0000001, 0.99998, 0.9991, 1.0008])
@pytest.mark.parametrize("form", FLOATS)
def test_a_mask_that_is_off_by_rounding_is_read_with_a_warning(tmp_path, grid, form, value):
    path = tmp_path / f"a.{form}"
    path.write_bytes(FLOATS[form](MASK * np.float32(value), BODY_AFFINE))
    masks = gate.read_masks(path, {1: "lungs"}, grid)
    assert (masks.structures > 0).sum() == MASK.sum()
    assert masks.warnings == ("mask.rounded",)


@pytest.mark.parametrize("slope", [1.0000000591389835, 1 / 255])
def test_a_mask_of_whole_numbers_with_a_slope_is_read(tmp_path, grid, slope):
    stored = MASK * np.uint8(round(1 / slope))
    (tmp_path / "a.nii").write_bytes(nifti(stored, BODY_AFFINE, scl_slope=slope, scl_inter=0))
    masks = gate.read_masks(tmp_path / "a.nii", {1: "lungs"}, grid)
    assert (masks.structures > 0).sum() == MASK.sum()


@pytest.mark.parametrize("form", FLOATS)
@pytest.mark.parametrize("rows", [slice(None), slice(1, 5)], ids=["whole", "cropped"])
def test_a_mask_less_than_a_tenth_of_a_voxel_aside_is_snapped(tmp_path, grid, form, rows):
    moved = shifted(0.06)
    moved[:, 3] = moved @ [rows.start or 0, 0, 0, 1]
    (tmp_path / f"a.{form}").write_bytes(FLOATS[form](MASK[rows], moved))
    masks = gate.read_masks(tmp_path / f"a.{form}", {1: "lungs"}, grid)
    assert (masks.structures > 0).sum() == MASK[rows].sum()
    assert len(masks.warnings) == 1


def test_a_dicom_mask_is_refused_with_a_hint(tmp_path, grid):
    (tmp_path / "seg.dcm").write_bytes(dicom(Modality="SEG"))
    with pytest.raises(gate.GateError, match=r"io\.format.*not from DICOM"):
        gate.read_masks(tmp_path / "seg.dcm", {1: "lungs"}, grid)


@pytest.mark.parametrize("shape", [(7, 513, 1), (1, 1, 90), (40, 48, 1)])
@pytest.mark.parametrize("form", FLOATS)
def test_a_plane_or_a_line_is_no_volume(refused, tmp_path, form, shape):
    voxels = np.linspace(-900, 900, np.prod(shape)).reshape(shape).astype(np.float32)
    (tmp_path / f"a.{form}").write_bytes(FLOATS[form](voxels, BODY_AFFINE))
    assert refused(tmp_path / f"a.{form}").code == "geo.ndim"


def test_an_odd_and_long_volume_is_read(tmp_path):
    voxels = np.linspace(-900, 900, 7 * 513 * 2).reshape(7, 513, 2).astype(np.float32)
    (tmp_path / "a.nrrd").write_bytes(nrrd(voxels))
    assert gate.read(tmp_path / "a.nrrd", modality="CT").image.voxels.shape == (7, 513, 2)
