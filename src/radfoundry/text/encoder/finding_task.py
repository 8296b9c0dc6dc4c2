"""A third task for the text encoder: read findings, sides and severities from its tokens.

The paper starts from CXR-BERT, which has read millions of reports. An encoder drawn anew and taught
on a few hundred learns words but hardly who is on the right and who on the left. Here it also
guesses what the rule-based labeler reads in the cohort's reports, and what reports that are
composed for the purpose were composed of. They have no image, as most of the paper's have none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.blocks import any_of
from radfoundry.networks.layers import seeded
from radfoundry.text import composer, labeler
from radfoundry.text.encoder import model, pretraining
from radfoundry.text.encoder.tokenizer import PAD, ids_of, joined
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.weights import Weights

DEGREES = {"mild": 0.5, "moderate": 0.75, "severe": 1.0, "": 0.75}
SIDES = ("right", "left")
PREVALENCE = 0.2  # of each finding in a composed report
LOCATIONS = ("", "upper lobe", "lower lobe", "upper zone", "lower zone")
READING = 5.0  # weight: the mean over findings and sides is small beside the loss of a word
INITIAL_BIAS = -6.0  # logit of a finding before anything is learned: of 100 tokens, none names it
READ = 2  # reports that are read, for each with hidden words
EXTRA = 512  # composed reports of which the vocabulary is learned, beside the cohort's


def fit(
    texts: Sequence[str],
    start: str | Mapping[str, Any] | Weights,
    settings: Settings,
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return an encoder as `pretraining.fit` does, taught the third task as well.

    Args:
        texts: Reports with Findings and Impression.
        start: A name of `model.SIZES` or such a mapping; or weights to go on from.
        settings: Steps and optimizer.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
    """
    first = start
    if not isinstance(first, Weights):
        more = [composed(generator)[0] for _ in range(EXTRA)]
        first = model.untrained([*texts, *more], model.sized(first), generator)
    with seeded(generator):
        reader = Reader(model.restored(first), first.card["size"])
    reader = reader.to(device)
    reports = pretraining.Reports(texts, first.card)
    known = [(text, target(labeler.structured(text))) for text in texts]
    batch = first.card["size"]["batch"]

    def draw(source: torch.Generator) -> tuple[pretraining.Batch, tuple[Tensor, ...]]:
        rows = torch.randint(len(known), (batch // 2,), generator=source).tolist()
        chosen = [known[row] for row in rows]
        chosen += [composed(source) for _ in range(READ * batch - len(rows))]
        return reports.draw(batch, source), padded(chosen, reports)

    done = train(reader, draw, losses, settings, generator, callbacks)
    reader.load_state_dict(done.state)
    head = {name: part.tolist() for name, part in reader.head.state_dict().items()}
    card = {"trained": True, "reports": len(texts), "steps": settings.steps, "reader": head}
    card |= {"losses": done.loss_curve()}
    return Weights(model.state_of(reader.network), {**first.card, **card})


class Reader(nn.Module):
    """A BERT with one more head: a finding is there where any of the tokens names it."""

    def __init__(self, network: nn.Module, size: Mapping[str, Any]) -> None:
        super().__init__()
        self.network, self.tokens = network, int(size["tokens"])
        self.head = nn.Linear(size["width"], len(names()) * len(SIDES))
        nn.init.constant_(self.head.bias, INITIAL_BIAS)

    def forward(self, ids: Tensor, kinds: Tensor, mask: Tensor) -> Tensor:
        """Return (B, findings x sides) logits of reports (B, L)."""
        network: Any = self.network
        body = network.bert(input_ids=ids, token_type_ids=kinds, attention_mask=mask)
        hidden, text_mask = body.last_hidden_state[:, : self.tokens], mask[:, : self.tokens]
        return any_of(self.head(hidden), text_mask)


def losses(reader: Reader, batch: tuple, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the two tasks' losses and the cross entropy of what is read."""
    published, (ids, kinds, mask, wanted) = batch
    device = reader.head.weight.device
    read = reader(ids.to(device), kinds.to(device), mask.to(device))
    found = functional.binary_cross_entropy_with_logits(read.float(), wanted.to(device))
    both = pretraining.losses(reader.network, published, generator)
    return {**both, "findings": READING * found}


def names() -> list[str]:
    """Return the findings that are read."""
    return list(composer.wording()["findings"])


def target(findings: Sequence[Mapping]) -> list[float]:
    """Return how marked each finding is on the right and on the left; 0 where it is absent.

    >>> sum(target([{"name": "nodule", "side": "left", "severity": "severe"}]))
    1.0
    """
    marked = dict.fromkeys(((name, side) for name in names() for side in SIDES), 0.0)
    for finding in findings:
        degree = DEGREES[str(finding.get("severity", ""))]
        for side in SIDES:
            if finding.get("side", "") in (side, "bilateral", "both", ""):
                key = (str(finding["name"]), side)
                marked[key] = max(marked.get(key, 0.0), degree)
    return list(marked.values())


def composed(generator: torch.Generator) -> tuple[str, list[float]]:
    """Return a report of findings drawn at random, and its target."""
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    findings: list[dict[str, str]] = []
    for name in names():
        for side in SIDES:
            if rng.random() < PREVALENCE:
                degree, place = rng.choice(composer.DEGREES), rng.choice(LOCATIONS)
                finding = {"name": name, "side": side, "severity": degree, "location": place}
                findings.append({key: str(value) for key, value in finding.items()})
    return composer.compose(findings, rng), target(findings)


def padded(texts: Sequence[tuple[str, list[float]]], reports: pretraining.Reports) -> tuple:
    """Return (B, L) ids, parts and mask of reports, and (B, findings x sides) targets."""
    rows = [
        joined(*ids_of(text, reports.words), reports.words, reports.longest) for text, _ in texts
    ]
    longest, pad = max(len(ids) for ids, _ in rows), reports.words.token_to_id(PAD) or 0
    ids = [ids + [pad] * (longest - len(ids)) for ids, _ in rows]
    kinds = [kinds + [0] * (longest - len(kinds)) for _, kinds in rows]
    mask = [[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows]
    tensors = (torch.tensor(part) for part in (ids, kinds, mask))
    return (*tensors, torch.tensor([wanted for _, wanted in texts]))
