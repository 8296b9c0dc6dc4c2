"""Put raw radiographs on a common footing, and bring label maps there and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from radfoundry import volume
from radfoundry.data.gate.source import GateError, Raw
from radfoundry.data.preprocess.orientation import Orientation, detect
from radfoundry.volume import Volume

OPTIONS: Mapping[str, Any] = {
    "size": 128,  # pixels along a side of the square canvas
    "percentiles": (0.5, 99.5),  # of the picture without its border; they become 0 and 1
    "contradictions": "reject",  # tags and table that tell of another view, part or patient: warn
    "polarity": "fix",  # an image whose pixels look inverted: fix, warn, reject, or ignore
    "rotation": "reject",  # an image that looks turned: fix, warn, reject, or ignore
    "crop": True,  # cut off flat black or white borders
    "max_aspect": 3.0,  # longer side over shorter
    "min_side": 32,  # pixels of the source along its shorter side
}
POLICIES = ("fix", "warn", "reject", "ignore")

FLAT = 0.02  # spread of a border line, as a part of the picture's range
NEAR = 0.05  # its distance from black or white
MOST_CROPPED = 0.25  # of a side, from each end
OUTLIERS = (0.5, 99.5)  # percentiles that stand for black and white
SPREAD = (2, 98)  # percentiles along a line: letters in a border do not save it


def radiograph(raw: Raw, options: Mapping[str, Any] | None = None) -> tuple[Volume, dict[str, Any]]:
    """Return a radiograph in [0, 1] on a square canvas, and the record of how it came there.

    Border cut, polarity and rotation checked, aspect kept, resampled with antialiasing, intensities
    between two percentiles stretched to [0, 1], padded with 0. If the source states no pixel size
    the canvas says 1 mm.

    Args:
        raw: What the gate read.
        options: Departures from `OPTIONS`.

    Returns:
        Volume (size, 1, size), float32; and a record for `like` and `restore`.

    Raises:
        GateError: geo.small, geo.aspect, int.constant, pose.inverted, pose.rotated.
        ValueError: An option is unknown or outside its range.
    """
    chosen = _chosen(options or {})
    picture = volume.picture(raw.image.voxels)
    width, _, height = raw.image.spacing_mm
    _check_shape(picture.shape, (height, width), chosen)
    outside = np.zeros(picture.shape, bool)
    if raw.outside is not None:
        outside = volume.picture(raw.outside)
    inner = _inner(picture, outside)
    detected = detect(_cut(picture, inner), _cut(outside, inner))
    turns, inverted, warnings = _mended(detected, raw, chosen)
    crop = inner if chosen["crop"] else (0, 0, *picture.shape)
    cut, lost = _cut(picture, crop), _cut(outside, crop)
    exposed = cut[~lost]
    window = np.percentile(-exposed if inverted else exposed, chosen["percentiles"])
    if not window[0] < window[1]:
        raise GateError("int.constant", "nearly every pixel has one value: there is no image")
    cut = np.where(lost, -window[0] if inverted else window[0], cut)
    lengths = (cut.shape[0] * height, cut.shape[1] * width)
    resized, offset = _fitted(lengths[::-1] if turns % 2 else lengths, chosen["size"])
    record = {
        "shape": list(picture.shape),
        "crop": list(crop),
        "inverted": inverted,
        "quarter_turns": turns,
        "resized": list(resized),
        "offset": list(offset),
        "size": chosen["size"],
        "window": [float(value) for value in window],
        "pose": {
            "side": detected.side,
            "inversion": detected.inversion,
            "upending": detected.upending,
        },
        "warnings": [*raw.warnings, *warnings],
    }
    return _drawn(cut, record, max(lengths) if raw.spacing_known else None), record


def with_spacing(raw: Raw, spacing_mm: float) -> Raw:
    """Return the image with the pixel size that its table states, where the file states none."""
    if raw.spacing_known or not spacing_mm > 0:
        return raw
    affine = np.diag([spacing_mm, 1.0, spacing_mm, 1.0])
    return replace(raw, image=replace(raw.image, affine=affine), spacing_known=True)


def like(labels: np.ndarray, record: Mapping[str, Any]) -> np.ndarray:
    """Return a label map (X, 1, Z) of the source's grid on the canvas, by nearest neighbour."""
    picture = volume.picture(labels)
    if list(picture.shape) != list(record["shape"]):
        raise ValueError(f"labels are {picture.shape}, the record is of {record['shape']}")
    upright = np.rot90(_cut(picture, record["crop"]), record["quarter_turns"])
    return volume.plane(_padded(_nearest(upright, record["resized"]), record))


def restore(labels: np.ndarray, record: Mapping[str, Any], order: int = 0) -> np.ndarray:
    """Return a map or image (size, 1, size) of the canvas on the source's grid; 0 where cropped."""
    rows, columns = record["resized"]
    top, left = record["offset"]
    inner = volume.picture(labels)[top : top + rows, left : left + columns]
    first, second, last, end = record["crop"]
    turns = record["quarter_turns"]
    shape = (last - first, end - second)
    stretch = _linear if order else _nearest
    turned = np.rot90(stretch(inner, shape[::-1] if turns % 2 else shape), -turns)
    picture = np.zeros(record["shape"], turned.dtype)
    picture[first:last, second:end] = turned
    return volume.plane(picture)


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ValueError(f"no options {unknown}: choose from {', '.join(OPTIONS)}")
    chosen = {**OPTIONS, **options}
    for name in ("polarity", "rotation"):
        if chosen[name] not in POLICIES:
            raise ValueError(f"{name} {chosen[name]!r}: choose from {', '.join(POLICIES)}")
    low, high = chosen["percentiles"]
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles {low} and {high} must rise from 0 to 100")
    if chosen["size"] < 16:
        raise ValueError(f"size {chosen['size']}: a canvas has at least 16 pixels a side")
    return chosen


def _check_shape(
    shape: tuple[int, ...], spacing_mm: tuple[float, float], chosen: Mapping[str, Any]
) -> None:
    if min(shape) < chosen["min_side"]:
        raise GateError("geo.small", f"{shape} pixels; a side has at least {chosen['min_side']}")
    lengths = np.multiply(shape, spacing_mm)
    aspect = float(lengths.max() / lengths.min())
    if aspect > chosen["max_aspect"]:
        raise GateError("geo.aspect", f"sides as 1 to {aspect:.3g}, at most {chosen['max_aspect']}")


def _mended(
    detected: Orientation, raw: Raw, chosen: Mapping[str, Any]
) -> tuple[int, bool, list[str]]:
    """Return turns and inversion to undo, by policy, with the warnings they call for."""
    # a file that states its polarity is believed, but raw values of a detector state none
    stated = "photometric" in raw.facts and "intent" not in raw.facts
    polarity = "warn" if stated and chosen["polarity"] == "fix" else chosen["polarity"]
    found = {
        "pose.inverted": (detected.inverted, polarity, "dense tissue looks dark"),
        "pose.rotated": (
            detected.quarter_turns > 0,
            chosen["rotation"],
            "the patient looks turned",
        ),
    }
    warnings = []
    for code, (seen, policy, text) in found.items():
        if seen and policy == "reject":
            raise GateError(code, f"{text} (preprocess can fix or only warn instead)")
        if seen and policy != "ignore":
            warnings.append(code)
    turns = detected.quarter_turns if chosen["rotation"] == "fix" else 0
    return turns, detected.inverted and polarity == "fix", warnings


def _cut(picture: np.ndarray, box: Sequence[int]) -> np.ndarray:
    top, left, bottom, right = box
    return picture[top:bottom, left:right]


def _inner(picture: np.ndarray, outside: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of the picture without its flat or unexposed border."""
    tall, wide = (np.flatnonzero(~outside.all(axis=axis)) for axis in (1, 0))
    top, left, bottom, right = (tall[0], wide[0], tall[-1] + 1, wide[-1] + 1)
    exposed, hidden = (part[top:bottom, left:right] for part in (picture, outside))
    low, high = np.percentile(exposed[~hidden], OUTLIERS)
    ends = []
    for turned, unseen in ((exposed, hidden), (exposed.T, hidden.T)):
        dark, middle, light = _percentiles(turned, unseen, (SPREAD[0], 50, SPREAD[1]))
        reach = high - low
        extreme = np.minimum(middle - low, high - middle) < NEAR * reach
        inner = np.flatnonzero(~((light - dark < FLAT * reach) & extreme))
        count = middle.size
        limit = int(MOST_CROPPED * count)
        first, last = (int(inner[0]), int(inner[-1]) + 1) if inner.size else (0, count)
        ends.append((min(first, limit), max(last, count - limit)))
    (above, below), (before, after) = ends
    return int(top) + above, int(left) + before, int(top) + below, int(left) + after


def _percentiles(lines: np.ndarray, unseen: np.ndarray, at: Sequence[float]) -> np.ndarray:
    """Return percentiles (len(at), lines) of what is exposed of each line; NaN where nothing is."""
    if not unseen.any():
        return np.percentile(lines, at, axis=1)
    nothing = np.full(len(at), np.nan)
    rows = zip(lines, unseen, strict=True)
    seen = [np.percentile(line[~no], at) if not no.all() else nothing for line, no in rows]
    return np.array(seen).T


def _fitted(lengths: tuple[float, float], size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return rows and columns that fill the canvas with aspect kept, and where they begin."""
    rows, columns = (max(1, round(size * length / max(lengths))) for length in lengths)
    return (rows, columns), ((size - rows) // 2, (size - columns) // 2)


def _drawn(cut: np.ndarray, record: Mapping[str, Any], longest_mm: float | None) -> Volume:
    upright = np.rot90(-cut if record["inverted"] else cut, record["quarter_turns"])
    small = _linear(upright, record["resized"])
    low, high = record["window"]
    stretched = np.clip((small - low) / (high - low), 0, 1).astype(np.float32)
    spacing_mm = 1.0 if longest_mm is None else longest_mm / record["size"]
    return volume.radiograph(_padded(stretched, record), spacing_mm)


def _padded(picture: np.ndarray, record: Mapping[str, Any]) -> np.ndarray:
    top, left = record["offset"]
    canvas = np.zeros((record["size"], record["size"]), picture.dtype)
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def _linear(picture: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    rows, columns = shape
    return np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR))  # antialiased


def _nearest(picture: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    rows, columns = (
        ((np.arange(to) + 0.5) * of / to).astype(int)
        for of, to in zip(picture.shape, shape, strict=True)
    )
    return picture[np.ix_(rows, columns)]
