"""Tumour texture: what a network is shown, what it draws, and what it leaves alone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from radfoundry import weights
from radfoundry.generators.tscr import pasting, texture, texture_options
from radfoundry.generators.tscr.latent_bridge import erased
from radfoundry.generators.tscr.region_autoencoder import fit_autoencoder, rebuilt, region_loss
from radfoundry.generators.tscr.texture_material import Material, Pairs, batch, dilated
from radfoundry.generators.tscr.tissue import TissueScale, compressed, expanded
from radfoundry.weights import Weights

FEATURES = ["core_mean", "rim_mean"]
NETWORK = {"haar": 1, "widths": [8, 16], "side": 8, "tokens": 8}


@dataclass(frozen=True)
class Crop:
    image: np.ndarray
    organ: np.ndarray
    regions: np.ndarray


def crop(seed, shape=(16, 16, 16), tumour=True):
    """Return noise of an organ with a ball in its middle: a core and a rim of drawn means."""
    rng = np.random.default_rng(seed)
    away = np.linalg.norm(np.indices(shape).T - (np.array(shape) - 1) / 2, axis=-1).T
    regions = (away < 5).astype(np.uint8) + (away < 3)
    means = rng.uniform(-0.5, 0.5, 3) if tumour else np.full(3, 0.2)
    image = np.where(regions > 0, means[regions], 0.2) + 0.05 * rng.normal(size=shape)
    organ = np.full(shape, 18, np.uint8)
    return Crop(image.astype(np.float32), organ, regions.astype(np.uint8)), means[2:0:-1]


def material(count=6, shape=(16, 16, 16)):
    crops, means = zip(*(crop(seed, shape) for seed in range(count)), strict=True)
    values = (np.array(means) / 0.3).astype(np.float32)
    healthy = [crop(100 + seed, shape, tumour=False)[0] for seed in range(count)]
    return Material(crops, values, np.ones(values.shape, bool), healthy)


def card(kind="inpainting", **own):
    short = {"steps": 2, "batch": 4, "calls": 2, "patch": 8, "network": {**NETWORK, "dims": 3}}
    return texture_options.chosen(kind, "phantom", short | own) | {"features": FEATURES}


def fitted(given=None, **own):
    return texture.fit_texture(given or material(), card(**own), torch.Generator().manual_seed(0))


def fitted_autoencoder(given, **own):
    dims = given.tumours[0].image.ndim
    size = {"widths": [8], "dims": dims, "factors": [[2] * dims]}
    chosen = texture_options.autoencoder("phantom", {"steps": 2, "patch": 8, "size": size} | own)
    return fit_autoencoder(given, chosen, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=["inpainting", "bridge"])
def learned(request):
    """Return a network of each kind, and the autoencoder of the one that stands on it."""
    given = material()
    if request.param == "inpainting":
        return fitted(given), None
    beneath = fitted_autoencoder(given)
    given = replace(given, autoencoder=beneath)
    return fitted(given, kind="bridge", network={**NETWORK, "haar": 0, "dims": 3}), beneath


def drawn(learned, crops, known=True, seeds=None):
    values = np.full((len(crops), 2), 0.5, np.float32)
    told = np.full(values.shape, known)
    network = texture.prepared(learned[0], autoencoder=learned[1])
    return network.draw(crops, values, told, seeds or list(range(len(crops))))


@pytest.mark.parametrize("known", [True, False])
def test_nothing_changes_beyond_the_margin_of_the_lesion(learned, known):
    source = crop(3)[0]
    image = drawn(learned, [source], known)[0]
    outside = ~dilated(torch.from_numpy(source.regions)[None, None], 1)[0, 0].numpy()
    np.testing.assert_array_equal(image[outside], source.image[outside])
    assert (image != source.image)[source.regions > 0].mean() > 0.9
    assert image.dtype == np.float32


def test_a_crop_is_drawn_the_same_whatever_is_drawn_beside_it(learned):
    crops = [crop(seed)[0] for seed in range(3)]
    together = drawn(learned, crops, seeds=[5, 6, 7])
    alone = drawn(learned, crops[1:2], seeds=[6])
    np.testing.assert_array_equal(together[1], alone[0])
    assert not np.array_equal(alone[0], drawn(learned, crops[1:2], seeds=[8])[0])


def test_what_is_drawn_takes_nothing_from_the_lesion_that_was_there(learned):
    source = crop(3)[0]
    brighter = np.where(source.regions > 0, 0.9, source.image).astype(np.float32)
    other = Crop(brighter, source.organ, source.regions)
    first, second = (drawn(learned, [one], seeds=[1])[0] for one in (source, other))
    inside = source.regions > 0
    np.testing.assert_allclose(first[inside], second[inside], atol=1e-6)


@pytest.mark.parametrize("steps", [0, 40])
def test_a_texture_follows_the_mean_that_is_asked_for_if_it_was_trained(steps):
    trained = fitted(material(24), steps=steps, learning_rate=1e-2, calls=4, patch=16)
    network, source = texture.prepared(trained), crop(3)[0]
    asked = np.array([[-1.5, 0], [1.5, 0]], np.float32)
    told = np.array([[True, False]] * 2)
    low, high = network.draw([source] * 2, asked, told, [1, 1])
    core = source.regions == 2
    follows = high[core].mean() - low[core].mean() > 0.15
    assert follows == bool(steps)


def test_equal_seeds_train_equal_weights_that_survive_the_disk(tmp_path):
    first, again = fitted(), fitted()
    assert all(torch.equal(again.state[name], kept) for name, kept in first.state.items())
    weights.write(first, tmp_path)
    images = [drawn((one, None), [crop(3)[0]])[0] for one in (first, weights.read(tmp_path))]
    np.testing.assert_array_equal(*images)


def test_the_bridge_needs_its_autoencoder_to_learn_and_to_draw():
    with pytest.raises(ValueError, match="stands on an autoencoder"):
        fitted(kind="bridge")
    with pytest.raises(ValueError, match="stands on an autoencoder"):
        texture.prepared(Weights({}, card("bridge")))


def test_an_erased_crop_says_nothing_of_its_tumour():
    source = crop(3)[0]
    rows = batch([source], np.zeros((1, 2)), np.ones((1, 2)))
    image = erased(rows)[0, 0].numpy()
    assert set(image[source.regions == 1]) == {1.0}
    assert set(image[source.regions == 2]) == {0.5}
    np.testing.assert_array_equal(image[source.regions == 0], source.image[source.regions == 0])


def test_the_autoencoder_is_taught_by_regions_tenfold():
    given = material()
    latents = rebuilt(fitted_autoencoder(given, steps=0))
    rows = batch(given.tumours, given.values, given.known)
    terms = [
        region_loss(latents, part, torch.Generator().manual_seed(0), {"kl": 0.0, "region": 10.0})
        for part in (
            replace(rows, regions=rows.regions * 0 + 1),
            replace(rows, regions=0 * rows.regions),
        )
    ]
    assert float(terms[0]["region"]) == pytest.approx(10 * float(terms[0]["absolute"]))
    assert float(terms[1]["region"]) == 0


def test_an_autoencoder_brings_a_crop_back():
    given = material()
    latents = rebuilt(fitted_autoencoder(given, steps=20))
    images = batch(given.tumours, given.values, given.known).images
    errors = (latents.decode(latents.encode(images)) - images).abs()
    assert errors.mean() < 0.06  # the crops' noise has a deviation of 0.05


def test_an_untrained_network_loads_and_draws():
    assert np.isfinite(drawn((fitted(steps=0), None), [crop(3)[0]])[0]).all()


def test_slices_of_one_plane_are_drawn_as_they_came():
    flat = material(shape=(16, 16, 1))
    learned = fitted(flat, network={**NETWORK, "dims": 2}), None
    assert drawn(learned, flat.tumours[:1])[0].shape == (16, 16, 1)


def test_a_tumour_keeps_at_least_one_value_and_a_healthy_place_has_none():
    pairs = Pairs(material(), {"batch": 8, "healthy": 0.25, "dropping": 1.0, "patch": 8})
    for seed in range(5):
        rows = pairs(torch.Generator().manual_seed(seed))
        assert rows.known[:6].any(1).all()
        assert not rows.known[6:].any()
        assert rows.images.shape == (8, 1, 8, 8, 8)
        assert (rows.regions > 0).flatten(1).any(1).all()


def test_tissue_scales_there_and_back():
    values = torch.linspace(-20, 20, 101)
    torch.testing.assert_close(expanded(compressed(values)), values)
    scale, given = TissueScale(), material()
    scale.measure(*([(c.image, c.regions) for c in p] for p in (given.tumours, given.healthy)))
    rows = batch(given.tumours, given.values, given.known)
    scaled = scale.scaled(rows.images, rows.tissue)
    torch.testing.assert_close(scale.images(scaled, rows.tissue), rows.images)
    assert scaled[rows.regions == 2].std() == pytest.approx(1, abs=0.05)


def test_without_a_lesion_nothing_is_pasted():
    source = np.zeros((4, 4), np.float32)
    kept = pasting.pasted(source, source + 1, np.zeros((4, 4), np.uint8), 1)
    np.testing.assert_array_equal(kept, source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"healthy": []}, "0 healthy places"),
        ({"healthy": [crop(1, (8, 8, 8))[0]]}, "of one shape"),
        (
            {"healthy": [replace(crop(1)[0], regions=np.zeros((16, 16, 16)))]},
            "crop 0 has no region",
        ),
        ({"known": np.ones((6, 3), bool)}, r"values and known are \(6, 2\) and \(6, 3\)"),
    ],
)
def test_material_that_cannot_teach_is_refused(change, message):
    given = material()
    kept = {name: getattr(given, name) for name in ("tumours", "values", "known", "healthy")}
    with pytest.raises(ValueError, match=message):
        fitted(Material(**kept | change))


def test_crops_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        fitted(material(shape=(18, 16, 16)))


def test_an_unknown_option_is_named():
    with pytest.raises(ValueError, match="no stepz"):
        card(stepz=3)
