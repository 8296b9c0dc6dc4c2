"""Bodies as a Gaussian of low rank, and the best linear estimate of a noisy one that follows.

What can be computed need not be learned. Aligned bodies vary mostly together: a few dozen principal
components hold most of what differs between them (probabilistic principal component analysis,
Tipping & Bishop 1999), and at most noise levels the best estimate under that Gaussian is near the
best of all (Wang & Vastola 2024). A text moves the components' mean, by ridge regression on what a
linear reader finds in its tokens, or on their mean. A network adds to this estimate, in units of
its error.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from radfoundry.diffusion.noise import Level, Schedule

FOLDS = 5
RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # cases that speak for no change
SEEN = 0.03  # noise, in units of the channels, of a channel that is given
LEAST = 1e-6  # of a variance
BIN = 0.1  # of the logarithm of a variance
NODES = torch.linspace(-9.0, 13.0, 45, dtype=torch.float64)  # log-SNR at which sums are tabulated


class Estimate(NamedTuple):
    """What the Gaussian says of noisy coefficients, each (B, count, *space).

    Attributes:
        clean: The best linear estimate.
        error: Its standard deviation, correlations between components left out.
        views: (B, 3 count, *space) for a network to look at: the estimate itself, in units of the
            spread of its kind of coefficient; what the components do not explain of the noisy
            coefficients, in its own; the error, beside the spread.
    """

    clean: Tensor
    error: Tensor
    views: Tensor


class Prior(nn.Module):
    """Mean, principal components and what they leave, of coefficients on one grid."""

    center: Tensor
    basis: Tensor
    rest: Tensor
    unit: Tensor
    sums: Tensor
    errors: Tensor
    reader: Tensor
    silent: Tensor
    usual: Tensor
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
        self.register_buffer("silent", torch.zeros(read))
        self.register_buffer("usual", torch.zeros(read or width))
        self.register_buffer("slopes", torch.zeros(read or width, rank))
        self.register_buffer("certain", torch.eye(rank))  # of the components, once a text is known

    def hear(self, text: Tensor | None, kept: Tensor | None, count: int) -> tuple[Tensor, Tensor]:
        """Return (B, read) what texts tell beyond what is usual, and (B,) which rows have one.

        Args:
            text: (B, L, width) tokens, or None for no texts.
            kept: (B, L) which are there; None for all.
            count: B.
        """
        if text is None or not len(self.usual):
            silent = torch.zeros(count, dtype=torch.bool, device=self.center.device)
            return self.slopes.new_zeros(count, len(self.usual)), silent
        kept = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device) if kept is None else kept
        if len(self.silent):
            found = any_of(text.float() @ self.reader.T + self.silent, kept).sigmoid()
        else:
            found = (text.float() * kept[..., None]).sum(1) / kept.sum(1, keepdim=True).clamp(min=1)
        there = kept.any(1)
        return (found - self.usual) * there[:, None], there

    def attune(self, text: Tensor, kept: Tensor | None) -> Tensor:
        """Take what is usually heard from texts; return (B, read) what is beyond it in each."""
        self.usual.zero_()
        self.usual.copy_(self.hear(text, kept, len(text))[0].mean(0))
        return self.hear(text, kept, len(text))[0]

    def measure(self, bands: Tensor, heard: Tensor | None = None) -> None:
        """Fit coefficients (B, count, *space), and what `attune` heard of each, if anything.

        What is left beside the components is measured on cases that took no part in them.
        """
        flat = bands.flatten(1).float()
        rank = min(self.basis.shape[1], len(flat) - len(flat) // FOLDS - 2)
        self.unit.copy_(bands.transpose(0, 1).flatten(1).square().mean(1).sqrt().clamp_min(1e-3))
        center, axes, scores = _components(flat, rank)
        spread = scores.square().mean(0).sqrt().clamp_min(LEAST)
        self.center.copy_(center)
        self.basis.zero_()
        self.basis[:, :rank] = axes * spread
        self.rest.copy_(_left_out(flat, rank).clamp_min(LEAST))
        self._tabulate()
        if heard is not None:
            self._read(heard.float(), scores / spread)

    def _tabulate(self) -> None:
        """Note sums over the coefficients of each channel, and the mean square of the error."""
        self.sums.zero_()
        basis, rest = self._by_channel(self.basis), self._by_channel(self.rest[:, None])[..., 0]
        snr = NODES.exp().float().to(basis)[:, None]
        for channel in range(self.channels):
            # Coefficients of much the same rest are summed once, and then weighed together.
            bins = (rest[channel].log() / BIN).round().long()
            for number in bins.unique().tolist():
                inside = bins == number
                grams = basis[channel][inside].T @ basis[channel][inside]
                weight = 1 / (1 + snr * rest[channel][inside].mean())
                self.sums[channel] += weight[..., None] * grams
        square = self.basis.T @ self.basis / len(self.basis)
        unit = torch.eye(len(square), device=square.device)
        covariance = torch.linalg.inv(unit + snr[..., None] * self.sums.sum(0))
        left = torch.stack([(self.rest / (1 + ratio * self.rest)).mean() for ratio in snr])
        self.errors.copy_(left + (covariance * square).sum((1, 2)))

    def _by_channel(self, values: Tensor) -> Tensor:
        """Return (channels, size / channels, n) of values (size, n)."""
        split = values.reshape(-1, self.channels, self.shape[1:].numel(), values.shape[1])
        return split.transpose(0, 1).flatten(1, 2)

    def expected_error(self, times: Tensor) -> Tensor:
        """Return (B,) the mean square of the error at times (B,), with no text and nothing given."""
        alpha, sigma = self.schedule.alpha_sigma(times.to(self.errors))
        low, share = _place((alpha / sigma.clamp_min(1e-6)).square())
        return (1 - share) * self.errors[low] + share * self.errors[low + 1]

    def _read(self, heard: Tensor, scores: Tensor) -> None:
        """Regress scores (B, rank) of unit variance on what is heard; keep what stays uncertain."""
        rank = scores.shape[1]
        errors = {ridge: _held_out(heard, scores, ridge) for ridge in RIDGES}
        best = min(errors, key=lambda ridge: float(errors[ridge].square().mean()))
        self.slopes.zero_()
        self.slopes[:, :rank] = _ridge(heard, scores, best)
        # Shrunk towards the diagonal: few cases say little of how the errors go together.
        covariance = errors[best].T @ errors[best] / len(scores)
        diagonal = torch.diag(covariance.diagonal())
        covariance = 0.8 * covariance + 0.2 * diagonal
        self.certain.copy_(torch.eye(len(self.certain)))
        self.certain[:rank, :rank] = torch.linalg.inv(covariance)

    def without(self, fold: int, bands: Tensor, heard: Tensor | None) -> "Prior":
        """Return a prior of all cases but those of a fold (every fifth), measured as this one."""
        inside = torch.arange(len(bands)) % FOLDS != fold
        read = len(self.silent)
        width = self.reader.shape[1] if read else len(self.usual)
        made = Prior(
            self.shape, self.basis.shape[1], width, read, self.schedule, self.channels
        ).to(bands.device)
        made.measure(bands[inside], None if heard is None else heard[inside])
        return made

    def forward(
        self, noisy: Tensor, times: Tensor, given: Tensor | None, heard: Tensor, there: Tensor
    ) -> Estimate:
        """Return the best linear estimate of the clean coefficients.

        Args:
            noisy: (B, count, *space); where something is given, its clean coefficients.
            times: (B,).
            given: (B, channels), true where a channel's coefficients are given; or None.
            heard: (B, read) and
            there: (B,), see `hear`: with a text the components are less uncertain.
        """
        flat = noisy.flatten(1)
        level = Level.at(self.schedule, times, flat)
        alpha, noise = (part.float().expand(-1, self.channels) for part in (level.alpha, level.sigma.square()))
        if given is not None:
            alpha, noise = torch.where(given, 1.0, alpha), torch.where(given, SEEN**2, noise)
        sums = self._sums(alpha**2 / noise)
        alpha, noise = self._everywhere(alpha), self._everywhere(noise)
        total = alpha**2 * self.rest + noise
        off, told = flat - alpha * self.center, heard @ self.slopes
        unit = torch.eye(self.basis.shape[1], device=self.basis.device)
        precision = torch.where(there[:, None, None], self.certain, unit) + sums
        # What the text tells is taken from the sums: the basis is passed through twice, not thrice.
        found = (alpha * off / total) @ self.basis - (sums @ told[..., None])[..., 0]
        covariance = torch.linalg.inv(precision)
        scores = told + (covariance @ found[..., None])[..., 0]
        body = scores @ self.basis.T
        left = off - alpha * body
        clean = self.center + body + alpha * self.rest / total * left
        error = (self.rest * noise / total + self._doubt(covariance)).sqrt()
        shape = (len(flat), *self.shape)
        clean, error, left = (part.reshape(shape) for part in (clean, error, left / total.sqrt()))
        unit = self.unit.reshape(1, -1, *[1] * (len(shape) - 2))
        return Estimate(clean, error, torch.cat([clean / unit, left, error / unit], 1))

    def _doubt(self, covariance: Tensor) -> Tensor:
        """Return (B, size) the variance that components of covariance (B, rank, rank) leave."""
        if self._squares is None or self._squares[0] != self.basis._version:
            self._squares = self.basis._version, self.basis.square().to(torch.bfloat16)
        diagonal = covariance.diagonal(dim1=1, dim2=2).to(torch.bfloat16)
        return (diagonal @ self._squares[1].T).float()

    def _everywhere(self, values: Tensor) -> Tensor:
        """Return (B, size) from (B, channels)."""
        places = self.shape[1:].numel()
        return values.repeat_interleave(places, 1).repeat(1, self.shape[0] // self.channels)

    def _sums(self, snr: Tensor) -> Tensor:
        """Return (B, rank, rank) what coefficients say of the components; snr: (B, channels)."""
        low, share = _place(snr)
        share = share[..., None, None]
        which = torch.arange(self.channels, device=snr.device)
        between = (1 - share) * self.sums[which, low] + share * self.sums[which, low + 1]
        return (snr[..., None, None] * between).sum(1)


def _place(snr: Tensor) -> tuple[Tensor, Tensor]:
    """Return between which node and the next signal-to-noise ratios lie, and how far from it."""
    first, step = float(NODES[0]), float(NODES[1] - NODES[0])
    place = ((snr.clamp_min(1e-9).log() - first) / step).clamp(0, len(NODES) - 1.001)
    low = place.long()
    return low, place - low


def any_of(logits: Tensor, kept: Tensor) -> Tensor:
    """Return (B, n) the logarithm of the sum over kept tokens (B, L) of exp of logits (B, L, n)."""
    return logits.float().masked_fill(kept[..., None] == 0, -1e4).logsumexp(1)


def _components(flat: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, axes (size, rank) and scores (B, rank)."""
    center = flat.mean(0)
    off = flat - center
    # The Gram matrix is small where there are fewer bodies than coefficients.
    values, vectors = torch.linalg.eigh((off @ off.T).double())
    chosen = vectors[:, -rank:].flip(1).float()
    sizes = values[-rank:].flip(0).clamp_min(LEAST).sqrt().float()
    return center, off.T @ chosen / sizes, chosen * sizes


def _left_out(flat: Tensor, rank: int) -> Tensor:
    """Return (size,) the mean square that components of other cases leave of a case."""
    total = torch.zeros(flat.shape[1])
    for inside, outside in _folds(len(flat)):
        center, axes, _ = _components(flat[inside], rank)
        off = flat[outside] - center
        total += (off - (off @ axes) @ axes.T).square().sum(0)
    return total / len(flat)


def _held_out(tokens: Tensor, scores: Tensor, ridge: float) -> Tensor:
    """Return (B, rank) errors of scores predicted by a regression on the other folds."""
    errors = torch.zeros_like(scores)
    for inside, outside in _folds(len(tokens)):
        center, mean = tokens[inside].mean(0), scores[inside].mean(0)
        slopes = _ridge(tokens[inside] - center, scores[inside] - mean, ridge)
        errors[outside] = scores[outside] - mean - (tokens[outside] - center) @ slopes
    return errors


def _ridge(tokens: Tensor, scores: Tensor, ridge: float) -> Tensor:
    """Return slopes (width, rank); `ridge` cases of the tokens' own mean variance say 0."""
    square = tokens.T @ tokens
    scale = square.diagonal().mean() / len(tokens)
    return torch.linalg.solve(square + ridge * scale * torch.eye(len(square)), tokens.T @ scores)


def _folds(count: int) -> list[tuple[Tensor, Tensor]]:
    every = torch.arange(count)
    return [(every[every % FOLDS != fold], every[every % FOLDS == fold]) for fold in range(FOLDS)]

