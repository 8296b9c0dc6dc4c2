"""Bones as weighted points: ribs, spine, clavicles, shoulder blades, arms, breastbone, jaw.

A point's mass is what the bone adds to soft tissue, in cubic millimeters of dense bone.
"""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies import cage, trunk
from radfoundry.phantoms._bodies.space import Points, curve, joined

MARROW = 0.10  # density of spongy bone beyond soft tissue, where dense bone is 1
SHELL_MM = 1.3  # thickness of dense bone
MINERAL = {"spine": 0.7}  # vertebrae are mostly spongy
UP, FORWARD = np.array([0.0, 0, 1]), np.array([0.0, 1, 0])
RIB_END_DEG = [150, 148, 144, 140, 136, 132, 126, 120, 112, 104, 86, 62]  # 0 back, 180 front


def skeleton(
    body: Mapping, exam: Mapping, step_mm: float, blocks: bool = True
) -> dict[str, Points]:
    """Return the bones of the chest by kind: rib, spine, clavicle, other.

    Args:
        body: The person.
        exam: Their posture.
        step_mm: Distance of the points of a bone, about.
        blocks: Whether vertebrae have their blocks, or only what stands behind them.
    """
    sides = (1, -1)
    groups = {
        "rib": [rib(body, i, side, step_mm) for side in sides for i in range(1, 13)],
        "spine": spine(body, step_mm, blocks),
        "clavicle": [clavicle(body, exam, side, step_mm) for side in sides],
        "other": [breastbone(body, step_mm), jaw(body, exam, step_mm)],
    }
    for side in sides:
        groups["other"] += [
            *upper_arm(body, exam, side, step_mm),
            *scapula(body, exam, side, step_mm),
        ]
    strength = {name: body["bone"] * MINERAL.get(name, 1.0) for name in groups}
    return {name: _mineral(joined(parts), strength[name]) for name, parts in groups.items()}


def _mineral(bone: Points, density: float) -> Points:
    return Points(bone.xyz, bone.mass * np.float32(density))


def tube(path: np.ndarray, radii: np.ndarray, up: np.ndarray, step_mm: float) -> Points:
    """Return a bone with a dense shell and a spongy inside along a path.

    Args:
        path: (n, 3) center line.
        radii: (n, 2) or (2,) semi-axes of the cross-section: along `up`, and across.
        up: (3,) or (n, 3) direction of the first semi-axis; made perpendicular to the path.
        step_mm: Distance of points around the shell.
    """
    radii = np.broadcast_to(radii, (len(path), 2))
    tangent = np.gradient(path, axis=0)
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    tangent = tangent / np.maximum(length, 1e-9)
    up = np.broadcast_to(up, path.shape)
    up = up - (up * tangent).sum(axis=1, keepdims=True) * tangent
    up = up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    across = np.cross(tangent, up)
    around = np.pi * radii.sum(axis=1).max()
    disk, share = _disk(max(8, int(around / step_mm)))
    shell = np.minimum(SHELL_MM, 0.45 * radii.min(axis=1))
    volume = np.pi * radii.prod(axis=1) * length[:, 0]
    dense = np.pi * radii.sum(axis=1) * shell * length[:, 0]
    mass = share[0][None] * dense[:, None] + share[1][None] * (MARROW * volume)[:, None]
    offsets = disk[None] * radii[:, None]
    xyz = path[:, None] + offsets[..., :1] * up[:, None] + offsets[..., 1:] * across[:, None]
    return Points(xyz.reshape(-1, 3).astype(np.float32), mass.ravel().astype(np.float32))


def _disk(n: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return points of a unit disk, and each one's share of shell and inside."""
    rim = np.linspace(0, 2 * np.pi, n, endpoint=False)
    inner = rim[::2] + 0.3
    angles = np.concatenate([rim, inner])
    radius = np.concatenate([np.full(n, 0.93), np.full(len(inner), 0.5)])
    disk = radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    shell = np.concatenate([np.full(n, 1 / n), np.zeros(len(inner))])
    return disk, (shell, np.full(len(disk), 1 / len(disk)))


def rib(body: Mapping, number: int, side: int, step_mm: float) -> Points:
    """Return one rib: from its vertebra around the cage to its cartilage, sloping forward."""
    w, d = body["width"], body["depth"]
    n = int(2.6 * w / step_mm)
    angle = np.radians(np.linspace(9, RIB_END_DEG[number - 1], n))
    start = 0.35 * body["spacing"] - (number - 1) * body["spacing"]
    drop = body["rib_drop"] * min(1, 0.55 + 0.12 * number)
    z = start - drop * d * (1 - np.cos(angle)) - 0.05 * w * np.sin(angle) ** 2
    z = z + 0.25 * body["spacing"] * np.exp(-(((angle - 0.45) / 0.25) ** 2))
    wide = np.maximum(cage.half_width(body, z), 0.5 * w) + 2.5
    fore, aft = cage.front(body, z) + 3, cage.back(body, z) - 2
    s, c = np.sin(angle), -np.cos(angle)
    k = body["square"] * (s * c) ** 2 + 1e-9
    reach = np.sqrt((1 - np.sqrt(1 - 4 * k)) / (2 * k)) if k.max() < 0.25 else 1.0
    x, y = wide * reach * s, (fore + aft) / 2 + (fore - aft) / 2 * reach * c
    sway = cage.spine_x(body, start) * np.exp(-2 * angle)
    height = body["rib_size"] * w * np.interp(angle, [0, 0.5, 2.6], [0.03, 0.038, 0.044])
    size = np.stack([height * (0.85 if number in (1, 11, 12) else 1), 0.5 * height], axis=1)
    return tube(np.stack([side * x + sway, y, z], axis=1), size, UP, step_mm)


def spine(body: Mapping, step_mm: float, blocks: bool = True) -> list[Points]:
    """Return the vertebrae of neck, chest and loin, with or without their blocks."""
    first = 0 if blocks else 1
    return [part for level in range(-4, 20) for part in _vertebra(body, level, step_mm)[first:]]


def _vertebra(body: Mapping, level: int, step_mm: float) -> list[Points]:
    """Return one vertebra: its block with dense end plates, and its arch."""
    w = body["width"]
    size = np.interp(level, [-3, 0, 12, 15], [0.085, 0.1, 0.135, 0.15]) * w
    gap = body["spacing"] * np.interp(level, [-3, 0, 1, 15], [0.75, 0.85, 1, 1.2])
    z = 0.2 * body["spacing"] - level * body["spacing"] * (0.8 if level < 0 else 1)
    y = np.interp(level, [-3, 0, 6, 12, 15], [-0.1, -0.4, -0.62, -0.52, -0.35]) * body["depth"]
    center = np.array([cage.spine_x(body, np.array(z)), y, z])
    heights = np.linspace(-0.4, 0.4, max(5, int(0.8 * gap / step_mm)))
    waist = 1 - 0.12 * np.cos(np.pi * heights / 0.8)
    path = center + heights[:, None] * np.array([0, 0, gap])
    block = tube(path, size * waist[:, None] * [0.85, 1.0], FORWARD, step_mm)
    plates = np.repeat(1 + 1.5 * (np.abs(heights) > 0.33), len(block.mass) // len(heights))
    block = Points(block.xyz, block.mass * plates.astype(np.float32))
    return [block, *_arch(center, size, gap, step_mm)]


def _arch(center: np.ndarray, size: float, gap: float, step_mm: float) -> list[Points]:
    """Return a vertebra's pedicles, side processes and spine."""
    scale, thick, parts = np.array([size, size, gap]), np.array([0.2, 0.24]) * size, []
    for side in (1, -1):
        root = center + np.array([side * 0.62, -0.9, 0.12]) * scale
        reach = np.array([[0, 0, 0], [side * 0.5, -0.35, 0.02], [side * 0.85, -0.75, 0.1]])
        pedicle = root + np.linspace(0.5, 0, 6)[:, None] * np.array([0, size, 0])
        parts.append(tube(pedicle, 1.15 * thick, UP, step_mm))
        parts.append(tube(curve(root + reach * scale, 8), thick, UP, step_mm))
    way = np.array([0, -1.2, 0]) + np.linspace(0, 1, 10)[:, None] * np.array([0, -1.1, -0.55])
    return [*parts, tube(center + way * scale, np.array([0.3, 0.13]) * size, UP, step_mm)]


def clavicle(body: Mapping, exam: Mapping, side: int, step_mm: float) -> Points:
    """Return a collar bone: an S from the breastbone to the shoulder."""
    w, d = body["width"], body["depth"]
    low, lift = -exam["clavicle_level"] * body["height"], exam["shoulder_lift"] * w
    high = low + exam["clavicle_tilt"] * w + lift
    nodes = [
        (0.13, 0.25, low),
        (0.38, 0.38, low + 0.3 * (high - low)),
        (0.75, 0.02, low + 0.8 * (high - low)),
        (1.12, -0.2, high),
    ]
    path = curve([(side * x * w, y * d, z) for x, y, z in nodes], int(1.3 * w / step_mm))
    radius = w * np.interp(
        np.linspace(0, 1, len(path)), [0, 0.12, 0.5, 1], [0.075, 0.05, 0.042, 0.05]
    )
    return tube(path, np.stack([radius, radius], axis=1), UP, step_mm)


def scapula(body: Mapping, exam: Mapping, side: int, step_mm: float) -> list[Points]:
    """Return a shoulder blade: plate, side border, spine with acromion, and coracoid."""
    w, d, h = body["width"], body["depth"], body["height"]
    out, lift = exam["scapula_out"], exam["shoulder_lift"] * w

    def at(x: float, y: float, z: float) -> np.ndarray:
        return np.array([side * (x + out * (1.1 - x)) * w, y * d, z * w + lift])

    top, tip, socket = at(0.6, -1.0, 0.02), at(0.7, -1.12, -0.52 * h / w), at(1.08, -0.35, -0.2)
    inner = at(0.55, -1.08, -0.2)
    n = max(6, int(0.7 * w / step_mm))
    i, j = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    border = curve([top, inner, tip], n)
    plate = border[:, None] * (1 - j)[..., None] + socket * j[..., None]
    plate[..., 1] -= 0.1 * d * np.sin(np.pi * j) * np.sin(np.pi * i)
    area = 0.5 * np.linalg.norm(np.cross(top - socket, tip - socket)) * (1 - j) * 2 / n**2
    sheet = Points(plate.reshape(-1, 3).astype(np.float32), (1.5 * area).ravel().astype(np.float32))
    up, r = UP, 0.035 * w
    acromion = [at(0.62, -1.12, -0.1), at(0.95, -0.85, 0.0), at(1.2, -0.35, 0.06)]
    coracoid = [at(1.0, -0.35, -0.04), at(0.98, -0.1, 0.02), at(1.06, 0.08, -0.08)]
    m = max(8, int(0.5 * w / step_mm))
    return [
        sheet,
        tube(np.linspace(tip, socket, 2 * m), np.array([0.7 * r, 0.5 * r]), up, step_mm),
        tube(border, np.array([0.35 * r, 0.35 * r]), FORWARD, step_mm),
        tube(curve(acromion, m), np.array([r, 0.7 * r]), up, step_mm),
        tube(curve(coracoid, m // 2), np.array([r, r]), up, step_mm),
    ]


def upper_arm(body: Mapping, exam: Mapping, side: int, step_mm: float) -> list[Points]:
    """Return the bone of the upper arm: round head and shaft."""
    w = body["width"]
    nodes, _ = trunk.arm(body, exam, side)
    shoulder = nodes[0] * [0.97, 1, 1] + [0, 0, 0.04 * w]
    path = np.linspace(shoulder, nodes[1], max(12, int(1.9 * w / step_mm)))
    t = np.linspace(0, 1, len(path))
    head = 0.14 * np.sqrt(np.clip(1 - ((t - 0.03) / 0.09) ** 2, 0, 1))
    radius = w * np.maximum(
        head, np.interp(t, [0, 0.01, 0.1, 0.3, 1], [0.03, 0.05, 0.09, 0.065, 0.06])
    )
    return [tube(path, np.stack([radius, radius], axis=1), FORWARD, step_mm)]


def breastbone(body: Mapping, step_mm: float) -> Points:
    """Return the breastbone, a flat bone in front."""
    w, h = body["width"], body["height"]
    z = np.linspace(-0.1 * h, -0.72 * h, max(10, int(0.6 * h / step_mm)))
    path = np.stack([0 * z, cage.front(body, z) + 5, z], axis=1)
    half = w * np.interp(z / h, [-0.72, -0.65, -0.28, -0.2, -0.1], [0.04, 0.12, 0.1, 0.2, 0.18])
    return tube(
        path, np.stack([half, np.full(len(z), 0.04 * w)], axis=1), np.array([1.0, 0, 0]), step_mm
    )


def jaw(body: Mapping, exam: Mapping, step_mm: float) -> Points:
    """Return the lower jaw, seen at the top where the head is in the picture."""
    center, axes = trunk.head(body, exam)
    size = axes[0, 0]
    angle = np.linspace(-1.35, 1.35, max(16, int(3 * size / step_mm)))
    x, y = center[0] + 0.85 * size * np.sin(angle), center[1] + size * (0.1 + 0.85 * np.cos(angle))
    path = np.stack(
        [x, y, center[2] - 0.75 * size + 0.35 * size * np.abs(angle / 1.35) ** 3], axis=1
    )
    return tube(path, np.array([0.2, 0.09]) * size, UP, step_mm)
