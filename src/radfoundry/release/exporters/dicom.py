"""DICOM: a sample as a study of its own, with its labels as segmentations, by highdicom.

CT becomes a series of CT images in HU, a radiograph a secondary capture; organs and findings each
become a SEG. Every object says in several places that it is synthetic: Synthetic Data (0008,001C)
is YES, Image Type begins with DERIVED, Patient ID with SYN-, and a contributing equipment describes
what made it. UIDs and ids are digests of recipe and sample: new to the world, and the same when the
release is made again. Whether text is burned into an image is not said: one made from a real film
may hold what that holds. It needs the extra `release`.
"""

import hashlib
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.release.radiographs import MARKS
from radfoundry.volume import picture, to_int16

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MANUFACTURER = "Radfoundry"
SCHEME = "99RADFOUNDRY"  # our own words: labels.yaml holds no codes of SNOMED
SYNTHESIZING = ("109100", "DCM", "Synthesizing Equipment")
LEARNED = ("123110", "DCM", "Artificial Intelligence")
STRUCTURE = ("91723000", "SCT", "Anatomical Structure")
ABNORMAL = ("49755003", "SCT", "Morphologically Abnormal Structure")
WHEN = ("20000101", "000000")  # of nothing: equal samples give equal bytes
TO_LPS = np.diag([-1.0, -1.0, 1.0])
WINDOW = (-300, 1400)  # center and width that viewers begin with


class Exporter:
    """Writes a folder of DICOM objects for each sample."""

    def __init__(self, recipe: str, facts: Mapping[str, str]) -> None:
        """Take the recipe's name.

        Raises:
            ModuleNotFoundError: Without highdicom, before any sample is read.
        """
        if find_spec("highdicom") is None:
            needs = "needs highdicom: pip install 'radfoundry[release]'"
            raise ModuleNotFoundError(f"publish.formats: dicom {needs}")
        self.recipe, self.code = recipe, facts.get("Code digest of sampling", "not stated")[:64]

    def add(self, sample: Case) -> dict[str, bytes]:
        """Return the images of a sample and a SEG of each map that is not empty."""
        study = _Study(self.recipe, sample.name, self.code)
        images = [_film(study, sample)] if sample.image.is_radiograph else _slices(study, sample)
        folder = f"dicom/{sample.name}"
        files = {f"{folder}/image_{i:04d}.dcm": _bytes(one) for i, one in enumerate(images, 1)}
        for kind, labels in (("anatomy", sample.anatomy), ("findings", sample.findings)):
            if labels.any():
                files[f"{folder}/{kind}.dcm"] = _bytes(_segmentation(study, kind, images, labels))
        return files

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return nothing more: each study stands for itself."""
        return {}


class _Study:
    """What all objects of a sample share."""

    def __init__(self, recipe: str, sample: str, code: str) -> None:
        self.recipe, self.sample, self.code = recipe, sample, code
        self.patient = f"SYN-{self.digest('patient').hex()[:16].upper()}"

    def digest(self, what: str) -> bytes:
        return hashlib.sha256(f"{self.recipe}/{self.sample}/{what}".encode()).digest()

    def uid(self, what: str) -> str:
        """Return a UID under 2.25, whose number is that of a UUID made from a digest."""
        return f"2.25.{uuid.UUID(bytes=self.digest(what)[:16], version=4).int}"

    def image(self, number: int, kind: str, modality: str) -> Any:
        """Return a DICOM image without pixels."""
        import highdicom

        made = highdicom.SOPClass(
            study_instance_uid=self.uid("study"),
            series_instance_uid=self.uid("image"),
            series_number=1,
            sop_instance_uid=self.uid(f"image/{number}"),
            sop_class_uid=kind,
            instance_number=number,
            modality=modality,
            manufacturer=MANUFACTURER,
            patient_id=self.patient,
            patient_name=f"SYNTHETIC^{self.patient}",
        )
        return self.marked(made)

    def marked(self, made: Any) -> Any:
        """Return a DICOM object that says that it is synthetic, without the time of day."""
        made.SyntheticData = "YES"
        made.ImageComments = MARKS["Warning"]
        made.SeriesDescription = "SYNTHETIC"
        made.PatientComments = "SYNTHETIC: not acquired from a patient as shown"
        made.ContributingEquipmentSequence = [self.equipment()]
        for what, value in zip(("Date", "Time"), WHEN, strict=True):
            for kind in ("InstanceCreation", "Content", "Series"):
                if f"{kind}{what}" in made:
                    setattr(made, f"{kind}{what}", value)
        return made

    def equipment(self) -> Any:
        import highdicom

        return highdicom.ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=highdicom.sr.CodedConcept(*SYNTHESIZING),
            manufacturer_model_name=f"recipe {self.recipe}"[:64],
            software_versions=[f"code {self.code}"[:64], _writer()],
            contribution_description="Made this image: synthetic, not acquired as shown",
        )


def _writer() -> str:
    return f"highdicom {version('highdicom')}"


def _slices(study: _Study, sample: Case) -> list[Any]:
    """Return a CT as one image for each plane along z; geometry in LPS, millimeters."""
    hu, places = to_int16(sample.image.voxels), TO_LPS @ sample.image.affine[:3]
    sizes = np.linalg.norm(places[:, :3], axis=0)
    across = places[:, :2] / sizes[:2]
    normal = np.cross(across[:, 0], across[:, 1])
    images = []
    for index in range(hu.shape[2]):
        image = study.image(index + 1, CT_IMAGE, "CT")
        image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        image.FrameOfReferenceUID = study.uid("frame")
        image.PositionReferenceIndicator = image.PatientPosition = ""
        image.AcquisitionNumber = image.KVP = None
        image.ImagePositionPatient = _texts(places @ [0, 0, index, 1])
        image.ImageOrientationPatient = _texts(across.T.ravel())
        image.SliceThickness = _texts([abs(normal @ places[:, 2])])[0]
        image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "HU"
        image.WindowCenter, image.WindowWidth = map(str, WINDOW)
        images.append(_filled(image, hu[:, :, index].T, sizes[1::-1]))
    return images


def _film(study: _Study, sample: Case) -> Any:
    """Return a radiograph as viewed, 16 bit: what the release's PNG holds."""
    image = study.image(1, SECONDARY_CAPTURE, "DX")
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.ConversionType = "SYN"  # DICOM's own word for a synthetic image
    image.PatientOrientation = ["L", "F"]  # columns run to the left, rows to the feet
    levels = np.round(picture(sample.image.voxels) * np.iinfo(np.uint16).max).astype(np.uint16)
    x, _, z = sample.image.spacing_mm
    return _filled(image, levels, (z, x))


def _filled(image: Any, pixels: np.ndarray, spacing_mm: Sequence[float]) -> Any:
    """Return an image with its pixels, (rows, columns), and their size along rows, columns."""
    image.Rows, image.Columns = pixels.shape
    image.PixelSpacing = _texts(spacing_mm)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    image.PixelData = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
    return image


def _texts(numbers: Sequence[float] | np.ndarray) -> list[str]:
    """Return decimal strings of at most the 16 letters that DICOM allows."""
    return [f"{float(number):.9g}" for number in numbers]


def _segmentation(study: _Study, kind: str, images: Sequence[Any], labels: np.ndarray) -> Any:
    """Return a label map as a SEG on the grid of its images, a segment for each id in it."""
    import highdicom

    ids = [int(number) for number in np.unique(labels) if number]
    places = np.zeros(256, np.uint8)
    places[ids] = range(1, len(ids) + 1)
    flat = len(images) == 1 and labels.shape[1] == 1
    planes = [picture(labels)] if flat else list(np.moveaxis(labels, 2, 0).swapaxes(1, 2))
    made = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=places[np.stack(planes)],
        pixel_measures=_measures(images[0]) if flat else None,
        segmentation_type="BINARY",
        segment_descriptions=list(_segments(study, kind, ids)),
        series_instance_uid=study.uid(kind),
        series_number=2 if kind == "anatomy" else 3,
        sop_instance_uid=study.uid(f"{kind}/1"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=f"recipe {study.recipe}"[:64],
        software_versions=_writer(),
        device_serial_number="none",
        content_label=kind.upper(),
        content_description="Labels of a synthetic image",
    )
    made = study.marked(made)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = study.uid(f"{kind}/dimensions")
    return made


def _measures(film: Any) -> Any:
    """Return the pixel size of a radiograph; readers ask for a thickness too, which it has not."""
    import highdicom

    return highdicom.PixelMeasuresSequence(film.PixelSpacing, slice_thickness=1.0)


def _segments(study: _Study, kind: str, ids: Sequence[int]) -> Iterator[Any]:
    import highdicom

    words = regions.vocabulary()
    named = {label.id: label.name for label in (*words.structures, *words.findings)}
    named[words.ignore] = "ignore"
    code = highdicom.sr.CodedConcept
    made_by = highdicom.AlgorithmIdentificationSequence(
        name=f"Radfoundry {study.recipe}"[:64], family=code(*LEARNED), version=study.code
    )
    for place, number in enumerate(ids, 1):
        yield highdicom.seg.SegmentDescription(
            segment_number=place,
            segment_label=named[number],
            segmented_property_category=code(*(STRUCTURE if kind == "anatomy" else ABNORMAL)),
            segmented_property_type=code(f"LABEL{number}", SCHEME, named[number]),
            algorithm_type="AUTOMATIC",
            algorithm_identification=made_by,
        )


def _bytes(made: Any) -> bytes:
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
