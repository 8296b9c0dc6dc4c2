"""What comes through the read gate: right way up, linear, in its own units, without a name."""

import contextlib

import numpy as np
import pytest
from files import dicom, encoded, nifti, plane, ramp, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.data import gate


def seen(raw):
    return volume.picture(raw.image.voxels)


@pytest.mark.parametrize(("form", "name"), [("PNG", "a.png"), ("TIFF", "a.tif")])
@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_a_picture_keeps_every_value(put, form, name, top, dtype):
    picture = ramp(top=top, dtype=dtype)
    raw = gate.read(put(encoded(picture, form), name))
    np.testing.assert_array_equal(seen(raw), picture)
    assert raw.image.voxels.dtype == np.float32
    assert raw.image.voxels.shape == (40, 1, 48)
    assert not raw.spacing_known
    assert raw.warnings == ()


def test_the_content_decides_not_the_name(put):
    raw = gate.read(put(encoded(ramp()), "misnamed.dcm"))
    np.testing.assert_array_equal(seen(raw), ramp())


def test_the_digest_is_that_of_the_file(put):
    path = put(encoded(ramp()), "a.png")
    assert gate.read(path).sha256 == volume.sha256(path)


def test_a_tiff_whose_zero_is_white_is_inverted(put):
    picture = ramp(top=65535, dtype=np.uint16)
    path = put(encoded(picture, "TIFF", tiffinfo={262: 0}), "a.tif")
    assert Image.open(path).tag_v2[262] == 0
    np.testing.assert_array_equal(seen(gate.read(path)), 65535.0 - picture)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_colours_become_gray_with_a_warning(put, mode):
    raw = gate.read(put(encoded(Image.fromarray(ramp()).convert(mode)), "a.png"))
    np.testing.assert_array_equal(seen(raw), ramp())
    assert raw.warnings == (f"{mode.lower()}_to_gray",)


def test_the_orientation_of_a_camera_is_honoured(put):
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored picture has to be turned clockwise
    raw = gate.read(put(encoded(ramp(), exif=exif), "a.png"))
    np.testing.assert_array_equal(seen(raw), np.rot90(ramp(), -1))


def test_a_nifti_radiograph_keeps_plane_affine_and_values(put):
    raw = gate.read(put(zipped(nifti(plane())), "a.nii.gz"))
    np.testing.assert_array_equal(raw.image.voxels, plane()[::-1])
    assert raw.image.spacing_mm == pytest.approx((0.5, 1.0, 0.7))
    assert raw.spacing_known


def test_a_nifti_laid_flat_is_put_upright(put):
    flat = np.diag([-0.5, -0.7, 1.0, 1.0])  # as converters write a picture: LPS, y down
    content = nifti(ramp().T[..., None].astype(np.int16), flat)
    raw = gate.read(put(content, "a.nii"))
    np.testing.assert_array_equal(seen(raw), ramp())
    assert raw.image.spacing_mm == pytest.approx((0.5, 1.0, 0.7))


def test_dicom_monochrome1_is_inverted_by_its_stored_bits(put):
    picture = ramp(top=4000, dtype=np.uint16)
    raw = gate.read(put(dicom(picture, PhotometricInterpretation="MONOCHROME1"), "a.dcm"))
    np.testing.assert_array_equal(seen(raw), 4095.0 - picture)
    assert raw.warnings == ("monochrome1_inverted",)


def test_dicom_slope_intercept_and_spacing_are_applied(put):
    content = dicom(RescaleSlope=2, RescaleIntercept=-100, PixelSpacing=[0.2, 0.1])
    raw = gate.read(put(content, "a.dcm"))
    assert seen(raw).min() == -100
    assert seen(raw).max() == 7900
    assert raw.image.spacing_mm == pytest.approx((0.1, 1.0, 0.2))


def test_dicom_without_preamble_is_read(put):
    raw = gate.read(put(dicom(keep_preamble=False), "a"))
    assert seen(raw).max() == 4000


def test_no_identifier_of_a_patient_comes_through(put):
    secret = {"PatientName": "DOE^JANE", "PatientID": "4711", "PatientBirthDate": "19010203"}
    tags = {"PatientAge": "095Y", "PatientSex": "F", "ViewPosition": "PA"}
    raw = gate.read(put(dicom(**secret, **tags, BodyPartExamined="DOE JANE"), "doe.dcm"))
    facts = {"view": "PA", "sex": "F", "age": "90", "photometric": "MONOCHROME2"}
    assert raw.facts == facts
    assert not any(word in repr(raw) for word in ("DOE", "JANE", "4711", "19010203", "doe"))


def test_burned_in_text_is_warned_of(put):
    raw = gate.read(put(dicom(BurnedInAnnotation="YES"), "a.dcm"))
    assert "privacy.burned_in" in raw.warnings


def test_an_unknown_modality_is_refused(put):
    with pytest.raises(ValueError, match="choose from CXR, CT, MR"):
        gate.read(put(encoded(ramp()), "a.png"), modality="US")


GRID = volume.radiograph(ramp().astype(np.float32))
HALVES = np.where(np.arange(40) < 20, 255, 127) * np.ones((48, 1), int)


def test_values_of_a_mask_get_their_meaning(put):
    path = put(encoded(HALVES.astype(np.uint8)), "m.png")
    structures, findings = gate.read_labels(path, {255: "lungs", "127": "ignore"}, GRID)
    expected = np.where(HALVES == 255, regions.label_id("lung"), 255)
    np.testing.assert_array_equal(volume.picture(structures), expected)
    assert findings is None, "readers of lungs say nothing of findings"


def test_a_folder_of_masks_makes_both_maps_and_overlaps_are_kept(put):
    left, middle = HALVES == 255, np.abs(np.arange(40) - 20) * np.ones((48, 1)) < 8
    for name, mask in (("left_lung", left), ("cardiomediastinum", middle), ("opacities", left)):
        path = put(encoded((255 * mask).astype(np.uint8)), f"masks/{name}.png")
    mapping = {"left_lung": "lung_left", "cardiomediastinum": "mediastinum"}
    mapping |= {"opacities": "ground_glass", "right_lung": "lung_right"}
    structures, findings = (volume.picture(m) for m in gate.read_labels(path.parent, mapping, GRID))
    np.testing.assert_array_equal(regions.mask(structures, "lung_left"), left)
    np.testing.assert_array_equal(regions.mask(structures, "mediastinum"), middle)
    np.testing.assert_array_equal(regions.mask(findings, "ground_glass"), left)


def test_a_folder_of_our_own_ids_is_taken_as_it_is(put, tmp_path):
    own = volume.plane(np.where(HALVES == 255, 21, 9).astype(np.uint8))
    volume.write(volume.Volume(own, GRID.affine), tmp_path / "own" / "anatomy.nii.gz")
    structures, findings = gate.read_labels(tmp_path / "own", None, GRID)
    np.testing.assert_array_equal(structures, own)
    assert structures.dtype == np.uint8
    assert findings is None


def test_a_meaning_outside_the_vocabulary_is_the_mappings_fault(put):
    path = put(encoded(HALVES.astype(np.uint8)), "m.png")
    with pytest.raises(ValueError, match="spleen.* not in labels.yaml"):
        gate.read_labels(path, {255: "spleen", 127: "ignore"}, GRID)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.integers(0, 347), st.integers(0, 255)), max_size=6))
@pytest.mark.parametrize("kind", ["nii", "dcm", "png"])
def test_a_damaged_header_is_refused_or_read_but_never_crashes(put, kind, changes):
    sound = {"nii": nifti(plane()), "dcm": dicom(), "png": encoded(ramp())}[kind]
    content = bytearray(sound)
    for place, value in changes:
        content[place % len(sound)] = value
    with contextlib.suppress(gate.GateError):
        assert np.isfinite(gate.read(put(bytes(content), f"a.{kind}")).image.voxels).all()


def test_every_real_radiograph_comes_through(shared_data):
    for path in sorted(shared_data.glob("cxr_*/images/*"))[::8]:
        raw = gate.read(path, root=shared_data)
        assert raw.image.is_radiograph
        assert set(raw.warnings) <= {"rgb_to_gray"}


def test_real_reader_masks_fit_their_images(shared_data):
    for path in sorted((shared_data / "cxr_kermany_lungs/lung_masks").glob("*.png"))[::12]:
        image = next((shared_data / "cxr_kermany_lungs/images").glob(f"{path.stem}.*"))
        grid = gate.read(image).image
        structures, _ = gate.read_labels(path, {255: "lungs", 127: "ignore"}, grid)
        assert 0.05 < regions.mask(structures, "lungs").mean() < 0.6
