"""The projected segmenter: trained on phantoms, honest about what it needs."""

import drawn_chest
import numpy as np
import pytest
import torch

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import contrast
from radfoundry.segmenters import projected
from radfoundry.segmenters.projected import domain_randomization
from radfoundry.weights import Weights

FEW = {"steps": 2}


def fitted(seed, **options):
    """Return weights after a few steps on drawn chests."""
    cases = [drawn_chest.case(seed=i) for i in range(3)]
    return projected.fit(FEW | options, np.random.default_rng(seed), cases=cases)


@pytest.fixture(scope="module")
def weights():
    """Return hardly trained weights."""
    return fitted(0)


@pytest.fixture(scope="module")
def batch():
    """Return pictures, masks and lungs of two drawn chests."""
    pictures, masks = projected.stacked([drawn_chest.case(seed=i) for i in range(2)], 128)
    return pictures, masks, masks[:, :2].amax(1, keepdim=True)


def test_equal_seeds_give_equal_weights(weights):
    again = fitted(0)
    assert all(torch.equal(again.state[name], weights.state[name]) for name in weights.state)


def test_other_seeds_give_other_weights(weights):
    other = fitted(1)
    assert any(not torch.equal(other.state[name], weights.state[name]) for name in weights.state)


def test_training_lowers_the_loss():
    seen = []
    cases = [drawn_chest.case(seed=i) for i in range(3)]
    projected.fit(
        {"steps": 25},
        np.random.default_rng(0),
        cases=cases,
        progress=lambda step, steps, terms: seen.append(terms["entropy"] + terms["dice"]),
    )
    assert np.mean(seen[-5:]) < 0.8 * np.mean(seen[:5])


def test_fitting_without_cases_is_refused():
    with pytest.raises(ValueError, match="no cases"):
        projected.fit({}, np.random.default_rng(0))


@pytest.mark.parametrize("given", [None, Weights({}, {"segmenter": "another"})])
def test_labeling_without_its_own_weights_is_refused(given):
    with pytest.raises(ValueError, match="its own fit"):
        projected.prepare({}, given)


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="phantom, workstation"):
        projected.prepare({"size": "huge"}, None)


def test_the_drawn_shape_alone_is_that_of_lungs(weights):
    chest = drawn_chest.case()
    labels = projected.prepare({"shape": 1.0, "zooms": [1.0]}, weights)(chest.image)
    assert drawn_chest.region_dice(labels, chest.anatomy, "lungs") > 0.9


def test_targets_stop_beside_the_spine():
    labels = volume.picture(drawn_chest.case().anatomy)
    whole = regions.mask(labels, "lung_right").copy()
    whole[40:90, 50:70] = True
    wide = regions.compose(
        {"lung_right": whole, "mediastinum": regions.mask(labels, "mediastinum")}
    )
    right = projected.targets(wide)[0]
    assert right[60, 52] == 1
    assert right[60, 64] == 0


def test_randomizing_keeps_pictures_and_masks_in_range(batch):
    pictures, masks = domain_randomization.randomized(*batch, torch.Generator().manual_seed(0))
    assert pictures.shape == (2, 1, 128, 128)
    assert float(pictures.min()) >= 0
    assert float(pictures.max()) <= 1
    assert set(masks.unique().tolist()) <= {0.0, 1.0}


def test_randomizing_leaves_its_input_alone(batch):
    before = [part.clone() for part in batch]
    domain_randomization.randomized(*batch, torch.Generator().manual_seed(0))
    assert all(torch.equal(one, other) for one, other in zip(before, batch, strict=True))


def test_masks_end_where_the_film_ends(batch):
    generator = torch.Generator().manual_seed(3)
    pictures, masks = domain_randomization.randomized(*batch, generator)
    beyond = domain_randomization.film(pictures) == 0
    assert not masks[beyond.expand_as(masks)].any()


def test_local_contrast_forgets_gain_and_offset():
    picture = torch.from_numpy(volume.picture(drawn_chest.case().image.voxels).copy())[None, None]
    one, other = (
        domain_randomization.locally_normalized(0.2 + 0.8 * picture),
        domain_randomization.locally_normalized(0.2 + 0.4 * picture),
    )
    assert float((one - other).abs().mean()) < 0.2


def test_mirrored_lungs_are_named_by_their_side(batch):
    named = projected.by_side(batch[1].flip(-1))
    columns = torch.arange(128.0)
    middle = (named[:, :2] * columns).sum((2, 3)) / named[:, :2].sum((2, 3))
    assert (middle[:, 0] < middle[:, 1]).all()


def test_zooming_out_and_in_again_changes_little():
    picture = contrast.square(volume.picture(drawn_chest.case().image.voxels))
    tensor = torch.from_numpy(picture.copy())[None, None]
    back = domain_randomization.zoomed(domain_randomization.zoomed(tensor, 1.15), 1 / 1.15)
    assert float((back - tensor).abs().mean()) < 0.02


def test_the_phantoms_to_train_on_can_be_planned():
    chest_xray = pytest.importorskip("radfoundry.phantoms.chest_xray")
    wanted = projected.phantoms({}) | {"patients": 3}
    rows = chest_xray.plan(wanted, np.random.default_rng(0))
    assert len(rows) == 3
