"""How alike two pictures are once one is mirrored, turned, zoomed and shifted onto the other.

No network: normalized cross-correlation of fine detail, at its best over a grid of turns and zooms
and over all small shifts at once (by Fourier transform; Lewis, Fast Normalized Cross-Correlation,
1995). Local contrast is evened out first, so that brightness and gamma hardly count. It costs tens
of milliseconds for each picture and a few candidates, so that a cheaper look must choose these.

A volume is seen in several views, each searched by itself. Of whole images the best view counts:
what is turned in one plane keeps its look in the view of that plane alone. Of a lesion or a mask,
which are alike in one view soon, the mean over views does.
"""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

FINE, COARSE = 0.6, 3.0  # pixels: what is finer is noise, what is wider all chests share
EVENED = 4.0  # pixels over which contrast is evened out
LEAST_CONTRAST = 0.5  # of the picture's own: air's noise must not be blown up to anatomy's size
TAPER = 0.3  # share of a picture's side over which its borders fade, both ends together
REACH = 0.19  # of the side: the largest shift that is searched, 12 of 64 pixels
TURNS = tuple(range(-12, 13, 4))  # degrees
ZOOMS = (0.88, 0.94, 1.0, 1.06, 1.12)
FINER = tuple(product((0.0,), (-1.4, 0.0, 1.4), (-0.02, 0.0, 0.02)))  # round the best of these
REFINED = 3  # candidates that are looked at with finer turns and zooms


def grid() -> np.ndarray:
    """Return all transforms that are tried first, (t, 3): mirrored, degrees, zoom."""
    return np.array(list(product((0.0, 1.0), TURNS, ZOOMS)))


def detail(pictures: np.ndarray) -> np.ndarray:
    """Return the fine detail of pictures with contrast evened out, as float32.

    Args:
        pictures: (..., s, s) in [0, 1].
    """
    axes = (-2, -1)
    values = np.asarray(pictures, np.float32)
    fine = ndimage.gaussian_filter(values, FINE, axes=axes)
    fine -= ndimage.gaussian_filter(values, COARSE, axes=axes)
    local = ndimage.gaussian_filter(fine**2, EVENED, axes=axes)
    whole = (fine**2).mean(axes, keepdims=True)
    return fine / np.sqrt(local + LEAST_CONTRAST**2 * whole + 1e-12)


def taper(side: int) -> np.ndarray:
    """Return weights that fade towards a picture's borders, (s, s): a Tukey window."""
    place = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    edge = 0.5 - 0.5 * np.cos(np.pi * np.minimum(place / (TAPER / 2 * side), 1))
    return np.outer(edge, edge).astype(np.float32)


def moved(
    pictures: Tensor, transforms: Tensor, shifts: Tensor | None = None, outside: str = "zeros"
) -> Tensor:
    """Return pictures mirrored, turned and zoomed about their middle, and shifted.

    Args:
        pictures: (c, s, s), or (t, c, s, s) with one transform each.
        transforms: (t, 3) mirrored, degrees, zoom (above 1 enlarges).
        shifts: (t, 2) along columns and rows, of half the side; none where it is None.
        outside: What comes in: "zeros", or "border" for the nearest pixel.

    Returns:
        (t, c, s, s).
    """
    flip = 1 - 2 * transforms[:, 0]
    angle, zoom = torch.deg2rad(transforms[:, 1]), transforms[:, 2]
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    across, down = torch.zeros((2, len(zoom)), device=zoom.device) if shifts is None else shifts.T
    rows = [
        torch.stack([flip * cosine, flip * -sine, across], 1),
        torch.stack([sine, cosine, down], 1),
    ]
    every = pictures.expand(len(transforms), *pictures.shape[-3:])
    place = functional.affine_grid(torch.stack(rows, 1), list(every.shape), align_corners=False)
    return functional.grid_sample(every, place, padding_mode=outside, align_corners=False)


def spectra(pictures: Tensor, window: Tensor) -> Tensor:
    """Return Fourier transforms of windowed pictures of mean 0 and norm 1, (..., s, s / 2 + 1)."""
    weighed = pictures * window
    share = window / window.sum((-2, -1), keepdim=True).clamp_min(1e-12)
    weighed = weighed - weighed.sum((-2, -1), keepdim=True) * share
    norm = weighed.flatten(-2).norm(dim=-1)[..., None, None]
    return torch.fft.rfft2(weighed / norm.clamp_min(1e-12))


def peaks(ones: Tensor, others: Tensor, reach: int) -> Tensor:
    """Return the highest correlation over shifts of up to `reach` pixels along either axis.

    Args:
        ones: (..., s, s / 2 + 1) spectra.
        others: Spectra that are broadcast against them.
        reach: Pixels.
    """
    side = ones.shape[-2]
    shifts = torch.fft.irfft2(ones * others.conj(), s=(side, side))
    ends = torch.cat([torch.arange(reach + 1), torch.arange(side - reach, side)]).to(shifts.device)
    return shifts.index_select(-2, ends).index_select(-1, ends).amax((-2, -1))


class Search:
    """What pictures are looked for among, laid onto each other on a device."""

    def __init__(
        self, prepared: np.ndarray, window: np.ndarray, reach: float = REACH, device: str = "cpu",
        best_view: bool = False,
    ) -> None:  # fmt: skip
        """Keep what is searched.

        Args:
            prepared: (n, c, s, s) pictures, such as `detail` returns.
            window: (s, s) weights of pixels, such as `taper` returns.
            reach: The largest shift, of the side.
            device: Where to work.
            best_view: Whether the best view counts, not the mean over views.
        """
        self.device, self.known, self.best_view = device, prepared, best_view
        side = prepared.shape[-1]
        self.reach = min(math.floor(reach * side), (side - 1) // 2)
        self.window, self.first, self.finer = map(self._tensor, (window, grid(), np.array(FINER)))

    @torch.inference_mode()
    def __call__(self, prepared: np.ndarray, candidates: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return how alike one picture is to each candidate, (k,) in [-1, 1].

        Args:
            prepared: (c, s, s), as those that are known.
            candidates: (k,) rows of what is known.
        """
        mine = self._tensor(prepared)
        known = spectra(self._tensor(self.known[np.asarray(candidates, int)]), self.window)
        tried = spectra(moved(mine, self.first), self.window)
        best, which = peaks(tried[:, None], known[None], self.reach).max(0)  # (k, c)
        for row in self._of_views(best).argsort(descending=True)[:REFINED].tolist():
            finer = self._finer(mine, known[row], self.first[which[row]])
            best[row] = torch.maximum(best[row], finer)
        return self._of_views(best).double().cpu().numpy()

    def _of_views(self, likeness: Tensor) -> Tensor:
        """Return what counts of (k, c), (k,)."""
        return likeness.amax(1) if self.best_view else likeness.mean(1)

    def _finer(self, mine: Tensor, known: Tensor, near: Tensor) -> Tensor:
        """Return the best of finer turns and zooms round those given for each view, (c,)."""
        around = near[:, None] + self.finer  # (c, f, 3)
        parts = [moved(mine[view : view + 1], around[view]) for view in range(len(mine))]
        return peaks(spectra(torch.cat(parts, 1), self.window), known, self.reach).amax(0)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)
