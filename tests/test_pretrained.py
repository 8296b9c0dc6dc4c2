"""A latent text-to-image model in diffusers' format, as XReal's base: tiny, and never trained."""

import json

import numpy as np
import pytest
import torch
from radiograph_recipes import digest
from test_xreal import drawn, fitted, trained

from radfoundry.generators import xreal
from radfoundry.generators._radiographs import pretrained
from radfoundry.networks import torchvision_shim
from radfoundry.weights import WeightsError

diffusers = pytest.importorskip("diffusers")
VAE = {"block_out_channels": (8, 16), "norm_num_groups": 4, "latent_channels": 4}
VAE |= {
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
}
UNET = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "layers_per_block": 1,
}
UNET |= {"down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "attention_head_dim": 4}
UNET |= {"up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), "cross_attention_dim": 16}
CLIP = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
LETTERS = [chr(number) for number in range(97, 123)] + ["."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder as diffusers writes it, of random weights."""
    torchvision_shim.ensure()
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    place = tmp_path_factory.mktemp("tiny")
    words = [*LETTERS, *(f"{one}</w>" for one in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    sizes = {"intermediate_size": 16, "vocab_size": len(words), "max_position_embeddings": 20}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        diffusers.AutoencoderKL(**VAE).save_pretrained(place / "vae")
        diffusers.UNet2DConditionModel(**UNET).save_pretrained(place / "unet")
        CLIPTextModel(CLIPTextConfig(**CLIP, **sizes)).save_pretrained(place / "text_encoder")
    vocabulary = {word: number for number, word in enumerate(words)}
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(place / "tokenizer")
    diffusers.DDIMScheduler(**SCHEDULE).save_pretrained(place / "scheduler")
    return place


@pytest.fixture(scope="module")
def base(folder):
    stated = {"folder": str(folder), "sha256": pretrained.folder_sha256(folder)}
    return fitted("pretrained", pretrained=stated)


@pytest.fixture(scope="module")
def networks(base):
    return xreal.prepare(
        {"pretrained": base, "anatomy_controller": trained()["anatomy_controller"]}
    )


def test_the_controllers_lead_it_and_nothing_outside_the_mask_changes(networks, base):
    ill, healthy = drawn(networks), drawn(networks, findings=())
    mask = ill.findings > 0
    assert np.isfinite(ill.image.voxels).all()
    assert digest(ill.image.voxels[~mask]) == digest(healthy.image.voxels[~mask])
    assert not np.array_equal(ill.image.voxels[mask], healthy.image.voxels[mask])
    own = networks.engine.network.unet.state_dict()
    assert all(torch.equal(base.state[f"unet.{name}"], value) for name, value in own.items())


@pytest.mark.parametrize("step", [0, 400, 999])
def test_its_estimate_is_what_diffusers_makes_of_its_noise(folder, networks, step):
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet")
    engine, chance = networks.engine, torch.Generator().manual_seed(0)
    noisy, (text, mask) = torch.randn(2, 4, 8, 8, generator=chance), engine.encode(["ab.", "c"])
    times = torch.full((2,), (step + 1) / 1000)
    found = engine.network(noisy, times, text=text, text_mask=mask)
    with torch.no_grad():
        noise = unet(noisy, step, encoder_hidden_states=text).sample
    share = diffusers.DDIMScheduler(**SCHEDULE).alphas_cumprod[step]
    wanted = (noisy - (1 - share).sqrt() * noise) / share.sqrt()
    torch.testing.assert_close(found, wanted, rtol=2e-3, atol=2e-4)


def test_a_row_without_words_reads_the_empty_prompt(networks):
    engine, noisy, times = networks.engine, torch.ones(2, 4, 8, 8), torch.tensor([0.5, 0.5])
    said, empty = engine.encode(["ab.", ""]), engine.encode(["", ""])
    silent = said[1] & torch.tensor([[True], [False]])
    found = engine.network(noisy, times, text=said[0], text_mask=silent)
    plain = engine.network(noisy, times, text=empty[0], text_mask=empty[1])
    torch.testing.assert_close(found[1], plain[1])
    assert not torch.allclose(found[0], plain[0])


def test_texts_and_pictures_are_encoded_as_the_folder_has_it(folder, networks):
    from transformers import CLIPTextModel, CLIPTokenizer

    cut = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    given = cut(["ab. c"], padding="max_length", max_length=20, return_tensors="pt").input_ids
    model = CLIPTextModel.from_pretrained(folder / "text_encoder")
    with torch.no_grad():
        torch.testing.assert_close(networks.engine.encode(["ab. c"])[0], model(given)[0])
    vae, gray = diffusers.AutoencoderKL.from_pretrained(folder / "vae"), torch.rand(2, 1, 36, 36)
    with torch.no_grad():
        latent = vae.config.scaling_factor * vae.encode(gray.repeat(1, 3, 1, 1)).latent_dist.mode()
        back = vae.decode(latent / vae.config.scaling_factor).sample.mean(1, keepdim=True)
    coder = networks.engine.coder
    torch.testing.assert_close(coder.encode(gray), latent)
    torch.testing.assert_close(coder.decode(latent, (36, 36)), back.clamp(-1, 1))


def test_a_folder_that_cannot_be_used_is_refused_in_words(folder, tmp_path):
    asked = {"folder": str(folder), "sha256": "0" * 64}
    with pytest.raises(WeightsError, match="allowed: 0000"):
        fitted("pretrained", pretrained=asked)
    with pytest.raises(WeightsError, match="no vae, unet, text_encoder, tokenizer, scheduler"):
        fitted("pretrained", pretrained={**asked, "folder": str(tmp_path)})
    with pytest.raises(ValueError, match="sha256 is None"):
        fitted("pretrained", pretrained={"folder": str(folder)})
    with pytest.raises(WeightsError, match="allowed: scaled_linear, 1000 steps"):
        pretrained._schedule({**SCHEDULE, "beta_schedule": "linear"}, tmp_path)
    assert json.loads((folder / "vae/config.json").read_text())["latent_channels"] == 4
