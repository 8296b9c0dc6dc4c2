"""The airway and vessel trees of a CT: named stems, and twigs grown within each lobe.

Stems stand where anatomy puts them, from the carina to the segments; arteries run along the
bronchi, veins between them to the left atrium. Twigs stay in their lobe: none crosses a fissure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radfoundry.phantoms._bodies import cage, fissures, viscera
from radfoundry.phantoms._bodies.findings import LOBES
from radfoundry.phantoms._bodies.space import Grid
from radfoundry.phantoms._bodies.trees import DIRECT

# Bronchi of each lung: lobe, own name, the one they leave, and where they end: x in half widths
# of the chest (outward), y in half depths, height as part of the way from the carina down to the
# dome (negative) or up to the top of the lung; then the radius in half widths.
RIGHT = (
    ("", "main", "carina", 0.15, -0.18, -0.2, 0.045),
    ("upper lobe", "upper", "main", 0.28, -0.18, -0.16, 0.027),
    ("upper lobe", "apical", "upper", 0.34, -0.2, 0.3, 0.015),
    ("upper lobe", "posterior", "upper", 0.48, -0.45, 0.05, 0.015),
    ("upper lobe", "anterior", "upper", 0.5, 0.2, 0.0, 0.015),
    ("", "intermediate", "main", 0.22, -0.2, -0.45, 0.034),
    ("middle lobe", "middle", "intermediate", 0.36, 0.1, -0.52, 0.021),
    ("middle lobe", "lateral", "middle", 0.6, 0.28, -0.56, 0.014),
    ("middle lobe", "medial", "middle", 0.42, 0.48, -0.62, 0.014),
    ("lower lobe", "lower", "intermediate", 0.29, -0.32, -0.6, 0.027),
    ("lower lobe", "superior", "lower", 0.42, -0.66, -0.5, 0.015),
    ("lower lobe", "basal lateral", "lower", 0.58, -0.32, -0.82, 0.015),
    ("lower lobe", "basal front", "lower", 0.46, -0.12, -0.82, 0.015),
    ("lower lobe", "basal back", "lower", 0.42, -0.6, -0.9, 0.015),
)
LEFT = (
    ("", "main", "carina", 0.3, -0.24, -0.33, 0.042),
    ("upper lobe", "upper", "main", 0.41, -0.1, -0.27, 0.027),
    ("upper lobe", "apical", "upper", 0.4, -0.25, 0.25, 0.017),
    ("upper lobe", "anterior", "upper", 0.56, 0.25, -0.05, 0.015),
    ("upper lobe", "lingula", "upper", 0.6, 0.3, -0.45, 0.017),
    ("lower lobe", "lower", "main", 0.38, -0.36, -0.55, 0.027),
    ("lower lobe", "superior", "lower", 0.46, -0.68, -0.42, 0.015),
    ("lower lobe", "basal lateral", "lower", 0.68, -0.34, -0.8, 0.015),
    ("lower lobe", "basal front", "lower", 0.6, -0.14, -0.78, 0.015),
    ("lower lobe", "basal back", "lower", 0.48, -0.64, -0.9, 0.015),
)
# Veins: the lobes each drains, where it leaves the left atrium and where it gathers.
VEINS = (
    (("upper lobe", "middle lobe"), (0.16, -0.06, -0.5), (0.34, 0.12, -0.36)),
    (("lower lobe",), (0.14, -0.16, -0.62), (0.36, -0.26, -0.72)),
)
GOALS = {"airway": 22, "artery": 170, "vein": 120}  # twigs of a lobe
TWIG_MM = {"airway": 0.75, "artery": 0.78, "vein": 0.78}  # radius of the last twigs of an adult
CANDIDATES = 6000  # random places in the box around a lung
CLEAR_MM = {"airway": 6.0, "artery": 3.0, "vein": 3.0}  # twigs end this far from the lobe's edge
FULLER = 1.5  # arteries are this much wider than the lumen of the bronchus beside them
CENTRAL = 0.025  # radius, in half widths, above which bronchi are central
ALONG = np.array([0.05, 0.06, 0.03])  # where an artery runs beside its bronchus, half widths


@dataclass(frozen=True)
class Branches:
    """Straight pieces of a tree.

    Attributes:
        ends: (n, 2, 3) both ends of each piece, mm.
        radii: (n, 2) radius at each end, mm.
    """

    ends: np.ndarray
    radii: np.ndarray


def trachea(body: Mapping, exam: Mapping) -> Branches:
    """Return the trachea from the neck to the carina."""
    w, d, r = body["width"], body["depth"], 0.06 * body["width"]
    carina = _carina(body, exam)
    nodes = np.array([[0, 0.2 * d, 0.8 * w], [0.5 * carina[0], 0.0, 0.05 * w], carina])
    return _chain(nodes, np.array([r, r, r]))


def _carina(body: Mapping, exam: Mapping) -> np.ndarray:
    x, height = exam["trachea_x"] * body["width"], cage.levels(body, exam)["carina"]
    return np.array([x, -0.14 * body["depth"], height])


def airways(body: Mapping, exam: Mapping) -> Branches:
    """Return trachea, bronchi and their twigs: radii are those of the lumen."""
    parts = [trachea(body, exam)]
    for side in (1, -1):
        stems = _stems(body, exam, side)
        parts += [_pieces(stems), *_twigs(body, side, "airway", stems, _spots(body, exam, side))]
    return _together(parts)


def central(body: Mapping, exam: Mapping) -> Branches:
    """Return trachea, main and first lobar bronchi: those that the heart lies against."""
    stems = [stem for side in (1, -1) for stem in _stems(body, exam, side)]
    wide = [stem for stem in stems if stem[4] > CENTRAL * body["width"]]
    return _together([trachea(body, exam), _pieces(wide)])


def vessels(body: Mapping, exam: Mapping) -> Branches:
    """Return the arteries and veins of both lungs, from where they leave the mediastinum."""
    parts = []
    for side in (1, -1):
        arteries = _arteries(body, exam, side)
        spots = _spots(body, exam, side)
        parts += [_pieces(arteries), *_twigs(body, side, "artery", arteries, spots)]
        veins = _veins(body, exam, side)
        parts += [_pieces(veins), *_twigs(body, side, "vein", veins, spots)]
    out = _together(parts)
    return Branches(out.ends, out.radii * body["vessels"] ** 0.5)


Stem = tuple[str, np.ndarray, np.ndarray, float, float]  # lobe, start, end, and both radii


def _at(body: Mapping, exam: Mapping, side: int, spot: Sequence[float]) -> np.ndarray:
    """Return millimeters of a place given as in `RIGHT`."""
    carina = cage.levels(body, exam)["carina"]
    reach = carina - cage.dome(body, exam, side) if spot[2] < 0 else -carina
    return np.array([side * spot[0] * body["width"], spot[1] * body["depth"],
                     carina + spot[2] * reach])  # fmt: skip


def _stems(body: Mapping, exam: Mapping, side: int) -> list[Stem]:
    w = body["width"]
    ends = {"carina": (_carina(body, exam), 0.05 * w)}
    stems = []
    for lobe, name, parent, *spot, radius in RIGHT if side > 0 else LEFT:
        start, wide = ends[parent]
        ends[name] = (_at(body, exam, side, spot), radius * w)
        stems.append((lobe, start, ends[name][0], min(wide, 1.25 * radius * w), radius * w))
    return stems


def _arteries(body: Mapping, exam: Mapping, side: int) -> list[Stem]:
    """Return the arteries: each lies beside its bronchus, the first ones leave the hilum."""
    w = body["width"]
    hilum = viscera.artery_end(body, exam, side)
    offset = ALONG * [side, 1, 1] * w
    stems = []
    for lobe, start, end, first, last in _stems(body, exam, side)[1:]:
        central = first > 0.035 * w
        root = hilum if central else start + offset
        beside = end + offset * (1 if last > 0.02 * w else 0.5)
        stems.append((lobe, root, beside, FULLER * first, FULLER * last))
    return stems


def _veins(body: Mapping, exam: Mapping, side: int) -> list[Stem]:
    w, stems = body["width"], []
    for lobes, start, end in VEINS:
        ends = _at(body, exam, side, start), _at(body, exam, side, end)
        stems += [(lobe, *ends, 0.05 * w, 0.034 * w) for lobe in lobes]
    return stems


Spots = dict[str, tuple[np.ndarray, np.ndarray]]  # of a lobe: points (n, 3), depth in it (n,)


def _twigs(
    body: Mapping, side: int, kind: str, stems: Sequence[Stem], spots: Spots
) -> list[Branches]:
    """Return the twigs of each lobe, grown from the ends of its stems."""
    out = []
    for lobe, (points, depth) in spots.items():
        ends = [(s[2], s[4]) for s in stems if s[0] == lobe]
        rng = np.random.default_rng([body["tree_seed"], side + 1, sorted(GOALS).index(kind)])
        order = rng.permutation(len(points))
        goals = points[order][depth[order] > CLEAR_MM[kind]][: GOALS[kind]]
        if ends:
            starts, radii = (np.array(v) for v in zip(*ends, strict=True))
            out.append(grown(starts, radii, goals, TWIG_MM[kind] * body["width"] / 140))
    return out


def _spots(body: Mapping, exam: Mapping, side: int) -> Spots:
    """Return random points of each lobe of a lung, where twigs may end."""
    w, d, low = body["width"], body["depth"], cage.dome(body, exam, side) - 0.4 * body["width"]
    unit = np.random.default_rng([body["tree_seed"], side + 1]).uniform(size=(CANDIDATES, 3))
    xyz = unit * [side * w, 2 * d, low] - [0, d, 0]
    x, y, z = xyz.astype(np.float32).T[:, None, :, None]
    grid = Grid(x, y, z, (1.0, 1.0, 1.0))
    inside = viscera.lungs(body, exam, grid)[0 if side > 0 else 1]
    out = {}
    for lobe in LOBES["right" if side > 0 else "left"]:
        depth = np.minimum(inside, fissures.lobe_depth(body, exam, grid, side, lobe))[0, :, 0]
        out[lobe] = xyz[depth > 0], depth[depth > 0]
    return out


def grown(starts: np.ndarray, wide: np.ndarray, goals: np.ndarray, twig_mm: float) -> Branches:
    """Return the branches that reach all goals (n, 3) from the nearest of the starts (m, 3).

    A branch is as wide as its twigs need (Murray's law: cubes of radii add up), yet never wider
    than what it leaves; `wide` (m,) are the radii of the starts.
    """
    gaps = np.linalg.norm(goals[:, None] - starts, axis=2).min(axis=1)
    nodes = np.concatenate([starts, goals[np.argsort(gaps, kind="stable")]])
    first, parents, path = len(starts), np.full(len(nodes), -1), np.zeros(len(nodes))
    for i in range(first, len(nodes)):
        gap = np.sqrt(((nodes[:i] - nodes[i]) ** 2).sum(axis=1))
        parents[i] = np.argmin(gap + DIRECT * path[:i])
        path[i] = path[parents[i]] + gap[parents[i]]
    cubes = np.full(len(nodes), twig_mm**3)
    for i in range(len(nodes) - 1, first - 1, -1):
        cubes[parents[i]] += cubes[i]
    radii = np.concatenate([wide, np.cbrt(cubes[first:])])
    for i in range(first, len(nodes)):
        radii[i] = min(radii[i], 0.92 * radii[parents[i]])
    child = np.arange(first, len(nodes))
    start = np.minimum(radii[parents[child]], 1.2 * radii[child])
    ends = np.stack([nodes[parents[child]], nodes[child]], axis=1)
    return Branches(ends, np.stack([start, radii[child]], axis=1))


def _pieces(stems: Sequence[Stem]) -> Branches:
    ends = np.array([[start, end] for _, start, end, _, _ in stems])
    return Branches(ends, np.array([[first, last] for *_, first, last in stems]))


def _chain(nodes: np.ndarray, radii: np.ndarray) -> Branches:
    ends = np.stack([nodes[:-1], nodes[1:]], axis=1)
    return Branches(ends, np.stack([radii[:-1], radii[1:]], axis=1))


def _together(parts: Sequence[Branches]) -> Branches:
    ends = np.concatenate([p.ends for p in parts])
    return Branches(ends, np.concatenate([p.radii for p in parts]))
