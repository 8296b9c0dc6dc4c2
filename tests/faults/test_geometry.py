"""Rows 15 to 21 and 31 of the fault matrix: affines, spacings and shapes, in every format."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
from files import BODY_AFFINE, body, metaimage, nifti, nrrd, plane, ramp

from radfoundry import volume
from radfoundry.data import gate, preprocess

BODY = np.arange(-500, 6 * 7 * 8 - 500, dtype=np.int16).reshape(6, 7, 8)
ISOTROPIC = np.diag([1.0, 1.0, 1.0, 1.0])


def altered(**places):
    affine = np.diag([0.7, 0.8, 2.0, 1.0])
    for place, value in places.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


def read(tmp_path, content, modality="CT"):
    (tmp_path / "a.nii").write_bytes(content)
    return gate.read(tmp_path / "a.nii", modality=modality)


def rows(affine):
    """Return an affine as the fields of a header that hold it."""
    return {"sform_code": 1, "srow_x": affine[0], "srow_y": affine[1], "srow_z": affine[2]}


NO_QFORM = {"qform_code": 0}
REFUSED = [
    ("15 two affines", {"pixdim": [1, 3, 3, 3, 0, 0, 0, 0], "qform_code": 1}, "geo.ambiguous"),
    ("17 NaN", {**rows(altered(a11=np.nan)), **NO_QFORM}, "geo.affine"),
    ("17 zero axis", {**rows(altered(a00=0)), **NO_QFORM}, "geo.affine"),
    ("17 singular", {**rows(altered(a00=0, a10=0.8)), **NO_QFORM}, "geo.affine"),
    ("18 sheared", {**rows(altered(a12=0.2)), **NO_QFORM}, "geo.shear"),
    ("20 thick", {**rows(altered(a22=1000)), **NO_QFORM}, "geo.spacing"),
    ("20 micrometers as mm", {**rows(altered(a00=0.0007)), **NO_QFORM}, "geo.spacing"),
]


@pytest.mark.parametrize(("fields", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_geometry_that_cannot_be_believed_is_refused(tmp_path, fields, code):
    with pytest.raises(gate.GateError) as error:
        read(tmp_path, nifti(BODY, ISOTROPIC, **fields))
    assert error.value.code == code


def test_without_codes_voxel_sizes_are_taken_along_ras_with_a_warning(tmp_path):
    raw = read(tmp_path, nifti(BODY, ISOTROPIC, sform_code=0, qform_code=0))
    assert raw.warnings == ("geo.no_codes",)
    np.testing.assert_array_equal(raw.image.voxels, BODY)


def test_a_trace_of_shear_is_mended_with_a_warning(tmp_path):
    raw = read(tmp_path, nifti(BODY, ISOTROPIC, **rows(altered(a12=1e-3)), **NO_QFORM))
    assert raw.warnings == ("geo.orthonormalised",)
    axes = raw.image.affine[:3, :3]
    np.testing.assert_allclose((axes.T @ axes)[0, 1:], 0, atol=1e-9)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_orientation_comes_back_the_same(tmp_path, order):
    expected = read(tmp_path, nifti(BODY, ISOTROPIC)).image
    for flips in product((1, -1), repeat=3):
        turn = np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)])
        stored = nibabel.Nifti1Image(BODY, ISOTROPIC).as_reoriented(turn)
        image = read(tmp_path, nifti(np.asarray(stored.dataobj), stored.affine)).image
        np.testing.assert_array_equal(image.voxels, expected.voxels)
        np.testing.assert_allclose(image.affine, expected.affine, atol=1e-5)


TEXT = {"nrrd": nrrd, "mha": metaimage}


def placed(form, **places):
    """Return a volume whose axes are altered, as text holds them (no rounding, no units)."""
    affine = BODY_AFFINE.copy()
    for place, value in places.items():
        affine[int(place[1]), int(place[2])] = value
    return TEXT[form](body(), affine)


BROKEN = [
    ("17 NaN", {"a11": np.nan}, "geo.affine"),
    ("17 infinity", {"a22": np.inf}, "geo.affine"),
    ("17 zero axis", {"a00": 0}, "geo.affine"),
    ("17 singular", {"a00": 0, "a10": 0.8}, "geo.affine"),
    ("18 sheared", {"a12": 0.2}, "geo.shear"),
    ("20 thick", {"a22": 1000}, "geo.spacing"),
    ("20 micrometers as mm", {"a00": 0.0007}, "geo.spacing"),
]


@pytest.mark.parametrize("form", TEXT)
@pytest.mark.parametrize(("places", "code"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_axes_that_cannot_be_believed_are_refused(tmp_path, form, places, code):
    with pytest.raises(gate.GateError) as error:
        read(tmp_path, placed(form, **places))
    assert error.value.code == code


MUTE = [
    ("nrrd", {"space": None}, ("geo.no_codes",)),
    ("nrrd", {"space": "scanner-xyz"}, ("geo.no_codes",)),
    ("nrrd", {"space": None, "space_directions": None, "spacings": "0.7 0.8 2"},
     ("geo.no_codes",)),
    ("nrrd", {"space_directions": None}, "geo.spacing"),
    ("nrrd", {"space_directions": "(0.7,0,0) (0,0.8,0)"}, "io.header"),
    ("nrrd", {"space_directions": "(0.7,0,0,0) (0,0.8,0,0) (0,0,2,0)"}, "geo.ndim"),
    ("mha", {"TransformMatrix": None, "Offset": None}, ("geo.no_codes",)),
    ("mha", {"TransformMatrix": "1 0 0 0"}, "io.header"),
    ("mha", {"ElementSpacing": None}, "geo.spacing"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "fields", "expected"), MUTE)
def test_a_file_that_does_not_state_its_place_is_warned_of_or_refused(
    tmp_path, form, fields, expected
):
    content = TEXT[form](body(), **fields)
    if isinstance(expected, str):
        with pytest.raises(gate.GateError) as error:
            read(tmp_path, content)
        assert error.value.code == expected
    else:
        raw = read(tmp_path, content)
        assert raw.warnings == expected
        assert raw.image.spacing_mm == pytest.approx((0.7, 0.8, 2))


@pytest.mark.parametrize("form", TEXT)
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_orientation_of_a_text_header_comes_back_the_same(tmp_path, form, order):
    expected = read(tmp_path, TEXT[form](body())).image
    for flips in product((1, -1), repeat=3):
        turn = np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)])
        stored = nibabel.Nifti1Image(body(), BODY_AFFINE).as_reoriented(turn)
        voxels = np.ascontiguousarray(stored.dataobj)
        image = read(tmp_path, TEXT[form](voxels, stored.affine)).image
        np.testing.assert_array_equal(image.voxels, expected.voxels)
        np.testing.assert_allclose(image.affine, expected.affine, atol=1e-9)


@pytest.mark.parametrize("form", TEXT)
def test_a_trace_of_shear_of_a_text_header_is_mended_with_a_warning(tmp_path, form):
    assert read(tmp_path, placed(form, a12=1e-3)).warnings == ("geo.orthonormalised",)


def test_a_fourth_axis_of_one_is_dropped(tmp_path):
    raw = read(tmp_path, nifti(BODY[..., None], ISOTROPIC))
    assert raw.image.voxels.shape == BODY.shape
    directions = "(0.7,0,0) (0,0.8,0) (0,0,2) none"
    raw = read(tmp_path, nrrd(body()[..., None], space_directions=directions))
    assert raw.image.voxels.shape == body().shape


@pytest.mark.parametrize(
    "fields", [{"ElementNumberOfChannels": 3}, {"NDims": 4, "DimSize": "6 7 8 5"}]
)
def test_channels_and_times_of_a_metaimage_are_refused(tmp_path, fields):
    with pytest.raises(gate.GateError, match=r"geo\.ndim.*[35] (channels|volumes)"):
        read(tmp_path, metaimage(body(), **fields))


@pytest.mark.parametrize(
    ("voxels", "modality"),
    [(np.stack([BODY] * 3, -1), "CT"), (BODY, "CXR"), (BODY[:1], "CXR"), (plane()[:1], "CXR")],
    ids=["several volumes", "a volume for a radiograph", "a side view", "a line"],
)
def test_a_wrong_number_of_axes_is_refused(tmp_path, voxels, modality):
    with pytest.raises(gate.GateError, match=r"geo\.ndim"):
        read(tmp_path, nifti(voxels, ISOTROPIC), modality)


def test_a_plane_of_two_axes_is_a_radiograph(tmp_path):
    flat = np.diag([-0.5, -0.7, 1.0, 1.0])
    raw = read(tmp_path, nifti(ramp().T.astype(np.int16), flat), "CXR")
    np.testing.assert_array_equal(volume.picture(raw.image.voxels), ramp())


@pytest.mark.parametrize(("shape", "code"), [((7, 513), "geo.small"), ((40, 513), "geo.aspect")])
def test_a_strip_is_refused(shape, code):
    raw = gate.Raw(volume.radiograph(ramp(*shape).astype(np.float32)), "", False)
    with pytest.raises(gate.GateError) as error:
        preprocess.radiograph(raw)
    assert error.value.code == code
