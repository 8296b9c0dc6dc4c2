"""A BERT in a local folder (CXR-BERT, or BERT-base for the paper's ablation) as weights of ours.

Only the folder is read, never a network, and no code that lies in it runs: CXR-BERT is a BERT with
one more head, which we do not use.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radfoundry.networks import torchvision_shim
from radfoundry.networks.layers import seeded
from radfoundry.text.encoder.model import TIED, build, state_of
from radfoundry.weights import Weights, WeightsError

NEEDED = (
    ("config.json",),
    ("model.safetensors", "pytorch_model.bin"),
    ("vocab.txt", "tokenizer.json"),
)
POSITIONS = "bert.embeddings.position_embeddings.weight"
NAMES = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "positions": "max_position_embeddings",
    "dropout": "hidden_dropout_prob",
    "spread": "initializer_range",
}


def adopted(
    folder: str | Path,
    generator: torch.Generator,
    positions: int = 2048,
    *,
    tokens: int = 192,
    batch: int = 32,
) -> Weights:
    """Return a local BERT as weights that `model.prepare` and `pretraining.fit` take.

    Args:
        folder: Holds config.json, model.safetensors (or pytorch_model.bin) and vocab.txt (or
            tokenizer.json).
        generator: Draws the heads that the folder lacks.
        positions: Tokens to read; position embeddings are tiled up to there (MedSyn: 512 to 2048).
        tokens: Features to hand on.
        batch: Reports of a training step.

    Raises:
        WeightsError: A file is missing, or the folder's network is no BERT; its words are not
            numbered on from 0, or are more than its network knows.
    """
    folder = Path(folder)
    _complete(folder)
    config = _config(folder)
    size = {name: config[key] for name, key in NAMES.items()}
    with seeded(generator):
        state, network = _tensors(folder), build(size)
    _filled(network, state, folder)
    words, lowercase = _words(folder, size["vocabulary"])
    size |= {"positions": positions, "tokens": tokens, "batch": batch}
    card = {"network": "text", "origin": folder.name, "trained": False, "size": size}
    tensors = state_of(network)
    tensors[POSITIONS] = tiled(tensors[POSITIONS], positions)
    return Weights(tensors, {**card, "vocabulary": words, "lowercase": lowercase})


def tiled(embeddings: Tensor, positions: int) -> Tensor:
    """Return (positions, width) embeddings: those there are, again and again."""
    repeats = -(-positions // len(embeddings))
    return embeddings.repeat(repeats, 1)[:positions].contiguous()


def _complete(folder: Path) -> None:
    missing = [" or ".join(c) for c in NEEDED if not any((folder / n).is_file() for n in c)]
    if missing:
        missed = "" if folder.is_dir() else ", which does not exist"
        raise WeightsError(f"{folder}: a BERT's folder{missed}; it lacks {', '.join(missing)}")


def _config(folder: Path) -> Mapping[str, Any]:
    """Return config.json completed with BERT's defaults."""
    torchvision_shim.ensure()
    from transformers import BertConfig

    config, _ = BertConfig.get_config_dict(str(folder), local_files_only=True)
    absent = sorted(key for key in ("vocab_size", "hidden_size") if key not in config)
    if absent:
        raise WeightsError(f"{folder}: config.json is no BERT's, it lacks {', '.join(absent)}")
    return BertConfig(**{k: config[k] for k in NAMES.values() if k in config}).to_dict()


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Return the tensors that are in the folder, without those that loading made up."""
    from transformers import BertForPreTraining

    load: Any = BertForPreTraining.from_pretrained
    model, found = load(str(folder), local_files_only=True, output_loading_info=True)
    made_up = set(found["missing_keys"])
    return {name: t for name, t in model.state_dict().items() if name not in made_up}


def _filled(network: Any, state: Mapping[str, Tensor], folder: Path) -> None:
    """Copy a folder's tensors into our network; only heads may be missing."""
    ours = network.state_dict()
    prefix = "" if any(name.startswith("bert.") for name in state) else "bert."
    named = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    lacking = [n for n in ours if n.startswith("bert.") and n not in named and "pooler" not in n]
    if lacking:
        raise WeightsError(f"{folder}: no BERT's tensors; {lacking[0]} and {len(lacking) - 1} lack")
    network.load_state_dict({n: named.get(n, t) for n, t in ours.items() if n not in TIED}, False)


def _words(folder: Path, known: int) -> tuple[list[str], bool]:
    """Return the words in order of their ids; the network may know more, which are never read."""
    from transformers import BertTokenizer

    words = BertTokenizer.from_pretrained(str(folder), local_files_only=True)
    vocabulary = words.get_vocab()
    if len(vocabulary) > known or sorted(vocabulary.values()) != list(range(len(vocabulary))):
        counts = f"{len(vocabulary)} words for a network of {known}"
        raise WeightsError(f"{folder}: {counts} are too many, or not numbered on from 0")
    return sorted(vocabulary, key=vocabulary.__getitem__), bool(
        getattr(words, "do_lower_case", True)
    )
