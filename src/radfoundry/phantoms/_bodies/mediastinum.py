"""What lies between the lungs: heart, great vessels, airways; and the gas below them."""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Grid, put_ellipsoid, put_tube

FAR = np.float32(-1e3)  # depth of a point that is nowhere near an organ


def heart_axes(body: Mapping, exam: Mapping) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return centers and semi-axes of ventricles, right atrium and left atrium."""
    size = body["heart"] * exam["heart"] * body["width"]
    tilt, turn = np.radians(exam["heart_tilt_deg"]), np.radians(28)
    long = np.array([-np.cos(tilt) * np.cos(turn), np.cos(tilt) * np.sin(turn), -np.sin(tilt)])
    side = np.cross(long, [0, 0, 1.0])
    side /= np.linalg.norm(side)
    frame = np.array([long, side, np.cross(long, side)])
    ventricles = frame * (size * np.array([[0.48], [0.5], [0.31]]))
    floor, drop = heart_floor(body, exam), np.sqrt((ventricles**2).sum(axis=0))[2]
    x, y = exam["shift"] * body["width"], 0.16 * body["depth"]
    return [
        (np.array([x - 0.2 * size, y, floor + 0.8 * drop]), ventricles),
        (
            np.array([x + 0.1 * size, y - 0.04 * size, floor + 0.95 * drop]),
            np.diag([0.23, 0.36, 0.36]) * size,
        ),
        (
            np.array([x - 0.06 * size, y - 0.25 * size, floor + 1.3 * drop]),
            np.diag([0.3, 0.24, 0.26]) * size,
        ),
    ]


def heart_floor(body: Mapping, exam: Mapping) -> float:
    """Return the height (mm) of the diaphragm under the heart."""
    between = 0.5 * (cage.dome(body, exam, 1) + cage.dome(body, exam, -1))
    return between - (0.03 + exam["cardiophrenic"]) * body["width"]


def heart_depth(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth (mm) of each point below the surface of the heart and its roots.

    Below its middle the heart is drawn long, so that it rests on the diaphragm.
    """
    depth = np.full(grid.shape, FAR)
    middle = np.float32(heart_axes(body, exam)[0][0][2])
    below = np.minimum(grid.z - middle, 0)
    resting = Grid(grid.x, grid.y, grid.z - np.float32(0.45) * below, grid.step_mm)
    for center, axes in heart_axes(body, exam):
        put_ellipsoid(depth, resting, center, axes)
    for nodes, radii in outflow(body, exam):
        put_tube(depth, grid, nodes, radii)
    return depth


def outflow(body: Mapping, exam: Mapping) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return nodes and radii of the heart's upper part: pulmonary trunk and aortic root."""
    w, d, size = body["width"], body["depth"], body["heart"] * exam["heart"] * body["width"]
    (left, _), (right, _), _ = heart_axes(body, exam)
    top = cage.levels(body, exam)["arch"] - 0.3 * w
    trunk = np.array(
        [
            left + [0.0, 0.0, 0.1 * size],
            [-0.11 * w, 0.25 * d, top - 0.25 * w],
            [-0.17 * w, 0.05 * d, top],
        ]
    )
    root = np.array([right + [-0.02 * size, 0, 0.1 * size], [0.09 * w, 0.25 * d, top - 0.1 * w]])
    return [
        (trunk, np.array([0.3 * size, 0.17 * w, 0.1 * w])),
        (root, np.array([0.2 * size, 0.12 * w])),
    ]


def mediastinum_depth(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth (mm) of each point in the mediastinum: its column, spine and vessels."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    z = [-3 * body["height"], at["arch"] - 0.5 * w, at["arch"], -0.1 * body["height"], 0.1 * w]
    half = np.array([0.135, 0.135, 0.145, 0.15, 0.2]) * w * body["mediastinum"]
    column = np.interp(grid.z, z, half).astype(np.float32)
    places = np.array([-1, -0.75, -0.45, -0.1, 0.2, 0.5, 0.8]) * d
    taper = np.interp(grid.y, places, [0.6, 0.85, 1.05, 1.3, 1.2, 0.7, 0.4])
    depth = taper.astype(np.float32) * column
    bent = cage.spine_x(body, grid.z) + 0.5 * exam["shift"] * w
    depth -= np.abs(grid.x - bent.astype(np.float32))
    for nodes, radii in great_vessels(body, exam):
        put_tube(depth, grid, nodes, radii)
    for side, higher in ((1, 0.0), (-1, 0.08)):
        hilum = [side * 0.23 * w, -0.1 * d, at["hilum"] + higher * w]
        put_ellipsoid(depth, grid, hilum, np.diag([0.09, 0.1, 0.17]) * w * body["vessels"])
    upper = [0.02 * w, 0.1 * d, at["arch"] - 0.05 * w]
    put_ellipsoid(depth, grid, upper, np.diag([0.235, 0.42, 0.6]) * w * body["mediastinum"])
    if body["thymus"]:
        center = [-0.02 * w, 0.6 * d, at["arch"]]
        put_ellipsoid(depth, grid, center, np.diag([0.42, 0.3, 0.45]) * w * body["thymus"])
    return depth


def great_vessels(body: Mapping, exam: Mapping) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return nodes (n, 3) and radii (n,) of aorta, superior vena cava and pulmonary trunk."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    r, low = body["aorta"] * w, cage.dome(body, exam, 1)
    left, unfolded = body["knob_x"] * w, body["unfolding"] * w
    aorta = [
        (0.07, 0.25, at["arch"] - 0.45 * w),
        (0.1 + body["unfolding"], 0.2, at["arch"] - 0.2 * w),
    ]
    path = [(x * w, y * d, z) for x, y, z in aorta]
    path += [(-0.03 * w, 0.0, at["arch"] + 0.02 * w), (-left, -0.22 * d, at["arch"] - 0.05 * w)]
    path += [(-left - 0.3 * unfolded, -0.5 * d, at["arch"] - 0.3 * w)]
    path += [
        (-0.13 * w - unfolded, -0.55 * d, 0.5 * (at["arch"] + low)),
        (-0.08 * w, -0.5 * d, low),
    ]
    cava = [(0.14 * w, 0.0, -0.05 * body["height"]), (0.17 * w, 0.05 * d, at["arch"] - 0.4 * w)]
    subclavian = [(-0.14 * w, -0.1 * d, at["arch"]), (-0.19 * w, -0.2 * d, -0.02 * w)]
    trunk = [(-0.1 * w, 0.3 * d, at["arch"] - 0.5 * w), (-0.2 * w, 0.0, at["arch"] - 0.3 * w)]
    out = [(np.array(path), r * np.array([1.15, 1.15, 1.05, 1.0, 0.9, 0.85, 0.8]))]
    out.append((np.array(cava), np.array([0.075, 0.085]) * w))
    out.append((np.array(subclavian), np.array([0.06, 0.05]) * w))
    out.append((np.array(trunk), np.array([0.11, 0.085]) * w * body["mediastinum"]))
    return out


def gas_depth(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth (mm) of each point in gas: trachea, main bronchi, stomach and bowel."""
    depth = np.full(grid.shape, FAR)
    for nodes, radii in airway(body, exam):
        put_tube(depth, grid, nodes, radii)
    for bubble in exam["gas"]:
        center = np.array(bubble[:3]) * [body["width"], body["depth"], body["width"]]
        center[2] += cage.dome(body, exam, 1 if bubble[0] > 0 else -1)
        put_ellipsoid(depth, grid, center, np.diag(bubble[3:]) * body["width"])
    return depth


def airway(body: Mapping, exam: Mapping) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return nodes and radii of trachea and main bronchi."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    r, x = 0.06 * w, exam["trachea_x"] * w
    carina = np.array([x, -0.12 * d, at["carina"]])
    trachea = np.array([[0, 0.1 * d, 0.8 * w], [x, -0.05 * d, 0.0], carina])
    right = np.array([carina, [0.2 * w, -0.15 * d, at["hilum"]]])
    left = np.array([carina, [-0.27 * w, -0.2 * d, at["hilum"] + 0.06 * w]])
    return [
        (trachea, np.array([r, r, r])),
        (right, np.array([0.8 * r, 0.6 * r])),
        (left, np.array([0.7 * r, 0.5 * r])),
    ]
