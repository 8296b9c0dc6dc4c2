"""Store the page's pictures in fewer bytes, without losing anything of them."""

import io

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

EFFORT = 2  # of 0 to 6: more takes several times as long and saves a few hundredths
DESCRIPTION = 0x010E  # EXIF's ImageDescription


def smaller(png: bytes) -> tuple[str, bytes]:
    """Return a picture's kind ("png" or "webp") and bytes: lossless WebP where that is smaller.

    The comment of a PNG, which says that an image may be synthetic, becomes its description. What
    is no picture, or too large for WebP (16,383 pixels a side), comes back as it is.
    """
    try:
        image = PngImageFile(io.BytesIO(png))
        about = Image.Exif()
        about[DESCRIPTION] = str(image.info.get("Comment", ""))
        buffer = io.BytesIO()
        opaque = image.convert("RGB") if image.mode != "RGBA" or _opaque(image) else image
        opaque.save(buffer, "WEBP", lossless=True, quality=20, method=EFFORT, exif=about)
    except (SyntaxError, ValueError, OSError):  # the first is what a reader says of no PNG
        return "png", png
    content = buffer.getvalue()
    return ("webp", content) if len(content) < len(png) else ("png", png)


def _opaque(image: Image.Image) -> bool:
    return image.getchannel("A").getextrema() == (255, 255)
