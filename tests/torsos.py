"""A torso of ellipsoids on any grid, and the same image stored along any axes."""

from itertools import permutations, product

import nibabel
import numpy as np
from scipy.spatial.transform import Rotation

from radfoundry.data.gate import Raw
from radfoundry.data.gate.geometry import canonical
from radfoundry.volume import Volume

CENTER = np.array([12.0, -35.0, 410.0])  # mm: scanners seldom count from the patient
LUNGS = {1: (27, 0, 2), 2: (-27, 0, 0)}  # right, left; mm from the center
BALLS = {40: (30, 5, 20), 43: (-25, -12, -8)}
# Without domes, an affine map could turn an ellipsoid within itself.
SHAPES = {
    "body": (60, 42, 62),
    "dome": (36, 36, 30),
    1: (20, 26, 44),
    2: (17, 24, 40),
    40: (9, 9, 9),
    43: (7, 7, 7),
}
ORIENTATIONS = [
    np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)])
    for order in permutations(range(3))
    for flips in product((1, -1), repeat=3)
]


def affine(spacing_mm=(2.0, 2.0, 3.0), shape=(72, 56, 52), degrees=(0, 0, 0)):
    """Return the affine of a grid about the torso's center, turned about x, y, z."""
    turned = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    placed = np.eye(4)
    placed[:3, :3] = turned * spacing_mm
    placed[:3, 3] = CENTER - placed[:3, :3] @ ((np.array(shape) - 1) / 2)
    return placed


def torso(spacing_mm=(2.0, 2.0, 3.0), shape=(72, 56, 52), degrees=(0, 0, 0), stretch=1.0):
    """Return HU, lungs (1 right, 2 left) and balls (40, 43) of a body of about 12 cm."""
    placed = affine(spacing_mm, shape, degrees)
    at = np.moveaxis(np.indices(shape), 0, -1) @ placed[:3, :3].T + placed[:3, 3] - CENTER

    def inside(name, middle=(0, 0, 0)):
        reach = np.array(SHAPES[name]) * stretch
        return (((at - np.array(middle) * stretch) / reach) ** 2).sum(-1) < 1

    hu = np.where(inside("body"), 40.0, -1000.0) + 15 * np.sin(at[..., 0] / 9)
    lungs, balls = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for name, middle in LUNGS.items():
        lungs[inside(name, middle) & ~inside("dome", (middle[0], 9, -46))] = name
    hu[lungs > 0] = -850
    for name, middle in BALLS.items():
        balls[inside(name, middle)] = name
    hu[balls > 0] = 30
    return tuple(Volume(part, placed) for part in (hu.astype(np.float32), lungs, balls))


def raw(image):
    return Raw(image, "", True)


def stored(image, orientation):
    """Return an image read back by the gate from a file with other axes."""
    turned = nibabel.Nifti1Image(image.voxels, image.affine).as_reoriented(orientation)
    return canonical(np.asarray(turned.dataobj), turned.affine)[0]


def center(mask, placed):
    """Return the center of a mask in mm."""
    return placed[:3, :3] @ np.argwhere(mask).mean(0) + placed[:3, 3]


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def lungs_of(image):
    """Mark what is between air and tissue in density: enough for a drawn torso."""
    return (image.voxels > -950) & (image.voxels < -700)
