"""TSCR as a whole: fitted to phantoms, prepared, and drawing; what it states is what it takes."""

import json

import numpy as np
import pandas as pd
import pytest
from tumour_stand_ins import brain

from radfoundry.generators import tscr
from radfoundry.generators.tscr import mask_diffusion, mask_gan, options, texture_options
from radfoundry.training.loop import TrainingData

SMALL = {"crop": 16, "window": [0.0, 1.0]}
UNTRAINED = {
    **SMALL, **{name: {"steps": 0} for name in ("mask_gan", "mask_diffusion", "autoencoder")},
    **{name: {"steps": 0, "calls": 2} for name in ("bridge", "inpainting")},
}  # fmt: skip


@pytest.fixture(scope="module")
def cases():
    """Return brains with a tumour each, of several sizes and places."""
    places = [(4, (10, 16, 16)), (5, (18, 12, 16)), (3, (12, 18, 14)), (6, (16, 16, 18))]
    return [brain(f"t{i}", radius, at=at) for i, (radius, at) in enumerate(places)]


@pytest.fixture(scope="module")
def weights(cases):
    """Return every network, at 0 steps."""
    made = {}
    for name in tscr.NETWORKS:
        data, rng = TrainingData(cases, dict(made)), np.random.default_rng(1)
        made[name] = tscr.fit(name, data, UNTRAINED, rng)
    return made


def drawn(weights, source, operation, **more):
    planned = tscr.plan(table(source), {"count": 1, "operations": {operation: 1}}, 5)
    asked = json.loads(planned["parameters"].item())
    request = {"request": "syn-1", "seed": 7, "parameters": json.dumps({**asked, **more})}
    return tscr.draw(request, source, tscr.prepare(weights))


def table(source):
    return pd.DataFrame([{"case": source.name, "split": "train", **source.facts}])


def test_what_train_takes_is_what_the_networks_know():
    stated = options.TRAIN
    for name, module in {"mask_gan": mask_gan, "mask_diffusion": mask_diffusion}.items():
        assert set(stated[name]) == set(module.TRAINING["phantom"])
    assert set(stated["autoencoder"]) == set(texture_options.AUTOENCODER_KEYS)
    assert set(stated["bridge"]) == set(texture_options.KEYS)
    assert set(stated["inpainting"]) == set(texture_options.KEYS) - {"variance", "outside"}


@pytest.mark.parametrize("masks", ["gan", "diffusion", "warped"])
def test_every_kind_of_mask_draws_or_says_why_not(weights, cases, masks):
    try:
        shown = drawn(weights, brain("new", 0), "add", masks=masks, features={"mean": 0.8}).findings
    except ValueError as error:  # an untrained network may draw nothing, or what fits nowhere
        shown = "masks could be placed" in str(error) and masks != "warped"
    assert np.any(shown)


@pytest.mark.parametrize("texture", ["inpainting", "bridge", "clusters", "copy_paste"])
def test_every_kind_of_texture_changes_the_lesion_and_nothing_beyond_its_margin(
    weights, cases, texture
):
    sample = drawn(weights, cases[0], "edit", texture=texture, features={"mean": 0.6})
    changed = sample.image.voxels != cases[0].image.voxels
    inside = cases[0].findings > 0
    assert changed[inside].mean() > 0.9
    near = np.array([np.abs(np.argwhere(inside) - at).max(1).min() for at in np.argwhere(changed)])
    assert near.max() <= 2


def test_equal_requests_draw_equal_bytes(weights, cases):
    first, second = (drawn(weights, cases[1], "move", masks="warped") for _ in range(2))
    np.testing.assert_array_equal(first.image.voxels, second.image.voxels)
    np.testing.assert_array_equal(first.findings, second.findings)


def test_what_is_asked_is_measured_on_the_lesion_that_was_drawn(weights, cases):
    sample = drawn(weights, brain("new", 0), "add", masks="warped", size_mm=18.0, features={})
    found = tscr.measured(sample, brain("new", 0), weights)
    assert found["whole_shape_MeshVolume"] == pytest.approx(np.pi / 6 * 18**3, rel=0.25)
    assert tscr.measured(cases[0], cases[0], weights) == {}


def test_the_nearest_real_tumour_is_copied_with_its_intensities(weights):
    sample = drawn(weights, brain("new", 0), "add", masks="warped", texture="copy_paste")
    inside = sample.image.voxels[sample.findings > 0]
    np.testing.assert_allclose(inside, 0.9, atol=0.01)


def test_too_few_lesions_and_unknown_words_are_refused(cases):
    data, rng = TrainingData(cases[:1], {}), np.random.default_rng(0)
    with pytest.raises(ValueError, match="1 lesions of 1 training cases"):
        tscr.fit("measurements", data, SMALL, rng)
    with pytest.raises(ValueError, match="a lower and a higher"):
        tscr.fit("measurements", data, {"window": [1, 0]}, rng)
    with pytest.raises(ValueError, match="windows"):
        tscr.fit("measurements", data, {"windows": [0, 1]}, rng)
