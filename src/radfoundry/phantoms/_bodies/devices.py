"""What lies on or in a patient: electrodes and their leads, tubes and lines, as dense points."""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Points, curve, joined

WIRE = 8.0  # metal and contrast stripes against dense bone
KINDS = ("electrodes", "tracheal_tube", "gastric_tube", "venous_line", "pacemaker", "cable")


def choose(rng: np.random.Generator, probability: float, view: str) -> list[dict]:
    """Return the devices of one examination: none, or one to four kinds with their shapes."""
    if rng.random() > probability:
        return []
    share = [0.8, 0.25, 0.3, 0.35, 0.08, 0.5] if view == "AP" else [0.3, 0.0, 0.02, 0.3, 0.2, 0.1]
    kinds = [kind for kind, p in zip(KINDS, share, strict=True) if rng.random() < p]
    return [{"kind": kind, "shape": np.round(rng.normal(size=24), 3).tolist()} for kind in kinds]


def points(devices: Sequence[Mapping], body: Mapping, exam: Mapping) -> Points:
    """Return all devices as points; mass in cubic millimeters of dense bone."""
    return joined(
        [part for d in devices for part in _DRAWN[d["kind"]](np.array(d["shape"]), body, exam)]
    )


def _wire(nodes: Sequence, body: Mapping, mass_per_mm: float) -> Points:
    path = curve(
        [(x * body["width"], y * body["depth"], z * body["width"]) for x, y, z in nodes], 700
    )
    length = np.linalg.norm(np.gradient(path, axis=0), axis=1)
    return Points(path.astype(np.float32), (WIRE * mass_per_mm * length).astype(np.float32))


def _disk(center: np.ndarray, radius: float, mass: float) -> Points:
    i = np.arange(1500)
    r, angle = radius * np.sqrt((i + 0.5) / 1500), i * 2.39996
    xyz = center + np.stack([r * np.cos(angle), 0 * r, r * np.sin(angle)], axis=1)
    return Points(xyz.astype(np.float32), np.full(1500, WIRE * mass / 1500, np.float32))


def _electrodes(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    w, d, h = body["width"], body["depth"], body["height"] / body["width"]
    spots = np.array(
        [[0.75, -0.1], [-0.75, -0.1], [-0.7, -1.0 * h], [0.7, -1.0 * h], [-0.2, -0.5 * h]]
    )
    spots = spots[: 3 + int(shape[0] > 0) + int(shape[1] > 1)]
    spots = spots + 0.12 * shape[2 : 2 + 2 * len(spots)].reshape(-1, 2)
    out = []
    for (x, z), bend in zip(spots, shape[12:17], strict=False):
        at = np.array([x * w, 1.1 * d, z * w])
        out.append(_disk(at, 0.045 * w + 1, 60.0))
        out.append(_disk(at, 0.018 * w + 0.5, 45.0))
        end = (shape[20] * 0.5 - 1.6, 1.15, -0.4 - 0.5 * abs(shape[21]))
        middle = (0.5 * (x + end[0]) + 0.15 * bend, 1.15, 0.5 * (z + end[2]) - 0.3 - 0.15 * bend)
        out.append(
            _wire([(x, 1.1, z), (x - 0.12 + 0.1 * bend, 1.12, z - 0.2), middle, end], body, 1.3)
        )
    return out


def _tracheal_tube(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    tip = cage.levels(body, exam)["carina"] / body["width"] + 0.2 + 0.08 * abs(shape[0])
    x = exam["trachea_x"]
    walls = []
    for off in (-0.03, 0.03):
        nodes = [
            (0.1 * shape[1] + off, 0.3, 1.6),
            (off, 0.2, 0.8),
            (x + off, -0.05, 0),
            (x + off, -0.1, tip),
        ]
        walls.append(_wire(nodes, body, 0.8))
    return walls


def _gastric_tube(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    low = cage.dome(body, exam, -1) / body["width"]
    nodes = [
        (0.1 * shape[0], 0.3, 1.6),
        (0.01, -0.1, 0.5),
        (-0.02 + 0.02 * shape[1], -0.3, 0.5 * low),
    ]
    nodes += [
        (-0.08, -0.3, low + 0.1),
        (-0.3, 0.1, low - 0.25),
        (-0.45 + 0.1 * shape[2], 0.3, low - 0.6),
    ]
    return [_wire(nodes, body, 1.2)]


def _venous_line(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    arch = cage.levels(body, exam)["arch"] / body["width"]
    start = (
        [(0.25, 0.3, 0.8), (0.2, 0.2, 0.3)]
        if shape[0] > 0
        else [(0.9, 0.5, -0.25), (0.4, 0.35, -0.05)]
    )
    nodes = [*start, (0.16, 0.1, 0.4 * arch), (0.16, 0.05, arch - 0.25 + 0.08 * shape[1])]
    out = [_wire(nodes, body, 1.0)]
    if shape[0] <= 0 and shape[2] > 0:
        out.append(
            _disk(
                np.array([0.9 * body["width"], body["depth"], -0.25 * body["width"]]), 12.0, 500.0
            )
        )
    return out


def _pacemaker(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    w, low = body["width"], cage.dome(body, exam, -1) / body["width"]
    box = _disk(
        np.array([-0.75 * w, 1.1 * body["depth"], (-0.15 + 0.05 * shape[0]) * w]), 22.0, 9000.0
    )
    nodes = [(-0.75, 1.0, -0.05), (-0.4, 0.5, 0.0), (0.05, 0.2, -0.2), (0.16, 0.1, -0.6)]
    return [box, _wire([*nodes, (0.05, 0.3, low + 0.25), (-0.35, 0.5, low + 0.12)], body, 2.0)]


def _cable(shape: np.ndarray, body: Mapping, exam: Mapping) -> list[Points]:
    z = -0.7 + 0.35 * shape[0]
    nodes = [
        (1.8, 1.3, z + 0.4 * shape[1]),
        (0.6, 1.25, z + 0.3 * shape[2]),
        (-0.5, 1.25, z + 0.3 * shape[3]),
    ]
    return [_wire([*nodes, (-1.8, 1.3, z + 0.5 * shape[4])], body, 1.8)]


_DRAWN = {
    "electrodes": _electrodes,
    "tracheal_tube": _tracheal_tube,
    "gastric_tube": _gastric_tube,
    "venous_line": _venous_line,
    "pacemaker": _pacemaker,
    "cable": _cable,
}
