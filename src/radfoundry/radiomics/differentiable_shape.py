"""Shape features of soft masks in torch, with gradients: what networks that draw masks learn from.

The engine's mesh is a sum over cells of neighboring voxels, and what a cell adds depends on which
of its corners are inside. Of a soft mask the sum's expectation is computed, every voxel inside with
its own chance: a polynomial whose value on a mask of zeros and ones is the engine's, and whose
slope there is what turning one voxel would change. Diameters have no such form and are left out.
The engine's mesh has holes where voxels meet at an edge, which makes its volume depend on where the
origin is: there the volume, and what follows from it, differs by parts of a percent.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.radiomics.engine import mesh_of
from radfoundry.radiomics.mesh import CORNERS, areas_of_cubes, volumes_of_cubes

NAMES: Mapping[int, tuple[str, ...]] = {
    2: ("MeshSurface", "PixelSurface", "Perimeter", "PerimeterSurfaceRatio", "Sphericity",
        "MajorAxisLength", "MinorAxisLength", "Elongation"),
    3: ("MeshVolume", "VoxelVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity",
        "MajorAxisLength", "MinorAxisLength", "LeastAxisLength", "Elongation", "Flatness",
        "Compactness1", "Compactness2", "SphericalDisproportion"),
}  # fmt: skip
INSIDE = 0.5
SQUARES = 16  # kinds of cells in 2D
ALONG_COLUMNS = (0b0011, 0b1100)  # of them, those cut from one column to the next
SETTLED = 0.05  # a chance so near to 0 or 1 is taken for it where cells are chosen
Pair = tuple[Tensor, Tensor]  # chances of the kinds of a cell's first and last corners
LEAST = 1e-6  # of what is divided by, and of an empty mask's eigenvalues


def shape_features(
    masks: Tensor, spacing_mm: Sequence[Sequence[float]], hard: bool = True
) -> dict[str, Tensor]:
    """Return the features of masks, each (B,), by the engine's names.

    Args:
        masks: (B, *space) in [0, 1], of 2 or 3 axes.
        spacing_mm: Of each mask, the length of a voxel along each axis.
        hard: Whether values are those of the voxels above 0.5, as the engine measures them, with
            gradients that reach the soft masks; False for the expectation.

    Returns:
        `NAMES`; of a mask without voxels numbers without a meaning, finite but for none.
    """
    dims = masks.ndim - 1
    masks = masks.permute(0, *range(dims, 0, -1))  # as the engine has them: (Z, Y, X)
    lengths = [tuple(float(n) for n in one)[::-1] for one in spacing_mm]
    space = torch.tensor(lengths, dtype=masks.dtype, device=masks.device)
    values = masks
    if hard:
        values = (masks > INSIDE).to(masks) + masks - masks.detach()
    size, border = _mesh(values, masks.detach(), lengths)
    count = values.flatten(1).sum(1)
    axes = _axis_lengths(values, count, space)
    found = _sizes_3d(size, border) if dims == 3 else _sizes_2d(size, border)
    found["VoxelVolume" if dims == 3 else "PixelSurface"] = count * space.prod(1)
    names = ("LeastAxisLength", "MinorAxisLength", "MajorAxisLength")[-dims:]
    found |= dict(zip(names, axes.unbind(1), strict=True))
    found["Elongation"] = found["MinorAxisLength"] / found["MajorAxisLength"]
    if dims == 3:
        found["Flatness"] = found["LeastAxisLength"] / found["MajorAxisLength"]
    return {name: found[name] for name in NAMES[dims]}


def _sizes_3d(volume: Tensor, area: Tensor) -> dict[str, Tensor]:
    volume, area = volume.clamp_min(LEAST), area.clamp_min(LEAST)
    sphericity = (36 * math.pi * volume**2) ** (1 / 3) / area
    return {
        "MeshVolume": volume,
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "Sphericity": sphericity,
        "Compactness1": volume / (area**1.5 * math.pi**0.5),
        "Compactness2": sphericity**3,
        "SphericalDisproportion": 1 / sphericity,
    }


def _sizes_2d(surface: Tensor, perimeter: Tensor) -> dict[str, Tensor]:
    surface, perimeter = surface.clamp_min(LEAST), perimeter.clamp_min(LEAST)
    return {
        "MeshSurface": surface,
        "Perimeter": perimeter,
        "PerimeterSurfaceRatio": perimeter / surface,
        "Sphericity": 2 * (math.pi * surface) ** 0.5 / perimeter,
    }


def _axis_lengths(values: Tensor, count: Tensor, spacing: Tensor) -> Tensor:
    """Return four deviations along the principal axes (B, dims), the shortest first."""
    sides = [torch.arange(n, dtype=values.dtype, device=values.device) for n in values.shape[1:]]
    places = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, -2)
    weights = values.flatten(1) / count.clamp_min(LEAST)[:, None]
    middle = weights @ places
    products = (places[:, :, None] * places[:, None]).flatten(1)
    second = (weights @ products).unflatten(1, (len(sides), len(sides)))
    spread = second - middle[:, :, None] * middle[:, None]
    spread = spread * spacing[:, :, None] * spacing[:, None]
    tiny = LEAST * torch.eye(len(sides), dtype=values.dtype, device=values.device)
    return 4 * torch.linalg.eigvalsh(spread + tiny).clamp_min(LEAST).sqrt()


def _mesh(values: Tensor, soft: Tensor, lengths: Sequence) -> tuple[Tensor, Tensor]:
    """Return what the mesh encloses (B,) and its own size (B,): mm3 and mm2, or mm2 and mm."""
    dims = values.ndim - 1
    soft, padded = (functional.pad(part, [1, 1] * dims) for part in (soft, values))
    low, high = -_highest(-soft), _highest(soft)
    open_cells = (high >= SETTLED) & (low <= 1 - SETTLED)
    row, *at = torch.nonzero(open_cells, as_tuple=True)
    chosen = _corners(padded, row, at)
    half = chosen.shape[1] // 2
    chances = _chances(chosen[:, :half]), _chances(chosen[:, half:])
    voxels = torch.tensor(np.prod(lengths, 1), dtype=values.dtype, device=values.device)
    tables = torch.from_numpy(np.stack([_tables(one) for one in lengths])).to(values)
    border = _expected(chances, tables, row)
    part = _contracted(chances, torch.from_numpy(_enclosed(dims)).to(values))
    sums = torch.zeros(len(values), 2, dtype=values.dtype, device=values.device)
    sums = sums.index_add(0, row, torch.stack([part, border], 1))
    full = (~open_cells & (low > INSIDE)).flatten(1).sum(1)
    return (sums[:, 0] + full) * voxels, sums[:, 1]


def _expected(chances: Pair, tables: Tensor, row: Tensor) -> Tensor:
    """Return the expectation in each cell (n,) of the table (B, kinds) of the cell's own row."""
    counts = torch.bincount(row, minlength=len(tables)).tolist()
    parts = zip(*(half.split(counts) for half in chances), tables, strict=True)
    # cells are in the order of rows
    return torch.cat([_contracted(pair, table) for *pair, table in parts])


def _contracted(chances: Sequence[Tensor], table: Tensor) -> Tensor:
    first, last = chances
    square = table.reshape(last.shape[1], first.shape[1])
    return ((last @ square) * first).sum(1)


def _highest(padded: Tensor) -> Tensor:
    """Return the highest corner (B, *cells) of every cell."""
    pool = functional.max_pool3d if padded.ndim == 4 else functional.max_pool2d
    return pool(padded[:, None], 2, 1)[:, 0]


def _corners(padded: Tensor, row: Tensor, at: Sequence[Tensor]) -> Tensor:
    """Return the corners (n, 2^dims) of some cells, in the order of a kind's bits."""
    strides = [math.prod(padded.shape[axis + 2 :]) for axis in range(padded.ndim - 1)]
    first = row * padded[0].numel()
    for place, stride in zip(at, strides, strict=True):
        first = first + place * stride
    steps = [
        sum(stride * step for stride, step in zip(strides, corner, strict=True))
        for corner in product((0, 1), repeat=len(strides))
    ]
    return padded.flatten()[first[:, None] + torch.tensor(steps, device=padded.device)]


def _chances(inside: Tensor) -> Tensor:
    """Return the chance of each kind (n, 2^corners) of corners that are inside with chances."""
    chances = torch.ones_like(inside[:, :1])
    for corner in inside.unbind(1):
        chances = torch.cat([chances * (1 - corner)[:, None], chances * corner[:, None]], 1)
    return chances


@lru_cache(maxsize=512)
def _tables(spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the border in a cell of each kind (kinds,): area in 3D, length in 2D."""
    if len(spacing_mm) == 3:
        return areas_of_cubes(mesh_of(), np.array(spacing_mm))
    rows, columns = spacing_mm
    cut = float(np.hypot(rows, columns)) / 2
    lengths = {0: 0.0, 1: cut, 3: cut, 4: 0.0}
    border = [
        2 * cut if _is_diagonal(kind) else columns if kind in ALONG_COLUMNS else rows
        for kind in range(SQUARES)
    ]
    return np.array([lengths.get(kind.bit_count(), border[kind]) for kind in range(SQUARES)])


def _is_diagonal(kind: int) -> bool:
    """Say whether two corners across from each other are inside, and no other."""
    return kind in (0b1001, 0b0110)


@lru_cache(maxsize=2)
def _enclosed(dims: int) -> np.ndarray:
    """Return the part of a cell of each kind (kinds,) that the mesh encloses.

    In 3D the flux through the mesh in the cell, which the engine sums, and through those faces of
    the cell that do not lie in its origin's planes.
    """
    if dims == 2:
        return SURFACES
    own, _ = volumes_of_cubes(mesh_of())
    faces = np.zeros(len(own))
    for axis in range(dims):
        bits = [bit for bit, corner in enumerate(CORNERS) if corner[axis]]
        for kind in range(len(own)):
            faces[kind] += SURFACES[sum((kind >> bit & 1) << at for at, bit in enumerate(bits))]
    return own + faces / dims


# Of squares: corners (0, 0), (0, 1), (1, 0), (1, 1) are bits 0 to 3.
SURFACES = np.array(
    [
        1 / 4 if _is_diagonal(kind) else (0, 1 / 8, 1 / 2, 7 / 8, 1)[kind.bit_count()]
        for kind in range(SQUARES)
    ]
)
