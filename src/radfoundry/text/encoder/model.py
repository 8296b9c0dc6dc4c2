"""The text encoder: a BERT whose last layer's first tokens condition the image network.

After MedSyn, section 4.1: features are the last hidden layer of the first 192 tokens. The empty
prompt is a prompt like any other (two tokens).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.networks import torchvision_shim
from radfoundry.networks.layers import seeded
from radfoundry.text.encoder.tokenizer import ids_of, joined, learn, tokenizer
from radfoundry.weights import Weights

# width, layers, heads, inner: of the transformer; positions: tokens it reads; tokens: features it
# hands on; vocabulary: word pieces at most; spread: standard deviation of initial weights; batch:
# reports of a training step. `paper` is BERT-base with more positions; its batch is ours, the paper
# names none.
SIZES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "width": 96, "layers": 2, "heads": 4, "inner": 192, "positions": 256, "tokens": 192,
        "vocabulary": 600, "dropout": 0.0, "spread": 0.05, "batch": 8,
    },
    "workstation": {
        "width": 256, "layers": 4, "heads": 8, "inner": 1024, "positions": 512, "tokens": 192,
        "vocabulary": 8192, "dropout": 0.1, "spread": 0.02, "batch": 32,
    },
    "paper": {
        "width": 768, "layers": 12, "heads": 12, "inner": 3072, "positions": 2048, "tokens": 192,
        "vocabulary": 30522, "dropout": 0.1, "spread": 0.02, "batch": 32,
    },
}  # fmt: skip
WAVES, POSITION_SHARE, LOOK = 15.0, 2.0, 2.0  # slowest wave; positions over words; of attention
KEPT = 1024  # prompts whose features stay in memory; of `paper` at most 0.6 GB
TIED = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias")

Encode = Callable[[Sequence[str]], tuple[Tensor, Tensor]]


def untrained(
    texts: Sequence[str], size: str | Mapping[str, Any], generator: torch.Generator
) -> Weights:
    """Return an encoder with a vocabulary of these texts and weights drawn from the generator.

    Args:
        texts: Reports or prompts; only the vocabulary is learned from them.
        size: A name of `SIZES`, or a mapping with its keys.
        generator: The source of the initial weights.
    """
    size = sized(size)
    vocabulary = learn(texts, size["vocabulary"])
    size["vocabulary"] = len(vocabulary)
    with seeded(generator):
        network = build(size)
        look_nearby(network, size)
    card = {"network": "text", "origin": "scratch", "trained": False, "size": size}
    return Weights(state_of(network), {**card, "vocabulary": vocabulary, "lowercase": True})


def sized(size: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a size by name, or a mapping completed from `phantom`; unknown keys are refused."""
    if isinstance(size, str):
        if size not in SIZES:
            raise ValueError(f"no size {size!r}: choose from {', '.join(SIZES)}")
        return dict(SIZES[size])
    unknown = sorted(set(size) - set(SIZES["phantom"]))
    if unknown:
        raise ValueError(f"a size has no {unknown}: choose from {', '.join(SIZES['phantom'])}")
    return {**SIZES["phantom"], **size}


def build(size: Mapping[str, Any]) -> nn.Module:
    """Return transformers' BERT with both training heads; weights come from PyTorch's own state."""
    torchvision_shim.ensure()
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=size["vocabulary"],
        hidden_size=size["width"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        intermediate_size=size["inner"],
        max_position_embeddings=size["positions"],
        hidden_dropout_prob=size["dropout"],
        attention_probs_dropout_prob=size["dropout"],
        initializer_range=size["spread"],
    )
    return BertForPreTraining(config)


@torch.no_grad()
def look_nearby(network: Any, size: Mapping[str, Any]) -> None:
    """Let the first layer start with an eye on neighboring words and on equal words, in place.

    Few reports and few steps teach a BERT drawn anew no word order; sinusoidal positions, and equal
    and orthogonal queries and keys, give it one to begin with (after Trockman and Kolter, "Mimetic
    Initialization of Self-Attention Layers", 2023); `benchmarks/text_encoder.py` measures how much.
    """
    half = size["width"] // 2
    rates = WAVES ** (-torch.arange(half) / half)
    angles = torch.arange(size["positions"])[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1) * math.sqrt(2)
    network.bert.embeddings.position_embeddings.weight[:, : 2 * half] = (
        POSITION_SHARE * size["spread"] * waves
    )
    look = network.bert.encoder.layer[0].attention.self
    nn.init.orthogonal_(look.query.weight, gain=LOOK)
    look.key.weight.copy_(look.query.weight)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's tensors without those that are others by a second name."""
    return {k: v.detach().cpu().clone() for k, v in network.state_dict().items() if k not in TIED}


def restored(weights: Weights) -> nn.Module:
    """Return the network of weights that `untrained`, `fit` or `adopted` made.

    Raises:
        ValueError: The tensors are not those of the size on the card.
    """
    network = build(weights.card["size"])
    try:
        found = network.load_state_dict(dict(weights.state), strict=False)
    except RuntimeError as error:  # tensors of another shape
        raise ValueError(f"the tensors are not of the card's size: {error}") from None
    missing = sorted(set(found.missing_keys) - set(TIED))
    if missing or found.unexpected_keys:
        faults = f"lack {missing[:3]} and hold {found.unexpected_keys[:3]} besides"
        raise ValueError(f"the text encoder's tensors {faults}: they are not of the card's size")
    return network


def prepare(weights: Weights, device: str | torch.device = "cpu", *, kept: int = KEPT) -> Encode:
    """Return a function from prompts to features; the last `kept` distinct ones stay in memory.

    It returns (n, tokens, width) float32 features on the CPU, zero behind a prompt's end, and an
    (n, tokens) mask of its tokens. A prompt is encoded by itself, so what else is asked for changes
    nothing, bit for bit. A report's sections are marked as in training; a text of one section is
    read as both. Of a longer one all `positions` tokens are read and the first `tokens` handed on.
    """
    words = tokenizer(weights.card["vocabulary"], weights.card["lowercase"])
    size = weights.card["size"]
    network: Any = restored(weights).to(device).eval()

    @lru_cache(maxsize=kept)
    @torch.inference_mode()
    def features(text: str) -> Tensor:
        findings, impression = ids_of(text, words)
        # Reports have both, and what is stated stands in both: so is a prompt of a line read.
        both = (findings or impression, impression or findings)
        ids, kinds = joined(*both, words, size["positions"])
        inputs = (torch.tensor([row], device=device) for row in (ids, kinds))
        hidden = network.bert(**dict(zip(("input_ids", "token_type_ids"), inputs, strict=True)))
        first = hidden.last_hidden_state[0, : size["tokens"]]
        return first.float().cpu().clone()  # a view would keep all of a long report in memory

    def encode(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        out = torch.zeros(len(texts), size["tokens"], size["width"])
        mask = torch.zeros(len(texts), size["tokens"], dtype=torch.bool)
        for row, text in enumerate(texts):
            found = features(text)
            out[row, : len(found)] = found
            mask[row, : len(found)] = True
        return out, mask

    return encode
