"""Principal components of few cases and their regression on texts, checked on held-out cases."""

import torch
from torch import Tensor

FOLDS = 5
LEAST = 1e-6  # of a variance
RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # cases that speak for no change


def components(flat: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, axes (size, rank) and scores (B, rank)."""
    center = flat.mean(0)
    off = flat - center
    # The Gram matrix is small where there are fewer bodies than coefficients.
    values, vectors = torch.linalg.eigh((off @ off.T).double())
    chosen = vectors[:, -rank:].flip(1).float()
    sizes = values[-rank:].flip(0).clamp_min(LEAST).sqrt().float()
    return center, off.T @ chosen / sizes, chosen * sizes


def left_out(flat: Tensor, rank: int) -> Tensor:
    """Return (size,) the mean square that components of other cases leave of a case."""
    total = torch.zeros(flat.shape[1], device=flat.device)
    for inside, outside in folds(len(flat)):
        center, axes, _ = components(flat[inside], rank)
        off = flat[outside] - center
        total += (off - (off @ axes) @ axes.T).square().sum(0)
    return total / len(flat)


def regressed(tokens: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return slopes (width, rank) of the best ridge, and the covariance of held-out errors."""
    errors = {penalty: held_out(tokens, scores, penalty) for penalty in RIDGES}
    best = min(errors, key=lambda penalty: float(errors[penalty].square().mean()))
    covariance = errors[best].T @ errors[best] / len(scores)
    # Shrunk towards the diagonal: few cases say little of how the errors go together.
    covariance = 0.8 * covariance + 0.2 * torch.diag(covariance.diagonal())
    return ridge(tokens, scores, best), covariance


def held_out(tokens: Tensor, scores: Tensor, penalty: float) -> Tensor:
    """Return (B, rank) errors of scores predicted by a regression on the other folds."""
    errors = torch.zeros_like(scores)
    for inside, outside in folds(len(tokens)):
        center, mean = tokens[inside].mean(0), scores[inside].mean(0)
        slopes = ridge(tokens[inside] - center, scores[inside] - mean, penalty)
        errors[outside] = scores[outside] - mean - (tokens[outside] - center) @ slopes
    return errors


def ridge(tokens: Tensor, scores: Tensor, penalty: float) -> Tensor:
    """Return slopes (width, rank); `penalty` cases of the tokens' own mean variance say 0."""
    square = tokens.T @ tokens
    scale = square.diagonal().mean() / len(tokens)
    unit = torch.eye(len(square), device=square.device)
    return torch.linalg.solve(square + penalty * scale * unit, tokens.T @ scores)


def folds(count: int) -> list[tuple[Tensor, Tensor]]:
    """Return for each fold which cases are not in it, and which are."""
    every = torch.arange(count)
    return [(every[every % FOLDS != fold], every[every % FOLDS == fold]) for fold in range(FOLDS)]
