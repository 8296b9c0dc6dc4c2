"""Autoencoders of MONAI and MAISI load from their own files: a bundle, or weights by path."""

import json

import pytest
import torch
from test_autoencoder import SIZES, ahead, card, generator, pictures

from radfoundry import volume, weights
from radfoundry.config import settings
from radfoundry.generators._latent import adopted, options, training
from radfoundry.networks.autoencoder.build import build
from radfoundry.weights import WeightsError

# As NVIDIA's bundle `maisi_ct_generative` states it, but for the widths.
CONFIG = {
    "image_channels": 1,
    "latent_channels": 4,
    "spatial_dims": 3,
    "bundle_root": ".",
    "model_dir": "$@bundle_root + '/models'",
    "autoencoder_def": {
        "_target_": "monai.apps.generation.maisi.networks.autoencoderkl_maisi.AutoencoderKlMaisi",
        "spatial_dims": "@spatial_dims",
        "in_channels": "@image_channels",
        "out_channels": "@image_channels",
        "latent_channels": "@latent_channels",
        "num_channels": [8, 16],
        "num_res_blocks": [1, 1],
        "norm_num_groups": 4,
        "norm_eps": 1e-06,
        "attention_levels": [False, False],
        "with_encoder_nonlocal_attn": False,
        "with_decoder_nonlocal_attn": False,
        "use_checkpointing": False,
        "use_convtranspose": False,
        "norm_float16": True,
        "num_splits": 8,
        "dim_split": 1,
    },
}


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a MONAI bundle of a tiny MAISI autoencoder, and the network."""
    for name in ("configs", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "configs/inference.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(0)
    network = build(SIZES["maisi"])
    torch.save(network.state_dict(), tmp_path / "models/autoencoder_epoch273.pt")
    return tmp_path, network


def file_of(bundle):
    return bundle[0] / "models/autoencoder_epoch273.pt"


def fitted(own):
    chosen = options.chosen("phantom", {"batch": 2, **own})
    return training.fit(ahead, {**chosen, "channels": 2, "network": "a"}, generator())


def test_a_bundle_of_maisi_is_taken_as_it_is_and_its_latents_measured(bundle):
    folder, network = bundle
    digest = volume.sha256(file_of(bundle))
    found = fitted({"folder": str(folder), "sha256": digest})
    assert found.card["size"] == {**SIZES["maisi"]}
    assert (found.card["origin"], found.card["source_sha256"]) == (file_of(bundle).name, digest)
    real = pictures()
    with torch.no_grad():
        latents = training.rebuilt(found)
        theirs = network.eval().encode((real[:, :1] + 1) / 2)[0]
        ours = latents.moments(real[:, :1].repeat(1, 2, 1, 1, 1))[0][::2]
        assert latents.encode(real).std() == pytest.approx(1, abs=0.3)
    torch.testing.assert_close(ours, theirs)


def test_a_file_of_weights_goes_with_a_size_and_can_be_trained_on(bundle):
    own = {"weights": str(file_of(bundle)), "sha256": volume.sha256(file_of(bundle))}
    own |= {"size": {"size": "maisi", **SIZES["maisi"]}, "steps": 1}
    found = fitted(own)
    assert found.card["losses"]["absolute"]
    assert found.card["origin"] == file_of(bundle).name


def test_another_file_than_the_one_that_config_names_is_refused(bundle):
    with pytest.raises(WeightsError, match="has sha256 .*; allowed: 000 alone"):
        fitted({"folder": str(bundle[0]), "sha256": "000"})


def test_tensors_that_do_not_fit_are_named_with_their_shapes(bundle):
    _, network = bundle
    state = {name: tensor for name, tensor in network.state_dict().items()}
    state["encoder.extra"] = state.pop("quant_conv_mu.conv.bias")
    state["post_quant_conv.conv.bias"] = torch.zeros(3)
    with pytest.raises(WeightsError) as error:
        adopted.matched(network, state, "a.pt")
    for said in (
        "quant_conv_mu.conv.bias is missing",
        "encoder.extra is not among ours",
        "post_quant_conv.conv.bias is (3,), here (4,)",
    ):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"latent_channels": "$4 * 1"}, "would have to be run"),
        ({"latent_channels": "@nowhere"}, "would have to be run"),
        ({"autoencoder_def": {"_target_": "monai.networks.nets.UNet"}}, "no configs"),
        ({"autoencoder_def": {"_target_": "a.AutoencoderKL"}}, "the definition lacks"),
    ],
)
def test_a_config_that_would_have_to_be_run_or_defines_none_is_refused(bundle, changed, message):
    (bundle[0] / "configs/inference.json").write_text(json.dumps(CONFIG | changed))
    with pytest.raises(WeightsError, match=message):
        adopted.sized({"folder": str(bundle[0])})


def test_the_file_in_a_bundle_must_be_one(bundle):
    assert weights.monai_weights(bundle[0]) == file_of(bundle)
    (bundle[0] / "models/autoencoder_v2.pt").write_bytes(b"")
    with pytest.raises(WeightsError, match="autoencoder_epoch273.pt, autoencoder_v2.pt; needed"):
        weights.monai_weights(bundle[0])


def test_files_of_others_are_inputs_of_the_training(bundle):
    folder, file = str(bundle[0]), str(file_of(bundle))
    listed = settings.start_files({"train": {"autoencoder": {"folder": folder}}}, "autoencoder")
    assert listed == [f"{folder}/configs/inference.json", file]
    assert settings.start_files({"train": {"a": {"weights": file}}}, "a") == [file]


def test_an_autoencoder_of_monai_itself_loads_with_its_attention(bundle):
    definition = {**CONFIG["autoencoder_def"], "_target_": "monai.networks.nets.AutoencoderKL"}
    del definition["with_encoder_nonlocal_attn"], definition["with_decoder_nonlocal_attn"]
    definition |= {"spatial_dims": 2, "in_channels": 1, "out_channels": 1, "latent_channels": 2}
    size = adopted.size_of(definition, "here")
    assert (size["design"], size["nonlocal"], size["range"]) == ("kl", [True, True], [-1, 1])
    from monai.networks.nets import AutoencoderKL

    theirs = AutoencoderKL(2, 1, 1, (1, 1), (8, 16), (False, False), 2, norm_num_groups=4)
    adopted.matched(build(size), theirs.state_dict(), "theirs")
    assert card()["channels"] == 2
