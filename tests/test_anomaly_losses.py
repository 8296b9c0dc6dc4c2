"""The detector's loss: each term does what the paper says and what its code did not."""

import pytest
import torch

from radfoundry.evaluation.tasks.anomaly import losses
from radfoundry.evaluation.tasks.anomaly.network import SIZES, reconstruction
from radfoundry.training.losses import soft_dice_loss

MASK = torch.zeros(1, 1, 16, 16)
MASK[..., 4:12, 4:12] = 1


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dice_loss(residuals):
    return soft_dice_loss(losses.soft_marks(residuals), MASK)


def test_the_dice_term_has_a_gradient():
    residuals = torch.full(MASK.shape, 0.02, requires_grad=True)
    dice_loss(residuals).backward()
    assert (residuals.grad[MASK > 0] < 0).all(), "more residual inside is rewarded"
    assert (residuals.grad[MASK == 0] > 0).all(), "more residual outside is punished"


def test_the_dice_term_rewards_overlap():
    right, half = 0.2 * MASK, 0.2 * MASK.roll(4, -1)
    assert dice_loss(right) < dice_loss(half) < dice_loss(0.2 * (1 - MASK))
    assert dice_loss(right) < 0.15


def test_the_sign_of_a_residual_does_not_matter():
    assert dice_loss(0.2 * MASK) == dice_loss(-0.2 * MASK)


def test_pictures_without_an_anomaly_have_no_dice():
    marks = losses.soft_marks(torch.rand(3, 1, 4, 4, generator=generator()))
    assert soft_dice_loss(marks, torch.zeros(3, 1, 4, 4)) == 0
    both = soft_dice_loss(torch.cat([0.2 * MASK, MASK]), torch.cat([MASK, 0 * MASK]))
    assert both == soft_dice_loss(0.2 * MASK, MASK)


def test_alignment_is_about_direction_alone():
    features = torch.rand(2, 4, 3, 3, generator=generator())
    assert losses.feature_alignment(features, 3 * features) == pytest.approx(0, abs=1e-6)
    assert losses.feature_alignment(features, -features) == pytest.approx(2, abs=1e-6)


def test_the_region_term_sees_the_mask_alone():
    made, wanted = torch.zeros_like(MASK), torch.ones_like(MASK)
    assert losses.region_squared_error(made, wanted, MASK) == MASK.mean()
    assert losses.region_squared_error(MASK, wanted, MASK) == 0
    assert losses.squared_error(made, wanted) == 1


def terms(masks, **changed):
    weighed = {"global": 1.0, "alignment": 1.0, "region": 2.0, "dice": 1.0} | changed
    network = reconstruction(SIZES["phantom"] | {"channels": 8}, generator())
    normal = torch.rand(2, 1, 16, 16, generator=generator())
    return losses.reconstruction_terms(network, [normal, normal + 0.1 * masks, masks], weighed)


def test_all_four_terms_are_there_and_weighed():
    masks = MASK.repeat(2, 1, 1, 1)
    once, twice = terms(masks), terms(masks, region=4.0)
    assert set(once) == {"global", "alignment", "region", "dice"}
    assert twice["region"] == 2 * once["region"] > 0


def test_normal_pictures_have_the_global_term_alone():
    assert set(terms(torch.zeros(2, 1, 16, 16))) == {"global"}


def test_alignment_does_not_move_what_is_aligned_with():
    network = reconstruction(SIZES["phantom"] | {"channels": 8}, generator())
    normal = torch.rand(2, 1, 16, 16, generator=generator()).requires_grad_()
    batch = [normal, normal.detach() + 0.1 * MASK, MASK.repeat(2, 1, 1, 1)]
    weighed = {"global": 0.0, "alignment": 1.0, "region": 0.0, "dice": 0.0}
    losses.reconstruction_terms(network, batch, weighed)["alignment"].backward()
    assert normal.grad is None
