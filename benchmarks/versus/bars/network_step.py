"""A training step and a draw's call of our network and of MONAI's, on the same batches.

Networks, batches and loss are those of `benchmarks/step.py`, which also trains both to one loss.
"""

import argparse
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import harness

TITLE = "a training step at equal grid, channels, batch and loss"
PEER = "MONAI's DiffusionModelUNet with its own defaults"
PAIRS = 1
CLAIMS = (
    harness.ratio("CPU of a step of MONAI's over ours", "step_cpu_s", 3),
    harness.ratio("CPU of a call while drawing, MONAI's over ours", "call_cpu_s", None),
)
NAMES = {"ours": "ours", "MONAI": "MONAI's"}
LARGE = {"cases": 48, "steps": 40, "text_steps": 20}
SMALL = {"cases": 8, "steps": 3, "text_steps": 2}


def prepare(folder: Path, small: bool) -> None:
    """Say how much is learned."""
    (folder / "size.json").write_text(json.dumps(SMALL if small else LARGE))


def side(name: str, folder: Path) -> Mapping[str, float]:
    """Train for some steps and draw with so many calls; write the held-out loss."""
    import statistics

    import step
    import torch

    from radfoundry.training.loop import TrainingState

    torch.set_num_threads(1)
    size = json.loads((folder / "size.json").read_text())
    given = {"device": "cpu", "turns": size["steps"], "cases": size["cases"]}
    both = step.compared(argparse.Namespace(**given, text_steps=size["text_steps"]))
    network = both.networks()[NAMES[name]]
    state = TrainingState(network, both.settings(compile=False), torch.Generator().manual_seed(1))
    advance = partial(state.advance, both.draw, both.task.loss)
    steps = step.in_turn(both, {name: advance})[name]
    calls = step.in_turn(both, step.calls(both, {name: state}, both.card["precision"]))[name]
    (folder / f"{name}.json").write_text(json.dumps(both.loss(state.network)))
    return {"step_cpu_s": statistics.median(steps), "call_cpu_s": statistics.median(calls)}


SIDES = {name: partial(side, name) for name in NAMES}


def equal(folder: Path) -> str:
    """Ask that our network learned no less from as many steps on the same batches.

    Raises:
        UnequalError: Its held-out loss is higher.
    """
    own, other = (json.loads((folder / f"{name}.json").read_text()) for name in NAMES)
    if not own <= other:
        raise harness.UnequalError(f"held-out loss {own:.4f} of ours, {other:.4f} of MONAI's")
    steps = json.loads((folder / "size.json").read_text())["steps"] + 1
    return f"held-out loss after {steps} equal steps: ours {own:.4f}, MONAI's {other:.4f}"
