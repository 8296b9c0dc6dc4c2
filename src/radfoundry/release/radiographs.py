"""Radiographs as PNG files that carry marks of being synthetic."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

# A PNG's own keywords, so that any viewer that shows metadata shows these.
MARKS: Mapping[str, str] = {
    "Synthetic": "true",
    "Warning": "Synthetic medical image. Not acquired from a patient as shown. Not for diagnosis.",
    "Source": "Radfoundry",
}


def png(pixels: np.ndarray, marks: Mapping[str, str], bits: int = 16) -> bytes:
    """Return a picture as a gray PNG that says it is synthetic.

    Args:
        pixels: Rows and columns as viewed. Floats are intensities in [0, 1] and fill the range of
            the given bits; integers and booleans are label ids and are stored as they are, 8 bit.
        marks: Further texts, such as sample and recipe; `MARKS` are always there. Text beyond
            Latin-1 is stored as iTXt.
        bits: 8 or 16.

    Raises:
        ValueError: If intensities leave [0, 1] or are not finite, or ids do not fit.
    """
    text = PngInfo()
    for key, value in {**marks, **MARKS}.items():
        text.add_text(key, str(value))
    buffer = io.BytesIO()
    Image.fromarray(_levels(pixels, bits)).save(buffer, "PNG", pnginfo=text, optimize=False)
    return buffer.getvalue()


def _levels(pixels: np.ndarray, bits: int) -> np.ndarray:
    if bits not in (8, 16):
        raise ValueError(f"a PNG of {bits} bits: choose 8 or 16")
    if not np.issubdtype(pixels.dtype, np.floating):
        if pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
            raise ValueError("label ids must lie in 0 to 255")
        return pixels.astype(np.uint8)
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError("intensities must be finite and lie in [0, 1]")
    return np.round(pixels * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def marks_of(content: bytes) -> dict[str, str]:
    """Return the texts of a PNG, to spot a synthetic image before it is mixed with real ones."""
    with PngImageFile(io.BytesIO(content)) as image:
        return {str(key): str(value) for key, value in image.info.items() if isinstance(value, str)}
