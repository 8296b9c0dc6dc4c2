"""Bodies as a Gaussian of low rank, and the best linear estimate of a noisy one that follows.

What can be computed need not be learned. Aligned bodies vary mostly together: a few dozen principal
components hold most of what differs between them (probabilistic principal component analysis,
Tipping & Bishop 1999), and at most noise levels the best estimate under that Gaussian is near the
best of all (Wang & Vastola 2024). A text moves the components' mean, by ridge regression on what a
linear reader finds in its tokens, or on their mean. A network adds to this estimate.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from radfoundry.diffusion.noise import Level, Schedule
from radfoundry.networks.blocks import text_vector
from radfoundry.networks.wavelet_unet import principal_components
from radfoundry.networks.wavelet_unet.principal_components import FOLDS, LEAST

FEWEST = 4  # cases: a prior of the others keeps a component, and what it leaves is measured
SEEN = 0.03  # noise, in units of the channels, of a channel that is given
BIN = 0.1  # of the logarithm of a variance
NODES = torch.linspace(-9.0, 13.0, 45, dtype=torch.float64)  # log-SNR at which sums are tabulated


class Estimate(NamedTuple):
    """What the Gaussian says of noisy coefficients, each (B, count, *space).

    Attributes:
        clean: The best linear estimate.
        error: Its deviation, correlations between components left out.
        views: (B, 3 count, *space) for a network to look at: the estimate and the error in units of
            their kind of coefficient; between them what the components do not explain.
    """

    clean: Tensor
    error: Tensor
    views: Tensor


class GaussianPrior(nn.Module):
    """Mean, principal components and what they leave, of coefficients on one grid."""

    center: Tensor
    basis: Tensor
    rest: Tensor
    unit: Tensor
    sums: Tensor
    errors: Tensor
    reader: Tensor
    bias: Tensor
    text_mean: Tensor
    slopes: Tensor
    certain: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        rank: int,
        width: int,
        read: int,
        schedule: Schedule,
        channels: int = 1,
    ) -> None:
        """Make buffers, of a standard normal until `measure` is called.

        Args:
            shape: (count, *space) of the coefficients.
            rank: Components that are kept at most.
            width: Of a text's tokens; 0 for none.
            read: What a reader finds in them; 0 for none, the mean token is taken.
            schedule: Of the noise.
            channels: Kinds of coefficients that may be given apart: the first, then the next, over
                and over along the first axis.
        """
        super().__init__()
        self.schedule, self.shape, self.channels = schedule, torch.Size(shape), channels
        self._squares: tuple[int, Tensor] | None = None
        size = int(torch.Size(shape).numel())
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("basis", torch.zeros(size, rank))
        self.register_buffer("rest", torch.ones(size))
        self.register_buffer("unit", torch.ones(shape[0]))
        self.register_buffer("sums", torch.zeros(channels, len(NODES), rank, rank))
        self.register_buffer("errors", torch.ones(len(NODES)))
        self.register_buffer("reader", torch.zeros(read, width))
        self.register_buffer("bias", torch.zeros(read))
        self.register_buffer("text_mean", torch.zeros(read or width))
        self.register_buffer("slopes", torch.zeros(read or width, rank))
        self.register_buffer("certain", torch.eye(rank))  # of the components, once a text is known

    def encode_text(
        self, text: Tensor | None, text_mask: Tensor | None, count: int
    ) -> tuple[Tensor, Tensor]:
        """Return (B, read) features of texts less their mean, and (B,) which rows have one.

        Args:
            text: (B, L, width) tokens, or None for no texts.
            text_mask: (B, L) which are there; None for all.
            count: B.
        """
        if text is None or not len(self.text_mean):
            no_text = torch.zeros(count, dtype=torch.bool, device=self.center.device)
            return self.slopes.new_zeros(count, len(self.text_mean)), no_text
        if text_mask is None:
            text_mask = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
        found = text_vector(text, text_mask, self.reader, self.bias)
        there = text_mask.any(1)
        return (found - self.text_mean) * there[:, None], there

    def fit_text_mean(self, text: Tensor, text_mask: Tensor | None) -> Tensor:
        """Take the mean of the texts' features; return (B, read) each one's features less it."""
        self.text_mean.zero_()
        self.text_mean.copy_(self.encode_text(text, text_mask, len(text))[0].mean(0))
        return self.encode_text(text, text_mask, len(text))[0]

    def measure(self, bands: Tensor, text_features: Tensor | None = None) -> None:
        """Fit coefficients (B, count, *space), and how text features (B, read), if any, move them.

        What is left beside the components is measured on cases that took no part in them.
        """
        flat = bands.flatten(1).float()
        rank = min(self.basis.shape[1], len(flat) - len(flat) // FOLDS - 2)
        self.unit.copy_(bands.transpose(0, 1).flatten(1).square().mean(1).sqrt().clamp_min(1e-3))
        center, axes, scores = principal_components.components(flat, rank)
        spread = scores.square().mean(0).sqrt().clamp_min(LEAST)
        self.center.copy_(center)
        self.basis.zero_()
        self.basis[:, :rank] = axes * spread
        self.rest.copy_(principal_components.left_out(flat, rank).clamp_min(LEAST))
        self.tabulate()
        if text_features is not None:
            self._read(text_features.float(), scores / spread)

    def tabulate(self) -> None:
        """Note sums over the coefficients of each channel, and the mean square of the error."""
        self.sums.zero_()
        basis, rest = self._by_channel(self.basis), self._by_channel(self.rest[:, None])[..., 0]
        snr = NODES.exp().float().to(basis)[:, None]
        doubts = torch.zeros_like(self.sums[0])
        for channel in range(self.channels):
            # Coefficients of much the same rest are summed once, and then weighed together.
            bins = (rest[channel].log() / BIN).round().long()
            for number in bins.unique().tolist():
                inside = bins == number
                gram = basis[channel][inside].T @ basis[channel][inside]
                weight = 1 / (1 + snr * rest[channel][inside].mean())
                self.sums[channel] += weight[..., None] * gram
                doubts += weight[..., None] ** 2 * gram
        unit = torch.eye(doubts.shape[1], device=doubts.device)
        covariance = torch.linalg.inv(unit + snr[..., None] * self.sums.sum(0))
        left = torch.stack([(self.rest / (1 + ratio * self.rest)).mean() for ratio in snr])
        self.errors.copy_(left + (covariance * doubts).sum((1, 2)) / len(self.basis))

    def _by_channel(self, values: Tensor) -> Tensor:
        split = values.reshape(-1, self.channels, self.shape[1:].numel(), values.shape[1])
        return split.transpose(0, 1).flatten(1, 2)

    def expected_error(self, times: Tensor) -> Tensor:
        """Return (B,) the mean square of the error at times (B,); no text, nothing given."""
        alpha, sigma = self.schedule.alpha_sigma(times.to(self.errors))
        low, share = _place((alpha / sigma.clamp_min(1e-6)).square())
        return (1 - share) * self.errors[low] + share * self.errors[low + 1]

    def _read(self, text_features: Tensor, scores: Tensor) -> None:
        """Regress scores (B, rank) of unit variance on text features; keep what stays uncertain."""
        rank = scores.shape[1]
        self.slopes.zero_()
        self.slopes[:, :rank], covariance = principal_components.regressed(text_features, scores)
        self.certain.copy_(torch.eye(len(self.certain)))
        self.certain[:rank, :rank] = torch.linalg.inv(covariance)

    def without(self, fold: int, bands: Tensor, text_features: Tensor | None) -> "GaussianPrior":
        """Return a prior of all cases but those of a fold (every fifth), measured as this one."""
        inside = torch.arange(len(bands)) % FOLDS != fold
        width = self.reader.shape[1] or len(self.text_mean)
        kind = self.shape, self.basis.shape[1], width, len(self.bias)
        made = GaussianPrior(*kind, self.schedule, self.channels).to(bands.device)
        made.measure(bands[inside], None if text_features is None else text_features[inside])
        return made

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        given: Tensor | None,
        text_features: Tensor,
        there: Tensor,
    ) -> Estimate:
        """Return the best linear estimate of the clean coefficients.

        Args:
            noisy: (B, count, *space); where something is given, its clean coefficients.
            times: (B,).
            given: (B, channels), true where a channel's coefficients are given; or None.
            text_features: (B, read), see `encode_text`.
            there: (B,), with a text the components are less uncertain.
        """
        flat = noisy.flatten(1)
        level = Level.at(self.schedule, times, flat)
        parts = level.alpha.float(), level.sigma.float().square()
        alpha, noise = (part.expand(-1, self.channels) for part in parts)
        if given is not None:
            alpha, noise = torch.where(given, 1.0, alpha), torch.where(given, SEEN**2, noise)
        sums = self._sums(alpha**2 / noise)
        alpha, noise = self._everywhere(alpha), self._everywhere(noise)
        total = alpha**2 * self.rest + noise
        off, basis = flat - alpha * self.center, self.basis.float()
        predicted = text_features.float() @ self.slopes.float()
        unit = torch.eye(basis.shape[1], device=basis.device)
        precision = torch.where(there[:, None, None], self.certain.float(), unit) + sums
        # What the text predicts is taken from the sums: the basis is used twice, not thrice.
        found = (alpha * off / total) @ basis - (sums @ predicted[..., None])[..., 0]
        covariance = torch.linalg.inv(precision)
        scores = predicted + (covariance @ found[..., None])[..., 0]
        body = scores @ basis.T
        left = off - alpha * body
        clean = self.center + body + alpha * self.rest / total * left
        # A component that is doubted moves what is left over the other way.
        error = (self.rest * noise / total + (noise / total) ** 2 * self._doubt(covariance)).sqrt()
        shape = (len(flat), *self.shape)
        clean, error, left = (part.reshape(shape) for part in (clean, error, left / total.sqrt()))
        unit = self.unit.reshape(-1, *[1] * (len(shape) - 2))
        return Estimate(clean, error, torch.cat([clean / unit, left, error / unit], 1))

    def _doubt(self, covariance: Tensor) -> Tensor:
        """Return (B, size) the variance that components of covariance (B, rank, rank) leave."""
        if self._squares is None or self._squares[0] != self.basis._version:
            self._squares = self.basis._version, self.basis.square().to(torch.bfloat16)
        diagonal = covariance.diagonal(dim1=1, dim2=2).to(torch.bfloat16)
        return (diagonal @ self._squares[1].T).float()

    def _everywhere(self, values: Tensor) -> Tensor:
        places = self.shape[1:].numel()
        return values.repeat_interleave(places, 1).repeat(1, self.shape[0] // self.channels)

    def _sums(self, snr: Tensor) -> Tensor:
        """Return (B, rank, rank) what coefficients say of the components; snr: (B, channels)."""
        low, share = _place(snr)
        share = share[..., None, None]
        which = torch.arange(self.channels, device=snr.device)
        between = (1 - share) * self.sums[which, low] + share * self.sums[which, low + 1]
        return (snr[..., None, None] * between).sum(1).float()


def _place(snr: Tensor) -> tuple[Tensor, Tensor]:
    """Return between which node and the next signal-to-noise ratios lie, and how far from it."""
    place = (snr.clamp_min(1e-9).log() - float(NODES[0])) / float(NODES[1] - NODES[0])
    low = place.clamp(0, len(NODES) - 1.001)
    return low.long(), low.frac()
