"""A volume keeps its voxels, its place and its bytes."""

import gzip

import nibabel
import numpy as np
import pytest

from radfoundry import volume
from radfoundry.volume import Volume


@pytest.fixture
def body():
    """Return a small oblique volume."""
    affine = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, -7], [0, 0, 3.0, 1], [0, 0, 0, 1]])
    return Volume(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32), affine)


def test_spacing_comes_from_the_columns_of_the_affine(body):
    assert body.spacing_mm == pytest.approx((1.5, 2.0, 3.0))


def test_what_is_written_comes_back(body, tmp_path):
    volume.write(body, tmp_path / "body.nii.gz")
    back = volume.read(tmp_path / "body.nii.gz")
    np.testing.assert_array_equal(back.voxels, body.voxels)
    np.testing.assert_allclose(back.affine, body.affine)


def test_labels_stay_integers(body, tmp_path):
    labels = body.holding((body.voxels > 0).astype(np.uint8) * 40)
    volume.write(labels, tmp_path / "labels.nii.gz")
    back = volume.read(tmp_path / "labels.nii.gz").voxels
    assert back.dtype == np.uint8
    assert set(np.unique(back)) == {0, 40}


def test_equal_volumes_give_equal_bytes(body, tmp_path):
    digests = {volume.write(body, tmp_path / f"{n}.nii.gz") for n in range(2)}
    assert len(digests) == 1
    assert volume.sha256(tmp_path / "0.nii.gz") in digests


def test_any_reader_of_gzip_finds_the_bytes_of_nibabel(body):
    whole = body.holding(np.rint(100 * body.voxels).astype(np.int16))
    image = nibabel.Nifti1Image(whole.voxels, whole.affine)
    image.header.set_xyzt_units("mm")
    assert gzip.decompress(volume.packed(whole)) == image.to_bytes()


@pytest.mark.parametrize("end", [-9, 40])
def test_a_file_that_was_cut_is_named(body, end):
    with pytest.raises(ValueError, match="case 7 is not a NIfTI file of the factory"):
        volume.unpacked(volume.packed(body)[:end], "case 7")


@pytest.mark.parametrize("order", ["C", "F"])
def test_another_order_in_memory_changes_no_voxel(order):
    voxels = np.arange(70 * 3 * 33, dtype=np.int16).reshape(70, 3, 33)[::-1]
    moved = volume.reordered(voxels, order, np.float32)
    assert moved.dtype == np.float32
    assert moved.flags[f"{order}_CONTIGUOUS"]
    np.testing.assert_array_equal(moved, voxels)


def test_another_shape_does_not_fit_the_grid(body):
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        body.holding(np.zeros((2, 2, 2)))


def test_a_viewed_picture_returns_to_the_same_voxels():
    voxels = np.arange(12).reshape(3, 1, 4)
    np.testing.assert_array_equal(volume.plane(volume.picture(voxels)), voxels)


def test_the_patients_left_is_at_the_viewers_right():
    voxels = np.zeros((5, 1, 5))
    voxels[0, 0, -1] = 1  # RAS+: the first x is the patient's left, the last z the top
    assert volume.picture(voxels)[0, -1] == 1


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        volume.write_bytes(b"x", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_keeps_sixteen_bits(tmp_path):
    from PIL import Image

    ramp = np.linspace(0, 1, 70000, dtype=np.float32).reshape(200, 350)
    volume.write_picture(ramp, tmp_path / "ramp.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "ramp.png")))) > 60000
