"""ControlNet: the base as it was until the copy has learned, and untouched after that."""

import pytest
import torch

from radfoundry.diffusion.noise import Flow
from radfoundry.networks.controlnet import ControlledDiffusionUNet, ControlledShiftUNet, learned
from radfoundry.networks.diffusion_unet import DiffusionUNet
from radfoundry.networks.layers import seeded
from radfoundry.networks.shift_unet.unet import ShiftUNet

SHIFT = {
    "haar": 1, "widths": (15, 32), "blocks": (1, 2), "side": 16, "mixing": 8, "text_places": 2,
    "tokens": 6, "checkpoint": False,
}  # fmt: skip
MONAI = {
    "dims": 2, "widths": (8, 16), "blocks": 1, "attention": (True, True), "heads": 2, "groups": 4,
    "tokens": 6,
}  # fmt: skip
SHOWN, TIMES = 4, torch.tensor([0.3, 0.8])


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pair(design):
    """Return a base of random weights, and the same with a copy beside it."""
    text = {"text": normal(2, 5, 4), "text_mask": torch.ones(2, 5).bool()}
    with seeded(torch.Generator().manual_seed(0)):
        if design == "shift":
            base = ShiftUNet(SHIFT, Flow(), 3, 0, (4, 0), (8, 8))
            both = ControlledShiftUNet(SHIFT, Flow(), 3, SHOWN, (4, 0), (8, 8))
        else:
            base = DiffusionUNet(MONAI, Flow(), "velocity", 3, 0, 4)
            both = ControlledDiffusionUNet(MONAI, Flow(), "velocity", 3, SHOWN, 4)
        for weight in base.parameters():
            torch.nn.init.normal_(weight, std=0.1)
    both.load_state_dict(base.state_dict(), strict=False)
    both.copy()
    return base, both, text


@pytest.mark.parametrize("design", ["shift", "monai"])
def test_before_it_learns_it_is_the_base_bit_for_bit_whatever_it_sees(design):
    base, both, text = pair(design)
    noisy, shown = normal(2, 3, 8, 8), normal(2, SHOWN, 8, 8, seed=1)
    with torch.no_grad():
        wanted = base(noisy, TIMES, **text)
        assert torch.equal(both(noisy, TIMES, concat=shown, **text), wanted)
        assert torch.equal(both(noisy, TIMES, **text), wanted)
    assert both.state_dict().keys() - base.state_dict().keys() == learned(both).keys()


@pytest.mark.parametrize("design", ["shift", "monai"])
def test_the_copy_alone_learns_and_then_what_it_sees_counts(design):
    base, both, text = pair(design)
    noisy, shown = normal(2, 3, 8, 8), normal(2, SHOWN, 8, 8, seed=1)
    optimizer = torch.optim.AdamW(both.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(3):  # layers that start at 0 learn one after another
        optimizer.zero_grad()
        (both(noisy, TIMES, concat=shown, **text) - 1).square().mean().backward()
        optimizer.step()
    state = both.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in base.state_dict().items())
    with torch.no_grad():
        found = [both(noisy, TIMES, concat=part, **text) for part in (shown, 0 * shown)]
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_what_learns_are_the_encoder_and_layers_that_start_at_nothing():
    base, both, _ = pair("shift")
    new = {"control.hint", "control.skip", "control.deep"}
    for name, value in learned(both).items():
        if name.rpartition(".")[0] in new:
            assert not value.any()
        else:
            assert torch.equal(value, base.state_dict()[name.removeprefix("control.")])


def test_monais_copy_holds_the_encoder_of_its_base():
    base, both, _ = pair("monai")
    theirs, own = base.network.state_dict(), both.control.state_dict()
    encoder = ("conv_in", "time_embed", "down_blocks", "middle_block")
    copied = [name for name in own if name.partition(".")[0] in encoder]
    assert len(copied) > 20
    assert all(torch.equal(own[name], theirs[name]) for name in copied)
    rest = [value for name, value in own.items() if name.startswith("controlnet_down")]
    assert not any(value.any() for value in rest)
