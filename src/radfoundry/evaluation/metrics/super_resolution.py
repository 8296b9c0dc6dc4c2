"""Super-resolution: how well a method restores a downsampled case, beside trilinear enlargement.

Three questions. Is it the case itself? Peak signal to noise and structural similarity, voxel by
voxel: they reward a cautious blur. Does it look like a CT? The maximum mean discrepancy of its
texture from that of other patients: a blur is seen at once. Is the detail drawn, or the mean of all
that may be there? What changes with the seed: see `drawn_detail`. All of it is measured in HU, and
interpolation starts from HU: the tone curve is the network's own.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.evaluation.metrics import drawn_detail, frechet
from radfoundry.networks.wavelets import haar

COLUMNS = ("case", "patient", "arm", "metric", "value")
RANGE = channels.WINDOW_HU[1] - channels.WINDOW_HU[0]  # HU that an image can differ by
LEVELS = 2  # of the wavelets: details of up to 4 voxels
PATCH = 8  # voxels along each side
QUIETEST = 1.0  # HU: amplitudes below it are alike
MOST_PATCHES = 512  # of one image
MOST_OTHERS = 1024  # patches of other patients that an image is compared with
FLOOR = "real_floor"
DRAWN = "sr"  # the arm of the network, which draws
NAN = float("nan")


class HeldOutCase(NamedTuple):
    """A held-out case at full and at low resolution."""

    case: str
    patient: str
    image: np.ndarray  # (X, Y, Z), HU within `channels.WINDOW_HU`
    small: np.ndarray  # (*coarse), HU: means of blocks of the image
    low: np.ndarray  # (C, *coarse) in [-1, 1]: channels as the network takes them small
    spacing_mm: tuple[float, ...] | None = None  # of the image; None where nobody knows

    @property
    def factor(self) -> int:
        """Voxels along each side of a block that became one."""
        return self.image.shape[0] // self.small.shape[0]


Enlarge = Callable[[HeldOutCase], np.ndarray]


class _Texture(NamedTuple):
    case: str
    patient: str
    arm: str
    patches: np.ndarray


def held_out(case: Case, card: Mapping) -> HeldOutCase:
    """Return a CT as a network is to restore it, and made small for it and for interpolation.

    Where the image is padded it has the window's lower end, which is background in tones.

    Args:
        case: CT in HU with the fact `patient` and its anatomy map.
        card: Of the super-resolution network: how many `channels` it draws, the `factor` between
            the grids, the `multiple` that each side is padded to, and its `tones` and
            `downsampling` where they are others than `channels.TONES` and means.
    """
    tones, by = dict(card.get("tones", channels.TONES)), card.get("downsampling", "mean")
    full = channels.padded(channels.encode(case, tones)[: card["channels"]], card["multiple"])
    image = channels.hounsfield(full[0], tones)
    small, low = (
        channels.smaller(torch.from_numpy(fine)[None], card["factor"], how)[0].numpy()
        for fine, how in ((image[None], "mean"), (full, by))
    )
    patient = str(case.facts["patient"])
    return HeldOutCase(case.name, patient, image, small[0], low, case.image.spacing_mm)


def trilinear(case: HeldOutCase) -> np.ndarray:
    """Return the small image enlarged to (X, Y, Z) in HU, linear between the centers of voxels."""
    sides = zip(case.image.shape, case.small.shape, strict=True)
    factors = tuple(new / old for new, old in sides)
    return ndimage.zoom(case.small, factors, order=1, mode="nearest", grid_mode=True)


def compare(
    cases: Iterable[HeldOutCase],
    methods: Mapping[str, Enlarge],
    rng: np.random.Generator,
    redrawn: Enlarge | None = None,
) -> pd.DataFrame:
    """Return how each method restores the image of each case.

    `psnr_db` and `ssim` are against the case itself; `mmd`, squared and unbiased, is of texture
    against the real images of all other patients, NaN where there is none. The arm `real_floor` is
    the mmd of the case's own real image. `detail_power` is that of `drawn_detail.power_kept`. Where
    a case is drawn twice, the arm `sr` has what `drawn_detail.measured` returns.

    Args:
        cases: One at a time is held in memory.
        methods: Name to what returns the enlarged image (X, Y, Z) of a case in HU.
        rng: Chooses patches, the same ones of every arm.
        redrawn: The method `sr` with other chance.

    Returns:
        Columns case, patient, arm, metric, value.

    Raises:
        ValueError: An enlarged image is not of the full shape.
    """
    rows: list[tuple] = []
    textures = []
    for case in cases:
        places = rng.spawn(1)[0].integers(2**31)
        images = {FLOOR: case.image}
        for arm, enlarge in methods.items():
            drawn = enlarge(case)
            if drawn.shape != case.image.shape:
                raise ValueError(f"{arm} enlarged {case.case} to {drawn.shape}")
            images[arm] = drawn
            rows += _rows(case, arm, fidelity(case.image, drawn))
            kept = drawn_detail.power_kept(case.image, drawn, case.factor)
            rows += _rows(case, arm, {"detail_power": kept})
        if redrawn is not None:
            pair = images[DRAWN], redrawn(case)
            rows += _rows(case, DRAWN, drawn_detail.measured(case.image, *pair, case.factor))
        for arm, image in images.items():
            patches = texture(image, np.random.default_rng(places))
            textures.append(_Texture(case.case, case.patient, arm, patches))
    return pd.DataFrame([*rows, *_distances(textures, rng)], columns=list(COLUMNS))


def _rows(case: HeldOutCase, arm: str, found: Mapping[str, float]) -> list[tuple]:
    return [(case.case, case.patient, arm, name, value) for name, value in found.items()]


def fidelity(real: np.ndarray, enlarged: np.ndarray, span: float = RANGE) -> dict[str, float]:
    """Return peak signal to noise in dB and mean structural similarity of two images (X, Y, Z).

    Both images are in HU; the peak is the width of the window. Or (X, Z), and another `span`.
    Similarity as Wang et al. (2004) define it: Gaussian windows of sigma 1.5 voxels, here in 3D.
    Equal images have an infinite ratio, which no mean can hold: NaN.
    """
    pair = real.astype(np.float64), enlarged.astype(np.float64)
    similar = structural_similarity(
        *pair, data_range=span, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    same = np.array_equal(*pair)
    ratio = NAN if same else peak_signal_noise_ratio(*pair, data_range=span)
    return {"psnr_db": float(ratio), "ssim": float(similar)}


def texture(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what patches look like, whatever they show: how strong each wavelet band is.

    No network is needed: a patch of 8^3 voxels is described by its mean and by the logarithm of the
    root mean square of each of the 63 other bands of two levels of the Haar packet transform.

    Args:
        image: (X, Y, Z) in HU; voxels beyond the last whole patch do not count.
        rng: Chooses the patches where there are more than `MOST_PATCHES`.

    Returns:
        (n, 64): mean in HU, logarithms of HU.
    """
    whole = tuple(slice(0, side - side % PATCH) for side in image.shape)
    bands = haar(
        torch.from_numpy(np.ascontiguousarray(image[whole], np.float32))[None, None], LEVELS
    )
    within = PATCH // 2**LEVELS
    blocks = bands[0].numpy()
    n, *sides = blocks.shape
    counts = [side // within for side in sides]
    split = blocks.reshape(n, counts[0], within, counts[1], within, counts[2], within)
    cells = split.transpose(1, 3, 5, 0, 2, 4, 6).reshape(-1, n, within**3)
    chosen = rng.permutation(len(cells))[:MOST_PATCHES]
    scale = 2.0 ** (-1.5 * LEVELS)  # an orthonormal average grows by 2^(3/2) a level
    means = cells[chosen, :1].mean(2) * scale
    power = np.sqrt((cells[chosen, 1:] ** 2).mean(2))
    return np.concatenate([means, np.log10(np.maximum(power, QUIETEST))], 1).astype(np.float64)


def _distances(textures: list[_Texture], rng: np.random.Generator) -> Iterable[tuple]:
    """Yield the mmd of each texture from the real ones of the other patients."""
    for case, patient in dict.fromkeys((t.case, t.patient) for t in textures):
        others = [t.patches for t in textures if t.arm == FLOOR and t.patient != patient]
        own = [t for t in textures if t.case == case]
        if not others:
            yield from ((case, patient, t.arm, "mmd", NAN) for t in own)
            continue
        reference = np.concatenate(others)
        reference = reference[rng.permutation(len(reference))[:MOST_OTHERS]]
        middle, spread = reference.mean(0), reference.std(0)
        spread = np.where(spread > 0, spread, 1.0)
        real = (reference - middle) / spread
        width = frechet.bandwidth(real)
        for found in own:
            value = frechet.mmd(real, (found.patches - middle) / spread, width)
            yield case, patient, found.arm, "mmd", value
