"""Measure what the text encoder learns from few reports, with and without its mimetic start.

python benchmarks/text_encoder.py
"""

import time
from unittest import mock

import numpy as np
import torch

from radfoundry.phantoms._bodies import findings
from radfoundry.text import composer
from radfoundry.text.encoder import model, pretraining

COUNT, HELD_OUT = 300, 60  # composed reports to learn from, and to be asked of
SIZE = "phantom"


def reports(count: int, seed: int) -> list[str]:
    """Return reports of phantoms as they are composed, each with random findings."""
    rng = np.random.default_rng(seed)
    chance = dict.fromkeys(findings.NAMES, 0.3)
    return [composer.compose(findings.choose(rng, chance, "CT"), rng) for _ in range(count)]


def row(start: str) -> str:
    """Return a line of the table: shares of words and pairs guessed, and CPU seconds."""
    began = time.process_time()
    generator = torch.Generator().manual_seed(0)
    settings = pretraining.SETTINGS[SIZE]
    trained = pretraining.fit(reports(COUNT, 0), SIZE, settings, generator)
    scores = pretraining.accuracy(trained, reports(HELD_OUT, 1), generator)
    spent = time.process_time() - began
    return f"| {start} | {scores['words']:.2f} | {scores['paired']:.2f} | {spent:.0f} |"


if __name__ == "__main__":
    lines = ["| start | hidden words right | pairs right | CPU s |", "|---|---|---|---|"]
    lines.append(row("looks nearby"))
    with mock.patch.object(model, "look_nearby"):
        lines.append(row("as BERT"))
    print("\n".join(lines))  # noqa: T201
