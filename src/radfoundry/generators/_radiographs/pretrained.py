"""A latent text-to-image model of others as the base that draws latents, from a diffusers folder.

The folder holds `vae` (AutoencoderKL), `unet` (UNet2DConditionModel), `text_encoder` and
`tokenizer` (CLIP) and `scheduler`, each as diffusers stores it. No code that lies in it runs, and
nothing is fetched. Radiographs go in as three equal channels and come out as their mean. Needs the
extra `pretrained`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from radfoundry.case import Case
from radfoundry.generators._radiographs import latents, words
from radfoundry.generators._radiographs.latents import Grid
from radfoundry.networks import torchvision_shim
from radfoundry.volume import sha256
from radfoundry.weights import Weights, WeightsError

PARTS = ("vae", "unet", "text_encoder", "tokenizer", "scheduler")
PREDICTS = {"epsilon": "noise", "v_prediction": "velocity"}


def adopted(
    folder: str | Path, digest: str, cases: Sequence[Case], facts: Mapping[str, Any]
) -> Weights:
    """Return the model of a folder as weights that `pretrained_engine.engine` takes.

    Args:
        folder: See the module.
        digest: What `folder_sha256` gives of it; another folder is refused.
        cases: Radiographs of the grid on which it is to draw.
        facts: What else the card says: `network`, `wording`, `precision`.

    Raises:
        WeightsError: A part is missing or cannot be built here; the folder is another one.
    """
    folder = Path(folder)
    if lost := [part for part in PARTS if not (folder / part).is_dir()]:
        raise WeightsError(
            f"{folder} is no diffusers folder of text to image: no {', '.join(lost)}"
        )
    if (found := folder_sha256(folder)) != digest:
        raise WeightsError(f"{folder} has sha256 {found}; allowed: {digest} alone")
    models, tokenizer, scheduler = _read(str(folder))
    state = {
        f"{part}.{name}": value.contiguous()
        for part, model in models.items()
        for name, value in model.state_dict().items()
    }
    card: dict[str, Any] = {
        "origin": folder.name,
        "source_sha256": digest,
        "scheduler": _schedule(scheduler, folder),
    }
    card |= {part: _config(model) for part, model in models.items()} | tokenizer
    latents.one_grid(cases)
    grid, shape = grid_of(card), cases[0].image.voxels[:, 0].shape
    wide = latents.widened(torch.zeros(1, 1, *shape), grid.multiple).shape[2:]
    space = [side // step for side, step in zip(wide, grid.factors, strict=True)]
    drawn = {"channels": int(card["unet"]["in_channels"]), "space": space, "maps": False}
    drawn |= {"text": True, "stated": list(words.STATED), "objective": "published"}
    return Weights(state, {**card, **drawn, "log_snr_range": None, **facts})


def folder_sha256(folder: str | Path) -> str:
    """Return one digest of all files of the parts that are read, by their names and contents."""
    found = sorted(path for part in PARTS for path in Path(folder, part).rglob("*"))
    names = [(p.relative_to(folder).as_posix(), sha256(p)) for p in found if p.is_file()]
    return hashlib.sha256(repr(names).encode()).hexdigest()


def grid_of(card: Mapping[str, Any]) -> Grid:
    """Return the grid of latents: each level but the last halves it, of autoencoder and U-Net."""
    coarser = [2 ** (len(card[part]["block_out_channels"]) - 1) for part in ("vae", "unet")]
    return Grid([coarser[0]] * 2, coarser[1])


def _classes() -> dict[str, Any]:
    """Return the classes of the parts that have weights."""
    torchvision_shim.ensure()
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: PLC0415
    from transformers import CLIPTextModel  # noqa: PLC0415

    return {"vae": AutoencoderKL, "unet": UNet2DConditionModel, "text_encoder": CLIPTextModel}


def _read(folder: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the models of a folder, how texts are cut, and its scheduler's values."""
    local: Any = {"local_files_only": True}
    models = {
        part: kind.from_pretrained(folder, subfolder=part, use_safetensors=True, **local)
        for part, kind in _classes().items()
    }
    from diffusers import DDIMScheduler  # noqa: PLC0415
    from transformers import CLIPTokenizer  # noqa: PLC0415

    cut = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", **local)
    told: dict[str, Any] = {"tokenizer": cut.backend_tokenizer.to_str()}
    told["padding"] = [cut.pad_token_id, cut.pad_token]
    return models, told, dict(DDIMScheduler.load_config(folder, subfolder="scheduler"))


def built(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the untrained models of a card."""
    from transformers import CLIPTextConfig  # noqa: PLC0415

    made = _classes()
    clip = made["text_encoder"](CLIPTextConfig(**card["text_encoder"]))
    return {
        "vae": made["vae"].from_config(dict(card["vae"])),
        "unet": made["unet"].from_config(dict(card["unet"])),
        "text_encoder": clip,
    }


def _config(model: Any) -> dict[str, Any]:
    """Return the values that a model is built from, as JSON has them."""
    own = model.config.to_dict() if hasattr(model.config, "to_dict") else dict(model.config)
    plain = (str, int, float, bool, list, tuple, type(None))
    return {k: v for k, v in own.items() if isinstance(v, plain) and not k.startswith("_")}


def _schedule(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the noise schedule of a folder: first and last beta, and what the network predicts.

    Raises:
        WeightsError: It is not latent diffusion's of 1000 steps, or predicts something else.
    """
    stated = {"beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
    asked = {key: config.get(key) for key in stated} | {"of": config.get("prediction_type")}
    if asked != stated | {"of": asked["of"]} or asked["of"] not in PREDICTS:
        allowed = "scaled_linear, 1000 steps, epsilon or v_prediction"
        raise WeightsError(f"{folder}/scheduler: {list(asked.values())}; allowed: {allowed}")
    ends = {"first": float(config["beta_start"]), "last": float(config["beta_end"])}
    return {**ends, "predicts": PREDICTS[asked["of"]]}
