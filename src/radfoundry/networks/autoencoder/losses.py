"""What an autoencoder is taught by: the pictures, a normal latent space and, if wanted, a critic.

As latent diffusion's first stage (Rombach et al. 2022): absolute error, a Kullback-Leibler term of
small weight, a patch critic (Isola et al. 2017). Where they take features of a network trained on
photographs, the critic's own features are compared (Wang et al. 2018, section 3.2).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from radfoundry.networks.autoencoder.latents import Latents


class Adversaries(nn.Module):
    """An autoencoder with the critic that it is trained against; only training needs the latter."""

    def __init__(self, latents: Latents, critic: nn.Module | None) -> None:
        super().__init__()
        self.latents, self.critic = latents, critic


def critic(dims: int, channels: int, width: int, layers: int) -> nn.Module:
    """Return MONAI's patch critic: pictures to features of each layer and, last, its judgments."""
    # MONAI costs three seconds to import, and training without a critic does without.
    from monai.networks.nets.patchgan_discriminator import PatchDiscriminator  # noqa: PLC0415

    return PatchDiscriminator(dims, width, channels, num_layers_d=layers, norm="INSTANCE")


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    """Return how far normal distributions are from the standard one, mean over all latents (nats).

    >>> float(divergence(torch.zeros(1, 1), torch.ones(1, 1)))
    0.0
    """
    variance = deviation.float().square()
    return 0.5 * (mean.float().square() + variance - variance.log() - 1).mean()


def loss(
    network: Adversaries,
    pictures: Tensor,
    generator: torch.Generator,
    weights: Mapping[str, float],
) -> dict[str, Tensor]:
    """Return the terms of the loss of pictures (B, C, *space) in [-1, 1].

    Args:
        network: The autoencoder, and a critic where a weight asks for it.
        pictures: Clean.
        generator: Draws the latents.
        weights: `kl`; `adversarial` and `feature_matching`, 0 for none.

    Returns:
        `absolute`, `kl` and, with a critic, `adversarial`, `feature_matching` and `critic`, what
        the critic itself learns from; each times its weight.
    """
    latents = network.latents
    mean, deviation = latents.moments(pictures)
    noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
    decoded, real = latents.pictures(mean + deviation * noise), latents.cut(pictures)
    terms = {
        "absolute": (decoded.float() - real).abs().mean(),
        "kl": weights["kl"] * divergence(mean, deviation),
    }
    if network.critic is None:
        return terms
    return terms | _judged(network.critic, real, decoded, weights)


def _judged(
    judge: nn.Module, real: Tensor, decoded: Tensor, weights: Mapping[str, float]
) -> dict[str, Tensor]:
    """Return the terms of both players, least squares (Mao et al. 2017).

    The critic judges pictures cut from the autoencoder, and the autoencoder sees a copy of the
    critic whose weights take no gradient: one backward pass gives each its own.
    """
    from monai.losses.adversarial_loss import PatchAdversarialLoss  # noqa: PLC0415

    score: Any = PatchAdversarialLoss(criterion="least_squares")
    frozen = {name: value.detach() for name, value in judge.named_parameters()}
    seen, shown = (functional_call(judge, frozen, (part,)) for part in (decoded, real))
    judged = judge(decoded.detach())[-1], judge(real)[-1]
    mistaken = score(judged[0], False, for_discriminator=True)
    mistaken = mistaken + score(judged[1], True, for_discriminator=True)
    return {
        "adversarial": weights["adversarial"] * score(seen[-1], True, for_discriminator=False),
        "feature_matching": weights["feature_matching"] * _apart(seen[:-1], shown[:-1]),
        "critic": mistaken / 2,
    }


def _apart(seen: Sequence[Tensor], shown: Sequence[Tensor]) -> Tensor:
    """Return the mean absolute difference of features, averaged over layers."""
    pairs = zip(seen, shown, strict=True)
    return torch.stack([(one - other.detach()).abs().mean() for one, other in pairs]).mean()
