"""Rows 1 to 13, 22, 23, 25 to 29 and 43 of the fault matrix for radiographs: refused, or mended."""

import io
import os
import pickle
import resource

import numpy as np
import pytest
from files import dicom, encoded, nested, nifti, plane, png_claiming, ramp, zipped
from PIL import Image

from radfoundry import volume
from radfoundry.data import gate

PLAIN = nifti(plane())
PACKED = zipped(PLAIN)
FLIPPED = PACKED[:-6] + bytes([PACKED[-6] ^ 1]) + PACKED[-5:]
NOISE = np.random.default_rng(0).bytes(5000)
PIXELS = encoded(ramp())
HUGE = [3, 30000, 30000, 30000, 1, 1, 1, 1]
GRAINS = np.random.default_rng(0).integers(0, 255, (48, 40)).astype(np.uint8)


def animated():
    frames = [Image.fromarray(ramp() // part) for part in (1, 2)]
    return encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def apng():
    frames = [Image.fromarray(ramp() // part) for part in (1, 2)]
    return encoded(frames[0], save_all=True, append_images=frames[1:])


def array_file(values):
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


class Canary:
    def __reduce__(self):
        return (os.system, ("touch canary",))


def poked(value):
    voxels = plane(np.float32)
    voxels[3, 0, 3] = value
    return nifti(voxels)


REFUSED = [
    ("1 cut gzip", "a.nii.gz", PACKED[: len(PACKED) // 2], "io.truncated"),
    ("1 cut png", "a.png", PIXELS[: len(PIXELS) // 2], "io.truncated"),
    ("1 cut jpeg", "a.jpg", encoded(GRAINS, "JPEG")[:-500], "io.truncated"),
    ("1 cut tiff", "a.tif", encoded(ramp(), "TIFF")[:-500], "io."),
    ("2 flipped bit", "a.nii.gz", FLIPPED, "io.crc"),
    ("2 flipped bit in png", "a.png", PIXELS[:60] + b"\0" + PIXELS[61:], "io.crc"),
    ("3 empty", "a.nii.gz", b"", "io.empty"),
    ("4 noise", "a.nii.gz", NOISE, "io.format"),
    ("4 text", "a.dcm", b"this is no image" * 20, "io.format"),
    ("4 gzip of noise", "a.nii.gz", zipped(NOISE), "io.format"),
    ("5 plain named gz", "a.nii.gz", PLAIN, "io.format"),
    ("5 gz named plain", "a.nii", PACKED, "io.format"),
    ("6 header only", "a.nii", PLAIN[:352], "io.short"),
    ("6 less than a header", "a.nii", PLAIN[:100], "io.short"),
    ("6 short body", "a.nii", PLAIN[:-50], "io.short"),
    ("6 short body, packed", "a.nii.gz", zipped(PLAIN[:-50]), "io.short"),
    ("6 voxels past the end", "a.nii", nifti(plane(), vox_offset=1e6), "io.short"),
    ("7 huge claim", "a.nii.gz", zipped(nifti(plane(), dim=HUGE)), "io.too_large"),
    ("7 more than claimed", "a.nii.gz", zipped(PLAIN + bytes(2**22)), "io.too_large"),
    ("8 negative size", "a.nii", nifti(plane(), dim=[3, 40, -1, 48, 1, 1, 1, 1]), "io.header"),
    ("8 zero size", "a.nii", nifti(plane(), dim=[3, 40, 0, 48, 1, 1, 1, 1]), "io.header"),
    ("8 bits and type disagree", "a.nii", nifti(plane(), bitpix=32), "io.header"),
    ("8 unknown type", "a.nii", nifti(plane(), datatype=3), "io.header"),
    ("8 complex voxels", "a.nii", nifti(plane().astype(np.complex64)), "io.header"),
    ("11 png bomb", "a.png", png_claiming(30000, 30000), "io.too_large"),
    ("11 animated png", "a.png", apng(), "io.frames"),
    ("11 pages", "a.tif", animated(), "io.frames"),
    ("12 cut dicom", "a.dcm", dicom()[:-200], "dcm."),
    ("12 cut tags", "a.dcm", dicom()[:400], "dcm."),
    ("12 deep sequences", "a.dcm", nested(3000), "dcm.nesting"),
    ("12 a program", "a.dcm", dicom(preamble=b"\x7fELF" + bytes(124)), "dcm.preamble"),
    ("12 frames", "a.dcm", dicom(NumberOfFrames=2), "dcm.frames"),
    ("12 a CT", "a.dcm", dicom(Modality="CT"), "dcm.modality"),
    ("22 NaN", "a.nii", poked(np.nan), "int.nonfinite"),
    ("22 infinity", "a.nii", poked(np.inf), "int.nonfinite"),
    ("23 constant", "a.png", encoded(np.zeros((48, 40), np.uint8)), "int.constant"),
    ("43 pickle", "a.pkl", pickle.dumps(Canary()), "io.format"),
    ("43 pickled array", "a.npy", array_file(np.array([Canary()], object)), "io.format"),
]  # fmt: skip


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Return a function from bytes, name and modality to the code they are refused with."""
    monkeypatch.chdir(tmp_path)

    def code(content, name, modality="CXR"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(gate.GateError) as error:
            gate.read(tmp_path / name, modality=modality)
        assert str(tmp_path) not in str(error.value)
        return error.value.code

    return code


def rows(table):
    return [pytest.param(*row[1:], id=row[0]) for row in table]


@pytest.mark.parametrize(("name", "content", "code"), rows(REFUSED))
def test_a_broken_file_is_refused_with_its_code(refused, tmp_path, name, content, code):
    found = refused(content, name)
    assert found == code or (code.endswith(".") and found.startswith(code))
    assert not (tmp_path / "canary").exists()


def test_a_missing_file_or_dangling_link_is_missing(tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    for name in ("gone.png", "link.png"):
        with pytest.raises(gate.GateError, match=r"io\.missing"):
            gate.read(tmp_path / name)


def test_a_folder_in_place_of_a_radiograph_is_refused(tmp_path):
    with pytest.raises(gate.GateError, match=r"io\.perm.*folder"):
        gate.read(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError

    (tmp_path / "a.png").write_bytes(PIXELS)
    monkeypatch.setattr("pathlib.Path.open", forbidden)  # root may read what chmod forbids
    with pytest.raises(gate.GateError, match=r"io\.perm"):
        gate.read(tmp_path / "a.png")


def test_a_pipe_does_not_hang_the_gate(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(gate.GateError, match=r"io\.perm"):
        gate.read(tmp_path / "a.png")


@pytest.mark.parametrize("place", ["../outside.png", "link.png"])
def test_a_path_out_of_the_root_is_refused(tmp_path, place):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.png").write_bytes(PIXELS)
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(gate.GateError, match=r"path\.escape"):
        gate.read(root / place, root=root)


def test_bombs_are_refused_from_their_headers_alone(refused):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(png_claiming(30000, 30000), "a.png")
    refused(zipped(nifti(plane(), dim=[3, 1500, 1500, 1500, 1, 1, 1, 1])), "a.nii.gz")
    refused(dicom(Rows=60000, Columns=60000), "a.dcm")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_large_intensities_are_written_without_overflow(tmp_path):
    image = volume.radiograph(np.array([[40000.0, -1024.0], [0.5, 70000.0]]))
    volume.write(image, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.read(tmp_path / "a.nii.gz").voxels, image.voxels)


@pytest.mark.parametrize("slope", [np.nan, np.inf])
def test_a_slope_that_is_no_number_counts_as_one(tmp_path, slope):
    (tmp_path / "a.nii").write_bytes(nifti(plane(), scl_slope=slope))
    raw = gate.read(tmp_path / "a.nii")
    assert raw.warnings == ("int.scale_ignored",)
    assert raw.image.voxels.max() == plane().max()


GRID = volume.radiograph(ramp().astype(np.float32))
MASK = volume.plane((ramp() > 100).astype(np.float32))
BAD_MASKS = [
    ("27 between labels", nifti(MASK * 2.7, GRID.affine), "a.nii", "mask.noninteger"),
    ("27 jpeg", encoded(ramp(), "JPEG"), "a.jpg", "mask.noninteger"),
    ("28 unknown value", encoded(np.full((48, 40), 99, np.uint8)), "a.png", "mask.label"),
    ("28 colours", encoded(Image.new("RGB", (40, 48), "red")), "a.png", "mask.label"),
    ("29 another size", encoded(ramp(20, 20)), "a.png", "geo.mismatch"),
    ("29 shifted", nifti(MASK, GRID.affine + np.eye(4, k=3)), "a.nii", "geo.mismatch"),
    ("1 cut", zipped(nifti(MASK, GRID.affine))[:-30], "a.nii.gz", "io.truncated"),
]


@pytest.mark.parametrize(("content", "name", "code"), rows(BAD_MASKS))
def test_a_bad_mask_is_refused_with_its_code(tmp_path, content, name, code):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(gate.GateError) as error:
        gate.read_labels(tmp_path / name, {1: "lungs", 255: "lungs"}, GRID)
    assert error.value.code == code
