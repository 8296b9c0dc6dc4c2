"""Volumes through the read gate: series, NRRD, MetaImage and NIfTI alike, and masks on them."""

import contextlib
import hashlib
import io

import numpy as np
import pydicom
import pytest
import SimpleITK
from files import BODY_AFFINE, body, ct_series, metaimage, nifti, nrrd, put_series, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radfoundry.anatomy import regions
from radfoundry.data import gate

FUZZ = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TILT, TURN = np.radians([20, 35])
AROUND_X = [[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]]
AROUND_Z = [[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]]
ROTATION = np.array(AROUND_Z) @ np.array(AROUND_X)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "series"


def ct(path):
    return gate.read(path, modality="CT")


FORMS = {
    "a.nii.gz": zipped(nifti(body(), BODY_AFFINE)),
    "gzip.nrrd": nrrd(body()),
    "bzip2.nrrd": nrrd(body(), encoding="bzip2"),
    "raw.nrrd": nrrd(body(), encoding="raw"),
    "big_endian.nrrd": nrrd(body(), order=">"),
    "whole_floats.nrrd": nrrd(body(np.float32)),
    "ras.nrrd": nrrd(
        body(),
        space="right-anterior-superior",
        space_origin="(20,30,-100)",
        space_directions="(-0.7,0,0) (0,-0.8,0) (0,0,2)",
    ),
    "meters.nrrd": nrrd(
        body(),
        space_units='"m" "m" "m"',
        space_origin="(-0.02,-0.03,-0.1)",
        space_directions="(0.0007,0,0) (0,0.0008,0) (0,0,0.002)",
    ),
    "one_channel.nrrd": nrrd(
        body()[None],
        kinds="list domain domain domain",
        space_directions="none (0.7,0,0) (0,0.8,0) (0,0,2)",
    ),
    "packed.mha": metaimage(body()),
    "plain.mha": metaimage(body(), packed=False),
    "big_endian.mha": metaimage(body(), order=">", packed=False),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_volume_format_holds_the_same_image(put, name):
    raw = ct(put(FORMS[name], name))
    np.testing.assert_array_equal(raw.image.voxels, body()[::-1, ::-1])
    np.testing.assert_allclose(np.diag(raw.image.affine), [0.7, 0.8, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(raw.image.affine[:3, 3], [16.5, 25.2, -100], rtol=1e-6)
    assert raw.image.voxels.dtype == np.float32
    assert raw.warnings == ()
    assert "Doe" not in repr(raw)


def oblique(form, tmp_path):
    """Write an oblique volume with another library, and return its path and the image."""
    image = SimpleITK.GetImageFromArray(body().T)
    image.SetSpacing((0.7, 0.8, 2))
    image.SetOrigin((-11, 12, 13))
    image.SetDirection(ROTATION.ravel().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / f"a.{form}"), useCompression=form != "nii")
    return tmp_path / f"a.{form}", image


@pytest.mark.parametrize("form", ["nrrd", "mha", "nii", "nii.gz"])
def test_every_voxel_lies_where_another_library_put_it(tmp_path, form):
    path, image = oblique(form, tmp_path)
    grid = ct(path).image
    for index in [(0, 0, 0), (5, 0, 0), (0, 6, 0), (0, 0, 7), (2, 3, 4)]:
        place = np.array(image.TransformIndexToPhysicalPoint(index)) * [-1, -1, 1]
        own = np.linalg.solve(grid.affine, [*place, 1])[:3]
        np.testing.assert_allclose(own, np.rint(own), atol=1e-3)
        assert grid.voxels[tuple(np.rint(own).astype(int))] == image[index]


def test_a_series_is_stacked_by_place_whatever_its_files_are_called(folder):
    raw = ct(put_series(folder, ct_series()))
    assert raw.image.voxels.shape == (10, 12, 6)
    assert raw.image.spacing_mm == pytest.approx((0.6, 0.7, 2.5))
    np.testing.assert_array_equal(raw.image.voxels[-1, -1], np.arange(6) * 100 - 1024)
    assert raw.warnings == ()


def test_a_series_lies_where_another_library_puts_it(folder):
    cosines = ROTATION[:, :2].T.ravel()
    places = {i: {"ImagePositionPatient": list(ROTATION[:, 2] * 2.5 * i)} for i in range(6)}
    put_series(folder, ct_series(changes=places, ImageOrientationPatient=list(cosines)))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image, grid = reader.Execute(), ct(folder).image
    for index in [(0, 0, 0), (9, 0, 0), (0, 11, 0), (3, 4, 5)]:
        place = np.array(image.TransformIndexToPhysicalPoint(index)) * [-1, -1, 1]
        own = np.linalg.solve(grid.affine, [*place, 1])[:3]
        np.testing.assert_allclose(own, np.rint(own), atol=1e-3)
        assert grid.voxels[tuple(np.rint(own).astype(int))] == image[index]


def test_each_slice_is_rescaled_by_its_own_tags(folder):
    changes = {2: {"RescaleSlope": 2, "RescaleIntercept": -1000}}
    voxels = ct(put_series(folder, ct_series(changes=changes))).image.voxels
    assert voxels[-1, -1].tolist() == [-1024, -924, 2 * 200 - 1000, -724, -624, -524]


def test_the_digest_of_a_series_does_not_depend_on_names(folder, tmp_path):
    slices = list(ct_series())
    first = ct(put_series(folder, slices)).sha256
    assert ct(put_series(tmp_path / "again", slices[::-1])).sha256 == first
    digests = sorted(hashlib.sha256(content).hexdigest() for content in slices)
    assert first == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_scouts_and_objects_beside_a_series_are_left_out_with_a_warning(folder):
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "1.2.8"}
    put_series(folder, ct_series())
    (folder / "scout").write_bytes(next(ct_series(1, **scout)))
    (folder / "report").write_bytes(next(ct_series(1, Modality="SR")))
    (folder / "LICENSE").write_text("free")
    raw = ct(folder)
    assert raw.image.voxels.shape == (10, 12, 6)
    assert raw.warnings == ("dcm.other_objects - report", "dcm.localizer - scout")


def test_no_identifier_of_a_series_comes_through(folder):
    secret = {"PatientName": "DOE^JANE", "PatientID": "4711", "SeriesDescription": "DOE CHEST"}
    raw = ct(put_series(folder, ct_series(**secret, PatientAge="095Y", BodyPartExamined="CHEST")))
    assert raw.facts == {"photometric": "MONOCHROME2", "body_part": "CHEST", "age": "90"}
    assert not any(word in repr(raw) for word in ("DOE", "4711", "1.2.9", "series"))


@pytest.mark.parametrize(("padding", "kind"), [(-2000, np.int16), (4095, np.uint16)])
def test_padding_of_a_series_becomes_air_with_a_warning(folder, padding, kind):
    picture = np.full((12, 10), 1000, kind)
    picture[:4] = padding
    signed = {"PixelRepresentation": int(padding < 0), "BitsStored": 16, "HighBit": 15}
    changes = {index: {"picture": picture} for index in range(6)}
    tags = {"RescaleIntercept": 0, "PixelPaddingValue": padding, **signed}
    raw = ct(put_series(folder, ct_series(changes=changes, **tags)))
    assert np.unique(raw.image.voxels).tolist() == [-1024, 1000]
    assert raw.warnings == ("int.padding",)


def with_unsigned_padding(content, number, syntax):
    """Return a signed slice whose padding was written as unsigned, in another transfer syntax."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    dataset.add_new("PixelPaddingValue", "US", number)
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_padding_written_with_the_wrong_sign_is_still_padding(folder, syntax):
    picture = np.full((12, 10), 1000, np.int16)
    picture[:4] = -2000
    tags = {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15, "RescaleIntercept": 3000}
    slices = ct_series(changes={index: {"picture": picture} for index in range(6)}, **tags)
    raw = ct(put_series(folder, [with_unsigned_padding(s, 63536, syntax) for s in slices]))
    assert np.unique(raw.image.voxels).tolist() == [-1024, 4000]


@pytest.mark.parametrize(("low", "code"), [(-2048, "int.padding"), (-1207, "int.below_air")])
def test_what_lies_below_air_is_raised_to_it_with_a_warning(put, low, code):
    voxels = body()
    voxels[0] = low
    raw = ct(put(nifti(voxels, BODY_AFFINE), "a.nii"))
    assert raw.image.voxels.min() == -1024
    assert raw.warnings == (code,)
    np.testing.assert_array_equal(raw.image.voxels[:-1], voxels[1:][::-1, ::-1])


def test_magnetic_resonance_keeps_negative_values(put):
    voxels = body(np.float32) * 3
    raw = gate.read(put(nrrd(voxels), "a.nrrd"), modality="MR")
    np.testing.assert_array_equal(raw.image.voxels, voxels[::-1, ::-1])


def header_of(content):
    """Return how many bytes of text a file begins with."""
    return next(content.index(end) for end in (b"\n\n", b"LOCAL\n") if end in content)


@FUZZ
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
@pytest.mark.parametrize("name", ["gzip.nrrd", "plain.mha"])
def test_a_damaged_text_header_is_refused_or_read_but_never_crashes(put, name, changes):
    content = bytearray(FORMS[name])
    for place, value in changes:
        content[place % header_of(FORMS[name])] = value
    with contextlib.suppress(gate.GateError):
        assert np.isfinite(ct(put(bytes(content), name)).image.voxels).all()


@FUZZ
@given(noise=st.binary(min_size=344, max_size=344), first=st.sampled_from([348, 540]))
def test_a_header_of_random_bytes_is_refused_or_read_but_never_crashes(put, noise, first):
    content = first.to_bytes(4, "little") + noise[:340] + b"n+1\0" + bytes(4000)
    with contextlib.suppress(gate.GateError):
        assert np.isfinite(ct(put(content, "a.nii")).image.voxels).all()


GRID_LIKE = {"nii": nifti, "nrrd": nrrd, "mha": metaimage}
HALF = (body() < -300).astype(np.uint8)


@pytest.fixture
def grid(put):
    return ct(put(FORMS["a.nii.gz"], "image.nii.gz")).image


@pytest.mark.parametrize("form", GRID_LIKE)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_mask_of_any_format_lies_on_its_image(put, grid, form, kind):
    path = put(GRID_LIKE[form](HALF.astype(kind), BODY_AFFINE), f"m.{form}")
    masks = gate.read_masks(path, {1: "lungs"}, grid)
    np.testing.assert_array_equal(regions.mask(masks.structures, "lungs"), grid.voxels < -300)
    assert (masks.findings, masks.warnings) == (None, ())


@pytest.mark.parametrize("form", GRID_LIKE)
def test_a_mask_stored_along_other_axes_still_fits(put, grid, form):
    turned = BODY_AFFINE[:, [2, 0, 1, 3]] @ np.diag([-1.0, 1, -1, 1])
    turned[:, 3] = BODY_AFFINE @ [0, 6, 7, 1]
    stored = np.ascontiguousarray(HALF.transpose(2, 0, 1)[::-1, :, ::-1])
    path = put(GRID_LIKE[form](stored, turned), f"m.{form}")
    structures, _ = gate.read_labels(path, {1: "lungs"}, grid)
    np.testing.assert_array_equal(regions.mask(structures, "lungs"), grid.voxels < -300)


@pytest.mark.parametrize("form", GRID_LIKE)
def test_a_mask_cropped_from_the_grid_is_set_in_place_with_a_warning(put, grid, form):
    moved = BODY_AFFINE.copy()
    moved[:, 3] = BODY_AFFINE @ [1, 2, 3, 1]
    path = put(GRID_LIKE[form](HALF[1:5, 2:, 3:], moved), f"m.{form}")
    masks = gate.read_masks(path, {1: "tumour_core"}, grid)
    expected = np.zeros_like(HALF)
    expected[1:5, 2:, 3:] = HALF[1:5, 2:, 3:]
    core = regions.mask(masks.findings, "tumour_core")
    np.testing.assert_array_equal(core, expected[::-1, ::-1] > 0)
    assert masks.warnings == ("geo.cropped_mask",)


def test_a_mask_that_reaches_beyond_the_image_is_cut_with_a_warning(put, grid):
    wide = np.pad(HALF, ((0, 0), (2, 1), (3, 0)))
    moved = BODY_AFFINE.copy()
    moved[:, 3] = BODY_AFFINE @ [0, -2, -3, 1]
    masks = gate.read_masks(put(nrrd(wide, moved), "m.nrrd"), {1: "lungs"}, grid)
    assert regions.mask(masks.structures, "lungs").sum() == HALF.sum()
    assert masks.warnings == ("geo.cropped_mask",)


def test_a_hair_between_mask_and_image_is_snapped_with_a_warning(put, grid):
    moved = BODY_AFFINE + 1e-4 * np.eye(4, k=3)
    masks = gate.read_masks(put(nrrd(HALF, moved), "m.nrrd"), {1: "lungs"}, grid)
    assert masks.warnings == ("geo.snapped",)


def test_a_folder_of_volume_masks_makes_core_and_rim(put, grid):
    whole, core = body() < 0, body() < -500
    put(nrrd(core.astype(np.uint8)), "m/core.seg.nrrd")
    put(zipped(nifti(255 * whole.astype(np.uint8), BODY_AFFINE)), "m/tumour.nii.gz")
    path = put(metaimage(np.where(whole, 2, 7).astype(np.uint8)), "m/lobes.mha").parent
    lobes = {2: "lung_upper_lobe_left", 7: "background"}
    mapping = {"core": "tumour_core", "tumour": "tumour_rim", "lobes": lobes, "other": "heart"}
    structures, findings = gate.read_labels(path, mapping, grid)
    np.testing.assert_array_equal(regions.mask(findings, "tumour_core"), grid.voxels < -500)
    np.testing.assert_array_equal(regions.mask(findings, "tumour"), grid.voxels < 0)
    np.testing.assert_array_equal(regions.mask(structures, "lung_left"), grid.voxels < 0)


def test_one_value_may_mean_several_things_and_a_star_the_rest(put, grid):
    values = np.where(HALF, 777, 3).astype(np.uint16)
    values[0] = 500
    mapping = {777: ["lung_right", "lung_vessel", "nodule"], 500: "lung_right", "*": "background"}
    structures, findings = gate.read_labels(put(nrrd(values), "m.nrrd"), mapping, grid)
    right = regions.mask(structures, "lung_right")
    vessel = regions.mask(structures, "lung_vessel")
    np.testing.assert_array_equal(regions.mask(findings, "nodule"), vessel)
    assert (vessel & right).sum() == vessel.sum() == HALF[1:].sum()
    assert right.sum() == vessel.sum() + HALF[0].size
