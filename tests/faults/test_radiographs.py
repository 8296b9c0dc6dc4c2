"""Radiographs whose tags, table and pixels disagree: each is refused, or mended by its tags."""

import io

import numpy as np
import pydicom
import pytest
from chests import chest
from files import dicom, encoded, ramp
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from radfoundry import volume
from radfoundry.data import gate, preprocess

LATERAL, OBLIQUE = (("399173006", "SCT"), ("R-10236", "SRT")), ("399356000", "SCT")
FOOT, CHEST, OLD_CHEST = ("56459004", "SCT"), ("816094009", "SCT"), ("T-D3000", "SRT")


def code(value, scheme, meaning="im Wortlaut"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


@pytest.fixture(scope="module")
def picture():
    """Return a chest of 12 bits."""
    return (4000 * volume.picture(chest(size=96, seed=1).image.voxels)).astype(np.uint16) + 50


@pytest.fixture
def read(put):
    """Return a function from a picture and its tags to what the gate reads."""
    return lambda picture, **tags: gate.read(put(dicom(picture, **tags), "a.dcm"))


OTHER_VIEWS = [
    {"ViewPosition": "LL"},
    {"ViewPosition": "RL"},
    {"ViewPosition": "LATERAL"},
    {"ViewPosition": "Left Lat."},
    {"ViewPosition": "RAO"},
    {"ViewPosition": "LLD"},
    {"ViewPosition": "AP OBLIQUE"},
    {"PatientOrientation": ["A", "F"]},
    {"PatientOrientation": ["P", "FA"], "ViewPosition": "PA"},
    *({"ViewCodeSequence": code(*one)} for one in (*LATERAL, OBLIQUE)),
    {"ViewCodeSequence": code("X1", "99VENDOR", "lateral")},
]
OTHER_PARTS = [
    {"BodyPartExamined": "ABDOMEN"},
    {"BodyPartExamined": "Left Foot"},
    {"BodyPartExamined": "T-SPINE"},
    {"BodyPartExamined": "LOW_EXM"},
    {"Modality": "MG"},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2", "Modality": "DX"},
    {"AnatomicRegionSequence": code(*FOOT)},
]
CONTRADICTIONS = [("pose.view", tags) for tags in OTHER_VIEWS]
CONTRADICTIONS += [("dcm.body_part", tags) for tags in OTHER_PARTS]


@pytest.mark.parametrize(("fault", "tags"), CONTRADICTIONS)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_film_that_is_no_frontal_chest_by_its_tags_is_refused_or_warned_of(read, fault, tags):
    raw = read(None, **tags)
    with pytest.raises(gate.GateError, match=r"says .*preprocess\.contradictions") as error:
        preprocess.agreeing(raw, {}, "CXR")
    assert error.value.code == fault
    warned = preprocess.agreeing(raw, {}, "CXR", "warn")
    assert any(one.startswith(f"{fault} - ") for one in warned.warnings)
    assert preprocess.agreeing(raw, {}, "CT") is not None


@pytest.mark.parametrize("view", ["LL", "RL", "LATERAL", "LAO", "RAO", "LPO", "RPO", "LLD", "RLD"])
def test_a_view_of_the_table_that_is_not_frontal_is_refused(put, view):
    raw = gate.read(put(encoded(ramp()), "a.png"))
    with pytest.raises(gate.GateError, match=rf"pose\.view: the table says view {view}"):
        preprocess.agreeing(raw, {"view": view}, "CXR")


@pytest.mark.parametrize(
    "tags",
    [
        {"ViewPosition": "PA", "PatientOrientation": ["L", "F"], "BodyPartExamined": "CHEST"},
        {"ViewPosition": "AP SUPINE", "BodyPartExamined": "Portable chest"},
        {"ViewCodeSequence": code("399348003", "SCT"), "BodyPartExamined": "RIBS"},
        {"AnatomicRegionSequence": code(*CHEST), "PatientOrientation": ["R", "FP"]},
        {"AnatomicRegionSequence": code(*OLD_CHEST), "PatientAge": "054Y", "PatientSex": "F"},
        {"PatientAge": "095Y", "PatientSex": "O"},
        {},
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_frontal_chest_comes_through_without_a_word(read, tags):
    raw = read(None, **tags)
    stated = {"view": "PA", "sex": "F", "age": 95.0 if "095Y" in tags.values() else 55.0}
    assert preprocess.agreeing(raw, stated, "CXR").warnings == raw.warnings
    assert not any(one.startswith(("pose", "dcm")) for one in raw.warnings)


def test_terms_outside_the_standard_are_warned_of_and_not_repeated(read):
    raw = read(None, BodyPartExamined="DOE JANE", ViewPosition="DOE")
    assert [one.split(" - ")[0] for one in raw.warnings] == ["pose.view", "dcm.body_part"]
    assert "DOE" not in repr(raw)


@pytest.mark.parametrize(
    ("tags", "stated", "words"),
    [
        ({"PatientSex": "F"}, {"sex": "M"}, "PatientSex says F, the table says M"),
        ({"PatientAge": "012Y"}, {"age": 61.0}, "PatientAge says 12 years, the table says 61"),
        ({"PatientAge": "006M"}, {"age": 6.0}, "PatientAge says 0.5 years, the table says 6"),
    ],
)
@pytest.mark.parametrize("modality", ["CXR", "CT"])
def test_a_file_of_another_person_than_the_table_says_is_refused(
    read, modality, tags, stated, words
):
    with pytest.raises(gate.GateError, match=words) as error:
        preprocess.agreeing(read(None, **tags), stated, modality)
    assert error.value.code == "dcm.patient"


def test_a_policy_that_does_not_exist_is_told(read):
    with pytest.raises(ValueError, match="choose from reject, warn"):
        preprocess.agreeing(read(None), {}, "CXR", "ignore")


@pytest.mark.parametrize("sign", [1, -1, None])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_raw_values_of_a_detector_come_out_with_dense_tissue_bright(
    read, picture, sign, photometric
):
    plain, _ = preprocess.radiograph(read(picture), {"size": 64})
    stored = 4095 - picture if sign == 1 or photometric == "MONOCHROME1" else picture
    tags = {"PixelIntensityRelationshipSign": sign, "PhotometricInterpretation": photometric}
    raw = read(stored, PresentationIntentType="FOR PROCESSING", **tags)
    mended, _ = preprocess.radiograph(raw, {"size": 64})
    assert np.corrcoef(mended.voxels.ravel(), plain.voxels.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    "orientation", [("L", "F"), ("R", "F"), ("L", "H"), ("F", "L"), ("H", "R")]
)
def test_a_film_is_turned_as_its_orientation_says(read, picture, orientation):
    stored = picture.T if orientation[0] in "FH" else picture
    across, down = "R" in orientation, "H" in orientation
    stored = stored[:, ::-1] if orientation[0] in "RH" else stored
    stored = stored[::-1] if orientation[1] in "RH" else stored
    raw = read(np.ascontiguousarray(stored), PatientOrientation=list(orientation))
    np.testing.assert_array_equal(volume.picture(raw.image.voxels), picture)
    assert bool(raw.warnings) == (across or down or orientation[0] == "F")


def corner(shape):
    rows, columns = np.indices(shape)
    return rows + columns < shape[0] // 2


def bar(shape):
    return np.indices(shape)[1] < shape[1] // 5


def tilted(shape):
    rows, columns = (one - size / 2 for one, size in zip(np.indices(shape), shape, strict=True))
    reach = 0.42 * shape[0]
    return np.maximum(abs(0.96 * rows + 0.28 * columns), abs(0.96 * columns - 0.28 * rows)) > reach


UNSIGNED = {"BitsStored": 16, "HighBit": 15}
SIGNED = {**UNSIGNED, "PixelRepresentation": 1}
PADDINGS = {
    "unsigned": (65535, {"PixelPaddingValue": 65535, **UNSIGNED}),
    "zero": (0, {"PixelPaddingValue": 0, **UNSIGNED}),
    "signed": (-2000, {"PixelPaddingValue": -2000, **SIGNED}),
    "range": (30, {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 40, **UNSIGNED}),
    "range down": (9000, {"PixelPaddingValue": 9500, "PixelPaddingRangeLimit": 8000, **SIGNED}),
    "above the bits": (63536, {"PixelPaddingValue": 63536}),
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("frame", [corner, bar, tilted])
@pytest.mark.parametrize("padding", PADDINGS.values(), ids=PADDINGS)
def test_padding_changes_neither_window_nor_pose_and_is_black(
    read, picture, padding, frame, photometric
):
    number, tags = padding
    kind = np.int16 if number < 0 else np.uint16
    bits = 2 ** tags.get("BitsStored", 12) - 1 if kind == np.uint16 else -1
    stored = (bits - picture.astype(int) if photometric == "MONOCHROME1" else picture).astype(kind)
    stored[frame(picture.shape)] = number
    raw = read(stored, PhotometricInterpretation=photometric, **tags)
    image, record = preprocess.radiograph(raw, {"crop": False, "size": 96})
    exposed = picture[~frame(picture.shape)]
    assert raw.warnings[-1] == "int.padding"
    assert not volume.picture(image.voxels)[frame(picture.shape)].any()
    np.testing.assert_allclose(record["window"], np.percentile(exposed, (0.5, 99.5)), 1e-4)


RECTANGLE = {
    "{}UpperHorizontalEdge": 9,
    "{}LowerHorizontalEdge": 90,
    "{}LeftVerticalEdge": 7,
    "{}RightVerticalEdge": 91,
}
SHUTTERS = {
    "RECTANGULAR": (RECTANGLE, (slice(8, 90), slice(6, 91))),
    "CIRCULAR": ({"CenterOfCircular{}": [48, 48], "RadiusOfCircular{}": 46}, (46, slice(2, 93))),
    "POLYGONAL": ({"VerticesOfThePolygonal{}": [1, 48, 96, 96, 96, 1]}, (95, slice(0, 96))),
}


@pytest.mark.parametrize("device", ["Shutter", "Collimator"])
@pytest.mark.parametrize("shape", SHUTTERS)
def test_what_shutters_and_collimators_hide_is_left_out(read, picture, shape, device):
    places, free = SHUTTERS[shape]
    tags = {name.format(device): value for name, value in places.items()}
    tags[f"{device}Shape"] = shape
    open_part = ~volume.picture(read(picture, **tags).outside)
    assert open_part[free].all()
    assert 0.3 < open_part.mean() < 0.9
    glaring = np.where(open_part, picture, 4095).astype(np.uint16)
    hidden, shown = (preprocess.radiograph(read(p, **tags))[1] for p in (glaring, picture))
    assert hidden == shown
    assert "dcm.shutter" in hidden["warnings"]


def test_a_shutter_that_leaves_nothing_or_lies_nowhere_is_not_believed(read, picture):
    edges = {name.format("Shutter"): 3 for name in RECTANGLE}
    raw = read(picture, ShutterShape="RECTANGULAR", **edges)
    assert (raw.outside, raw.warnings) == (None, ("dcm.shutter_ignored",))
    assert read(picture, ShutterShape="CIRCULAR").outside is None


def test_a_film_of_nothing_but_padding_is_refused(read, picture):
    with pytest.raises(gate.GateError, match=r"int\.constant"):
        read(np.full_like(picture, 7), PixelPaddingValue=7)


def packed(words, name):
    """Return one frame compressed without loss, and its transfer syntax."""
    if name == "JPEG2000Lossless":
        buffer = io.BytesIO()
        Image.fromarray(words).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
        return buffer.getvalue()
    pytest.importorskip("gdcm", reason="no decoder of this codec is installed")
    codecs = pytest.importorskip("imagecodecs", reason="no encoder of this codec is installed")
    if name == "JPEGLSLossless":
        return codecs.jpegls_encode(words)
    return codecs.ljpeg_encode(words, bitspersample=16)


def in_syntax(content, words, name):
    dataset = pydicom.dcmread(io.BytesIO(content))
    if name == "RLELossless":
        dataset.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
    elif name != "ExplicitVRLittleEndian":
        dataset.PixelData = encapsulate([packed(words, name)])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = getattr(pydicom.uid, name)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


LOSSLESS = ("ExplicitVRLittleEndian", "RLELossless", "JPEG2000Lossless", "JPEGLSLossless")


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("syntax", [*LOSSLESS, "JPEGLosslessSV1"])
def test_overlays_in_unused_bits_are_masked_in_every_transfer_syntax(put, syntax, signed):
    clean = ramp(top=4000, dtype=np.int32) - 2000 * signed
    words = (clean & 0xFFF).astype(np.uint16)
    words[5:9, 5:20] |= 0x1000
    words[20:25] |= 0x8000
    content = in_syntax(dicom(words, PixelRepresentation=signed), words, syntax)
    raw = gate.read(put(content, "a.dcm"))
    np.testing.assert_array_equal(volume.picture(raw.image.voxels), clean)


def test_pixels_in_the_upper_bits_are_shifted_down_and_overlays_below_them_dropped(put):
    words = (ramp(top=4000, dtype=np.uint16) << 4) | 1
    raw = gate.read(put(dicom(words, BitsStored=12, HighBit=15), "a.dcm"))
    np.testing.assert_array_equal(volume.picture(raw.image.voxels), ramp(top=4000, dtype=np.uint16))


def test_a_lossy_step_over_white_is_white_and_not_an_overlay(put):
    words = np.full((48, 40), 4095, np.uint16)
    words[:, ::2] = 4100
    words[:8, :8] = 9
    content = in_syntax(dicom(words), words, "JPEG2000Lossless")
    content = content.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.91")
    raw = gate.read(put(content, "a.dcm"))
    assert set(np.unique(raw.image.voxels)) == {9, 4095}
