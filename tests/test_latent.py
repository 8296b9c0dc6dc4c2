"""MedSyn on latents, and what an autoencoder keeps of a case; networks of a few steps."""

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from test_medsyn import TRAIN, chests, request, same

from radfoundry import tables
from radfoundry.case import Case
from radfoundry.config import autoencoders, catalogue, lookups
from radfoundry.evaluation.metrics import round_trip
from radfoundry.generators import medsyn
from radfoundry.generators._latent import options as shared
from radfoundry.generators.medsyn import options as medsyn_options
from radfoundry.report.scorecard import card, latents
from radfoundry.volume import radiograph
from radfoundry.weights import Weights

LOW = {"size": "latent", "widths": [14, 16], "blocks": [1, 1], "side": 8, "mixing": 8}
LATENT = {
    "size": "phantom",
    "latent": True,
    "text": {"steps": 2},
    "autoencoder": {
        "size": {"size": "phantom", "widths": [16], "blocks": [1]},
        "steps": 30,
        "crop": [16, 16, 16],
        "learning_rate": 1e-2,
    },
    "low_resolution": {"size": LOW, "steps": 2, "batch": 2},
}


def fitted(network, networks=None, **changed):
    data = SimpleNamespace(cases=chests(), networks=networks or {})
    return medsyn.fit(network, data, {**LATENT, **changed}, np.random.default_rng(0))


@cache
def trained():
    found = {name: fitted(name) for name in ("text", "autoencoder")}
    return found | {"low_resolution": fitted("low_resolution", found)}


@cache
def there_and_back():
    return medsyn.round_trip(trained()["autoencoder"])(chests()[0])


def settings(**train):
    entry = {"cohort": "c", "generator": "medsyn", "networks": {}, "train": train}
    entry |= {"size": "phantom", "sample": {}}
    cohort = {"pseudolabel": "threshold"}
    methods = {"threshold": {"segmenter": "threshold", "options": {}}}
    return {"recipes": {"r": entry}, "cohorts": {"c": cohort}, "pseudolabel": methods}


def test_a_recipe_has_the_networks_that_its_options_ask_for():
    plain, latent = settings(), settings(latent=True)
    assert list(lookups.networks(plain, "r")) == ["text", "low_resolution", "super_resolution"]
    assert list(lookups.networks(latent, "r")) == ["text", "autoencoder", "low_resolution"]
    assert list(lookups.networks_needed(plain, "r", "low_resolution")) == ["text"]
    needed = lookups.networks_needed(latent, "r", "low_resolution")
    assert list(needed) == ["text", "autoencoder"]
    assert autoencoders.recipes(plain) == []
    assert autoencoders.recipes(latent) == ["r"]
    assert lookups.super_resolution(latent, "r") == ""
    assert autoencoders.segmenter(latent, "r")["segmenter"] == "threshold"


def test_a_pinned_autoencoder_is_the_recipes_own_and_still_measured():
    pinned = settings(latent=True)
    pinned["recipes"]["r"]["networks"] = {"autoencoder": {"folder": "a", "sha256": "0" * 64}}
    assert autoencoders.recipes(pinned) == ["r"]
    assert "r/networks/autoencoder" in lookups.all_pinned(pinned)


def test_the_generator_states_the_keys_that_its_autoencoder_takes():
    assert catalogue.training("medsyn")["autoencoder"] == shared.KEYS


def test_a_sample_on_latents_is_drawn_from_its_seed_alone():
    networks, source = medsyn.prepare(trained()), chests()[0]
    first, second, other = (
        medsyn.draw(request(seed), source, networks) for seed in (1, 1, 2)
    )  # fmt: skip
    assert same(first, second)
    assert not same(first, other)
    assert first.image.voxels.shape == source.image.voxels.shape


def test_given_channels_come_back_as_they_were_beside_drawn_latents():
    source = chests()[1]
    sample = medsyn.draw(request(given=["image"]), source, medsyn.prepare(trained()))
    np.testing.assert_allclose(
        sample.image.voxels, np.clip(source.image.voxels, -1024, 600), atol=1
    )


def test_the_low_resolution_network_takes_grid_and_channels_from_the_autoencoder():
    told = trained()["low_resolution"].card
    assert (told["factor"], told["latent_channels"], told["space"]) == (4, 16, [8, 8, 8])
    with pytest.raises(ValueError, match="needs the autoencoder"):
        fitted("low_resolution", {"text": trained()["text"]})
    other = trained()["autoencoder"]
    other = Weights(other.state, {**other.card, "channels": 1})
    with pytest.raises(ValueError, match="autoencoder is one of 1 channels"):
        fitted("low_resolution", {"text": trained()["text"], "autoencoder": other})


def test_without_latents_nothing_of_the_options_changes():
    plain, stated = (medsyn_options.chosen(o) for o in (TRAIN, {**TRAIN, "latent": False}))
    assert plain == stated
    assert "autoencoder" not in plain
    assert "latent_channels" not in plain["low_resolution"]
    for own, message in (({"latent": 1}, "latent is 1"), ({"low_resolution": {"shift": 1}}, "0")):
        with pytest.raises(ValueError, match=message):
            medsyn_options.chosen({**LATENT, **own})


def test_the_round_trip_measures_values_labels_and_radiomics():
    real = Case(**{**vars(chests()[0]), "facts": {"patient": "p", "split": "tune"}})
    found = round_trip.rows(real, there_and_back(), (4, 4, 4), lambda image: real.anatomy)
    found = tables.checked(found, "round_trip", "here")
    values = found.set_index(["metric", "arm"])["value"]
    assert values["psnr_db", "autoencoder"] > 10
    assert values["psnr_db", "pooled"] > 10
    assert values["label_dice", "lungs/segmented"] == 1
    assert 0 <= values["label_dice", "lungs/decoded"] <= 1
    assert np.isfinite(values["radiomics_real", "lungs/glcm_Contrast"])


def test_what_comes_back_as_it_was_is_kept_whole():
    real = Case(**{**vars(chests()[0]), "facts": {"patient": "p", "split": "tune"}})
    values = round_trip.rows(real, real, (2, 2, 2), None).set_index(["metric", "arm"])["value"]
    assert np.isnan(values["psnr_db", "autoencoder"])
    assert values["ssim", "autoencoder"] == 1
    assert values["label_dice", "lung_vessel/decoded"] == 1
    before, after = values["radiomics_real"], values["radiomics_decoded"]
    pd.testing.assert_series_equal(before, after)


def test_the_round_trip_of_a_radiograph_is_measured_in_its_plane():
    rng = np.random.default_rng(0)
    first, second = (radiograph(rng.random((16, 16)).astype(np.float32)) for _ in range(2))
    empty = np.zeros(first.voxels.shape, np.uint8)
    facts = {"patient": "p", "split": "test"}
    pair = (Case("a", image, empty, empty, facts) for image in (first, second))
    values = round_trip.rows(*pair, (4, 4), None).set_index(["metric", "arm"])["value"]
    squares = float(((first.voxels - second.voxels) ** 2).mean())
    assert values["psnr_db", "autoencoder"] == pytest.approx(-10 * np.log10(squares), rel=1e-4)


def table(values):
    rows = [
        (f"c{i}", f"p{i}", "test", metric, arm, value)
        for i, (metric, arm, value) in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(round_trip.COLUMNS))


def test_rows_of_the_scorecard_tell_error_and_concordance_of_each_feature():
    parts = [
        table([(f"radiomics_{when}", "lungs/firstorder_Mean", v) for v in values])
        for when, values in {"real": [1, 2, 3, 4, 5, 6], "decoded": [1.1, 2, 3, 4, 5, 6]}.items()
    ]
    parts.append(table([("psnr_db", "autoencoder", v) for v in (20, 30, 25, 25, 25, 25)]))
    rows = latents.of_round_trip(pd.concat(parts), "r", 50, np.random.default_rng(0))
    found = card.build(list(rows)).set_index("metric")
    assert found.loc["round_trip_psnr_db", "value"] == 25
    assert found.loc["round_trip_radiomics_error", "value"] == pytest.approx(0.1 / 6)
    assert 0.99 < found.loc["round_trip_concordance", "value"] < 1
    assert (found["n"] == 6).all()
    assert found["low"].notna().all()


def test_an_autoencoder_that_keeps_too_little_stops_the_run():
    kept = table([("psnr_db", "autoencoder", 20.0)])
    round_trip.check(kept, 0, "r")
    with pytest.raises(ValueError, match=r"r: the autoencoder keeps 20.00 dB of 1 unseen"):
        round_trip.check(kept, 25, "r")


def test_a_preview_decodes_what_the_network_draws():
    from radfoundry.generators.medsyn import batches, previews, training

    found = trained()
    told = found["low_resolution"].card
    task = batches.LowResolutionTask(chests(), told, None, "cpu", found["autoencoder"])
    network = training.rebuilt(found["low_resolution"], "cpu")
    with torch.no_grad():
        shown = previews.low_resolution(task, network)
    assert shown.shape == (32, 96)
    assert json.dumps(told["losses"])
