"""MONAI's diffusion U-Net behind our contract: what is predicted, what is read of a text."""

import pytest
import torch

from radfoundry.diffusion.noise import Flow, Level, ScaledLinear
from radfoundry.networks.diffusion_unet import DiffusionUNet
from radfoundry.networks.layers import seeded

SIZE = {
    "design": "diffusion", "dims": 2, "widths": (8, 16), "blocks": 1, "attention": (True, True),
    "heads": 2, "groups": 4, "tokens": 6,
}  # fmt: skip
TIMES = torch.tensor([0.3, 0.8])


def made(schedule=ScaledLinear(), predicts="noise", **options):  # noqa: B008 - frozen
    with seeded(torch.Generator().manual_seed(0)):
        network = DiffusionUNet(SIZE, schedule, predicts, 3, **options)
        for weight in network.network.parameters():
            if not weight.any():  # what starts silent is to be heard
                torch.nn.init.normal_(weight, std=0.1)
    return network.eval().requires_grad_(False)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("schedule", "predicts"), [(ScaledLinear(), "noise"), (Flow(), "velocity")]
)
def test_what_it_predicts_becomes_the_clean_picture(schedule, predicts):
    network, noisy = made(schedule, predicts), normal(2, 3, 8, 8)
    estimate = network(noisy, TIMES)
    raw = network.network(noisy, 1000 * TIMES, None)
    level = Level.at(schedule, TIMES, noisy)
    noise = raw if predicts == "noise" else estimate + raw
    assert torch.allclose(level.noisy(estimate, noise), noisy, atol=1e-4)


def test_another_prediction_is_refused():
    with pytest.raises(ValueError, match="allowed: noise, velocity"):
        made(predicts="score")


def test_only_the_tokens_of_a_text_are_read():
    network, noisy = made(text_width=4), normal(2, 3, 8, 8)
    text, mask = normal(2, 5, 4), torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
    other = torch.where(mask[..., None], text, normal(2, 5, 4, seed=1))
    found = network(noisy, TIMES, text=text, text_mask=mask)
    assert torch.allclose(found, network(noisy, TIMES, text=other, text_mask=mask), atol=1e-6)
    silent = network(noisy, TIMES)
    assert torch.allclose(found[1], silent[1], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(found[0], silent[0], rtol=1e-3, atol=1e-3)


def test_what_is_seen_beside_counts_and_blank_is_zeros():
    network, noisy = made(concat=2), normal(2, 3, 8, 8)
    blank = torch.zeros(2, 2, 8, 8)
    assert torch.equal(network(noisy, TIMES), network(noisy, TIMES, concat=blank))
    assert not torch.equal(network(noisy, TIMES), network(noisy, TIMES, concat=blank + 1))
