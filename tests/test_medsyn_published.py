"""Tests that `objective: published` is the whole recipe of Xu et al. 2024, sections 4 and 5."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry.case import Case
from radfoundry.config.settings import checked
from radfoundry.data import channels
from radfoundry.diffusion import objectives, samplers
from radfoundry.diffusion.noise import Cosine
from radfoundry.generators import medsyn
from radfoundry.generators.medsyn import drawing, options, pictures
from radfoundry.generators.medsyn.batches import LowResolutionTask
from radfoundry.networks import blocks
from radfoundry.text.encoder import pretraining
from radfoundry.text.encoder.model import SIZES
from radfoundry.volume import Volume
from radfoundry.weights import Weights

TWO_WORDS = {"size": "paper", "objective": "published"}
ADAMW = {"learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "clip": 1.0}
ADAMW |= {"warmup": 0, "schedule": "constant", "steps": 40_000, "objective": "published"}
IMAGES = {"tones": [[-1024.0, -1.0], [600.0, 1.0]], "downsampling": "nearest", "factor": 4}
LOW = {"drop_text": 0.1, "given": 0.0, "voxel_weight": 0.0, "ema": 0.999, "shift": 0}
LOW |= {"log_snr_range": None}
HIGH = {"noise": 0.4, "conditioning_noise": 0.0, "turn": 0.2, "sampling_steps": 20, "ema": 0.995}
HIGH |= {"crop": [72, 72, 64], "residual_scale": 0.0, "log_snr_range": None}
PAPER = {
    "low_resolution": {**ADAMW, **IMAGES, **LOW},
    "super_resolution": {**ADAMW, **IMAGES, **HIGH},
}
BATCHES = {"low_resolution": 64, "super_resolution": 32}
OVERRIDES = [(network, key) for network in ("low_resolution", "super_resolution") for key in ADAMW]
OVERRIDES = [pair for pair in OVERRIDES if pair[1] != "objective"]


def recipe(**changed):
    """Return a checked config's recipe of MedSyn."""
    phantom = {"kind": "chest_ct", "patients": 4}
    cohort = {"modality": "CT", "phantom": phantom, "pseudolabel": "none"}
    stated = {"cohort": "ct", "generator": "medsyn", **changed}
    config = {"cohorts": {"ct": cohort}, "recipes": {"mine": stated}}
    return checked(config)["recipes"]["mine"]


def case(shape=(12, 8, 9)):
    rng = np.random.default_rng(0)
    image = Volume(rng.integers(-1024, 600, shape).astype(np.int16), np.eye(4))
    labels = np.zeros(shape, np.uint8)
    return Case("a", image, labels, labels, {"report": "FINDINGS: Clear lungs."})


@pytest.mark.parametrize("network", PAPER)
def test_two_words_give_every_value_that_the_paper_states(network):
    chosen = options.chosen(TWO_WORDS)[network]
    assert {name: chosen[name] for name in PAPER[network]} == PAPER[network]
    assert chosen["batch"] * chosen["accumulate"] == BATCHES[network]
    assert {"grid": 256 // chosen["factor"]} == {"grid": 64}


def test_the_loss_is_the_plain_squared_error_of_the_volume_on_the_cosine_schedule():
    taught = objectives.OBJECTIVES["published"]
    times = torch.linspace(0, 1, 9)
    assert taught.weight(times).eq(1).all()
    assert taught.draw is objectives.uniform
    assert taught.schedule == Cosine(offset=0.008, least=1e-4)
    assert blocks.PACE == 1000  # steps


def test_the_text_encoder_has_the_papers_two_tasks_and_five_epochs():
    assert options.stated(TWO_WORDS)["text"] == {"size": "paper", "reading": False}
    assert pretraining.HIDDEN == 0.15
    size, reports = SIZES["paper"], 209_683 + 7_728
    assert (size["width"], size["tokens"]) == (768, 192)
    seen = pretraining.SETTINGS["paper"].steps * size["batch"]
    assert seen / reports == pytest.approx(5, abs=1e-3)


def test_two_words_draw_by_fifty_steps_of_ddim_even_in_time():
    sample = recipe(size="paper", train={"objective": "published"})["sample"]
    rows = pd.DataFrame({"case": ["a"], "split": ["train"], "report": ["Clear lungs."]})
    request = medsyn.plan(rows, {**sample, "count": 1}, 0).iloc[0]
    asked = json.loads(request["parameters"])
    low, high = (
        drawing._sampling(asked, options.chosen(TWO_WORDS)[name]) for name in options.TABLES
    )
    assert (low.method, low.steps, low.eta, low.spacing) == ("ddim", 50, 0.0, "time")
    assert (high.method, high.steps, high.spacing) == ("ddim", 20, "time")
    steps = samplers.grid(Cosine(), low).diff()
    torch.testing.assert_close(steps, torch.full_like(steps, -1 / 50))


def test_another_objective_draws_as_before():
    assert recipe()["sample"] == {"count": 64}


@pytest.mark.parametrize(("network", "key"), OVERRIDES)
def test_a_recipe_may_override_each_value(network, key):
    found = options.chosen({**TWO_WORDS, network: {key: 7}})
    assert found[network][key] == 7


def test_a_recipe_may_override_how_it_draws_and_how_images_are_written():
    sample = recipe(train={"objective": "published"}, sample={"steps": 20})["sample"]
    assert (sample["steps"], sample["timestep_spacing"]) == (20, "time")
    chosen = options.chosen({**TWO_WORDS, "tones": "tissue", "downsampling": "mean"})
    assert dict(chosen["low_resolution"]["tones"]) == channels.TONES
    assert chosen["super_resolution"]["downsampling"] == "mean"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tones": "square"}, "square.*tissue, linear"),
        ({"downsampling": "bicubic"}, "bicubic.*mean, nearest"),
        ({"super_resolution": {"residual_scale": 4.0}}, "residual_scale is 4.0.*nearest"),
    ],
)
def test_words_that_do_not_exist_or_do_not_go_together_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        options.chosen({**TWO_WORDS, **changed})


def test_hu_come_back_from_the_linear_window():
    linear = channels.CURVES["linear"]
    image, _ = channels.decode(channels.encode(case(), linear), np.eye(4), linear)
    assert np.abs(image.voxels.astype(int) - case().image.voxels).max() <= 1


@pytest.mark.parametrize("multiple", [4, 16])
def test_of_a_case_every_fourth_voxel_is_read_wherever_it_is_padded(multiple):
    seen = options.chosen(TWO_WORDS)["low_resolution"] | {"multiple": multiple}
    whole = pictures.smaller(torch.from_numpy(pictures.picture(case(), seen))[None], seen)
    np.testing.assert_array_equal(pictures.nearest(case(), seen), whole[0].numpy())
    taught = LowResolutionTask([case()], seen)
    torch.testing.assert_close(taught.pictures[:1], pictures.laid(whole, seen).half())


def test_channels_that_are_known_are_not_shown_to_a_published_network():
    taught = LowResolutionTask([case()], options.chosen(TWO_WORDS)["low_resolution"])
    seen = {}

    class Network(torch.nn.Linear):
        def forward(self, noisy, times, **condition):
            seen.update(condition)
            return noisy

    taught.loss(Network(1, 1), taught.draw(torch.Generator().manual_seed(0)), torch.Generator())
    assert "concat" not in seen


@pytest.mark.parametrize(("what", "other"), [("tones", [[-1, -1]]), ("downsampling", "mean")])
def test_networks_that_see_images_otherwise_are_refused_together(what, other):
    cards = {name: {"downsampling": "nearest", "text": False} for name in options.TABLES}
    cards["super_resolution"][what] = other
    weights = {"text": Weights({}, {})} | {name: Weights({}, c) for name, c in cards.items()}
    with pytest.raises(ValueError, match=f"trained on other {what}"):
        medsyn.prepare(weights)


def test_a_published_network_draws_on_its_own_curve(monkeypatch):
    card = options.chosen(TWO_WORDS)["super_resolution"]
    drawn = torch.zeros(1, 4, 12, 8, 9)
    monkeypatch.setattr(drawing, "_low", lambda *_: drawn)
    monkeypatch.setattr(drawing, "_high", lambda *_: drawn)
    cards = {"super_resolution": card | {"multiple": 1}}
    networks = drawing.Networks(None, torch.nn.Identity(), None, cards, "cpu")
    request = {"parameters": "{}", "seed": 1, "request": "syn-1"}
    found = medsyn.draw(request, case(), networks)
    assert np.unique(found.image.voxels).tolist() == [-212]
