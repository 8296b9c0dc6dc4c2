"""Train the text encoder on a cohort's reports with the two tasks of MedSyn, section 4.1.

Masked words: 15 % of the tokens are hidden (of these 80 % by [MASK], 10 % by another word, 10 %
left as they are, as in BERT) and guessed. Paired sections: half of the reports get the impression
of another one, and [CLS] says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.text.encoder.model import restored, sized, state_of, untrained
from radfoundry.text.encoder.tokenizer import MASK, PAD, SPECIAL, id_of, ids_of, joined, tokenizer
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.weights import Weights

SETTINGS: Mapping[str, Settings] = {
    "phantom": Settings(
        steps=650, learning_rate=2e-3, weight_decay=0.01, warmup=30, schedule="cosine", ema=0.0
    ),
    "workstation": Settings(
        steps=5000, learning_rate=3e-4, weight_decay=0.01, warmup=500, schedule="cosine", ema=0.0
    ),
    # Five epochs of 217,411 reports in batches of 32; learning rate and warm-up are ours.
    "paper": Settings(
        steps=33971, learning_rate=5e-5, weight_decay=0.01, warmup=1000, schedule="cosine", ema=0.0
    ),
}
HIDDEN = 0.15
MASKED, REPLACED = 0.8, 0.9  # of the hidden: below the first [MASK], below the second another word
IGNORED = -100  # functional.cross_entropy's word for "no target"


@dataclass(frozen=True)
class Batch:
    """(B, L) token ids as the network sees them, their part and mask, and the two targets.

    `words` (B, L) holds the hidden tokens' ids and `IGNORED` elsewhere; `paired` (B,) is 1 where
    the impression is the report's own, 0 where it is another's, `IGNORED` where there is none.
    """

    ids: Tensor
    kinds: Tensor
    mask: Tensor
    words: Tensor
    paired: Tensor


class Reports:
    """A cohort's reports as ids, from which batches are drawn."""

    def __init__(self, texts: Sequence[str], card: Mapping[str, Any]) -> None:
        """Encode the texts once.

        Raises:
            ValueError: There is no text with a word in it.
        """
        self.words = tokenizer(card["vocabulary"], card["lowercase"])
        self.longest = card["size"]["positions"]
        encoded = [ids_of(text, self.words) for text in texts]
        self.encoded = [(findings, impression) for findings, impression in encoded if findings]
        if not self.encoded:
            raise ValueError(f"none of {len(texts)} texts has findings to learn from")
        self.concluded = [i for i, (_, impression) in enumerate(self.encoded) if impression]

    def draw(self, batch: int, generator: torch.Generator) -> Batch:
        """Return a random batch; all chance comes from the generator."""
        chosen = _integers(len(self.encoded), batch, generator)
        swapped = _integers(2, batch, generator)
        return self.batch(chosen, swapped, generator)

    def batch(
        self, chosen: Sequence[int], swapped: Sequence[int], generator: torch.Generator
    ) -> Batch:
        """Return some reports, those marked `swapped` with another one's impression."""
        rows, paired = [], []
        for index, swap in zip(chosen, swapped, strict=True):
            findings, own = self.encoded[index]
            second = self._other(own, generator) if swap and own else own
            rows.append(joined(findings, second, self.words, self.longest))
            paired.append(int(second == own) if own else IGNORED)
        ids, kinds, mask = _padded(rows, id_of(PAD, self.words))
        seen, words = hidden(ids, self.words, generator)
        return Batch(seen, kinds, mask, words, torch.tensor(paired))

    def _other(self, own: Sequence[int], generator: torch.Generator) -> list[int]:
        """Return another report's impression, worded otherwise; the same if there is none."""
        start = _integers(len(self.concluded), 1, generator)[0]
        for index in self.concluded[start:] + self.concluded[:start]:
            if self.encoded[index][1] != own:
                return self.encoded[index][1]
        return list(own)


def fit(
    texts: Sequence[str],
    start: str | Mapping[str, Any] | Weights,
    settings: Settings,
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return an encoder trained on reports, with its vocabulary and losses on the card.

    Args:
        texts: Reports with Findings and Impression; those without an impression train words only.
        start: A name of `model.SIZES` or such a mapping, to begin with a vocabulary of these
            texts and weights drawn anew; or weights to go on from (`local_model.adopted`).
        settings: Steps and optimizer; `SETTINGS` has one for each size.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
    """
    first = start if isinstance(start, Weights) else untrained(texts, sized(start), generator)
    network = restored(first).to(device)
    reports, batch = Reports(texts, first.card), first.card["size"]["batch"]
    done = train(network, lambda g: reports.draw(batch, g), losses, settings, generator, callbacks)
    network.load_state_dict(done.state)
    facts = {"trained": True, "reports": len(reports.encoded), "steps": settings.steps}
    return Weights(state_of(network), {**first.card, **facts, "losses": done.loss_curve()})


def losses(network: Any, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the cross entropies of hidden words and of pairs; 0 where a batch has none of them."""
    del generator  # nothing is drawn here; dropout draws from PyTorch's state, set by the loop
    words, paired = guesses(network, batch)
    device = words.device
    target = batch.words[batch.words != IGNORED].to(device)
    own = batch.paired.to(device)
    return {
        "words": functional.cross_entropy(words, target, reduction="sum") / max(1, len(target)),
        "paired": functional.cross_entropy(paired, own, ignore_index=IGNORED, reduction="sum")
        / max(1, int((own != IGNORED).sum())),
    }


def guesses(network: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return logits (hidden tokens, vocabulary) and (B, 2); the word head reads no other token."""
    device = next(network.parameters()).device
    body = network.bert(
        input_ids=batch.ids.to(device),
        token_type_ids=batch.kinds.to(device),
        attention_mask=batch.mask.to(device),
    )
    chosen = body.last_hidden_state[(batch.words != IGNORED).to(device)]
    return network.cls.predictions(chosen), network.cls.seq_relationship(body.pooler_output)


@torch.inference_mode()
def accuracy(
    weights: Weights,
    texts: Sequence[str],
    generator: torch.Generator,
    rounds: int = 4,
    device: str | torch.device = "cpu",
) -> dict[str, float]:
    """Return the shares of hidden words and of pairs that an encoder gets right on reports.

    Every report is shown `rounds` times, in turn with its own and with another's impression. NaN
    where there was nothing to guess.

    Args:
        weights: The encoder.
        texts: Reports that it was not trained on.
        generator: Chooses the words that are hidden and the impressions that are swapped.
        rounds: How often every report is shown.
        device: Where to compute.

    Raises:
        ValueError: None of the texts has a word in its findings.
    """
    network: nn.Module = restored(weights).to(device).eval()
    reports = Reports(texts, weights.card)
    hits: dict[str, list[Tensor]] = {"words": [], "paired": []}
    for turn in range(rounds):
        for at in range(0, len(reports.encoded), 16):
            chosen = range(at, min(at + 16, len(reports.encoded)))
            batch = reports.batch(chosen, [(i + turn) % 2 for i in chosen], generator)
            words, paired = (logits.cpu() for logits in guesses(network, batch))
            hits["words"].append(words.argmax(-1) == batch.words[batch.words != IGNORED])
            known = batch.paired != IGNORED
            hits["paired"].append(paired.argmax(-1)[known] == batch.paired[known])
    return {name: float(torch.cat(found).float().mean()) for name, found in hits.items()}


def hidden(ids: Tensor, words: Tokenizer, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (B, L) ids with 15 % of the words hidden, and those words' ids (else `IGNORED`)."""
    special = torch.tensor([id_of(word, words) for word in SPECIAL])
    spot, how = (_uniform(ids.shape, generator) for _ in range(2))
    chosen = (spot < HIDDEN) & ~torch.isin(ids, special)
    shape, device = tuple(ids.shape), generator.device
    others = torch.randint(words.get_vocab_size(), shape, generator=generator, device=device).cpu()
    seen = torch.where(chosen & (how < REPLACED), others, ids)
    seen = torch.where(chosen & (how < MASKED), id_of(MASK, words), seen)
    return seen, torch.where(chosen, ids, IGNORED)


def _padded(rows: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in rows)
    gaps = [longest - len(ids) for ids, _ in rows]
    ids = [row + [pad] * gap for (row, _), gap in zip(rows, gaps, strict=True)]
    kinds = [row + [0] * gap for (_, row), gap in zip(rows, gaps, strict=True)]
    mask = [[1] * (longest - gap) + [0] * gap for gap in gaps]
    return torch.tensor(ids), torch.tensor(kinds), torch.tensor(mask)


def _integers(high: int, count: int, generator: torch.Generator) -> list[int]:
    drawn = torch.randint(high, (count,), generator=generator, device=generator.device)
    return [int(number) for number in drawn]


def _uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device).cpu()
