"""What a step costs, and what it buys: our low-resolution network against MONAI's.

    python benchmarks/step.py [cpu | cuda] [--steps 300] [--seconds 240] [--compile true]

Both networks take the same phantoms, grid, channels, reports and batches through the same loss and
the same loop. MONAI's `DiffusionModelUNet` has its own defaults. First, steps and a draw's calls
are timed in turn, A B A B. Then ours is trained for some steps, and MONAI's until it reaches the
held-out loss that ours has, or the seconds are over. Seconds are CPU seconds of this process on a
CPU, so that an occupied machine can be measured on, and of the clock on a GPU.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor, nn

from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.generators.medsyn import batches, options, training
from radfoundry.networks.costs import parameters
from radfoundry.training.acceleration import mixed
from radfoundry.training.loop import Callbacks, Settings, Stopped, Trained, TrainingState, train

SIDE, HELD_OUT = 64, 24
LOSSES = 8  # batches that a held-out loss is the mean of
LOOKS = 6  # held-out losses along our training
WANTED = 3.0  # times less for the same held-out loss: what is claimed


class Monai(nn.Module):
    """MONAI's network, called as ours are; it estimates the clean pictures too."""

    def __init__(self, channels: int, concat: int, text_width: int) -> None:
        super().__init__()
        self.concat, self.text_width = concat, text_width
        self.network = DiffusionModelUNet(
            spatial_dims=3,
            in_channels=channels + concat,
            out_channels=channels,
            with_conditioning=text_width > 0,
            cross_attention_dim=text_width or None,
        )

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Return the estimate; tokens that are not read are 0."""
        if concat is None:
            concat = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
        if text is not None and text_mask is not None:
            text = text * text_mask[..., None]
        elif text is None and self.text_width:
            text = noisy.new_zeros(len(noisy), 1, self.text_width)
        return self.network(torch.cat([noisy, concat], 1), 1000 * times, context=text)


@dataclass(frozen=True)
class Comparison:
    """What both networks are given.

    Attributes:
        task: Batches and loss, of phantoms to learn from.
        held_out: The same of other phantoms.
        card: Options of our network, with what it is wired to.
        device: Where to run.
        turns: Times that either network has its turn.
    """

    task: batches.LowResolutionTask
    held_out: batches.LowResolutionTask
    card: dict[str, Any]
    device: torch.device
    turns: int

    def settings(self, **changed: Any) -> Settings:
        """Return those of our network's training, with values changed."""
        return replace(training.settings(self.card), **changed)

    def networks(self) -> dict[str, nn.Module]:
        """Return both, untrained but for what ours measures; ours is what its recipe trains."""
        handed: list[nn.Module] = []

        def instead(network: nn.Module, *_: Any) -> Trained:
            handed.append(network)
            return Trained(network.state_dict(), {})

        loop, training.train = training.train, instead  # type: ignore[assignment]
        generator = torch.Generator().manual_seed(0)
        training.denoiser(self.task, self.card, generator, self.device, Callbacks())
        training.train = loop
        wired = training.wiring(self.card)
        torch.manual_seed(0)
        monai = Monai(*(wired[key] for key in ("channels", "concat", "text_width")))
        return {"ours": handed[0], "MONAI's": monai.to(self.device)}

    def draw(self, generator: torch.Generator) -> Any:
        """Return a batch to learn from, drawn outside of mixed precision as by a training."""
        with torch.autocast(self.device.type, enabled=False):
            return self.task.draw(generator)

    @torch.no_grad()
    def loss(self, network: nn.Module) -> float:
        """Return the held-out loss: the same batches, times and noise for everyone."""
        network, found = network.eval(), []
        for number in range(LOSSES):
            own = torch.Generator().manual_seed(number)
            clean, condition = self.held_out.draw(own)
            condition.pop("fold", None)  # all that was learned from, as in drawing
            with mixed(self.device, self.card["precision"]):
                terms = self.held_out.loss(network, (clean, condition), own)
            found.append(sum(float(term) for term in terms.values()))
        return statistics.mean(found)

    def clock(self) -> float:
        """Return seconds: of the CPU, or of the clock once the GPU is done."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.monotonic()


def say(line: str) -> None:
    """Write one line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def phantoms(count: int) -> list[Case]:
    """Return phantoms of chest CT as int16 HU with their reports."""
    chest = load("phantoms", "chest_ct")
    asked = {**chest.OPTIONS, "patients": count, "exams": [1, 1], "size": SIDE}
    found = []
    for row in chest.plan(asked, np.random.default_rng(5)).to_dict("records"):
        case = chest.draw(json.loads(row["parameters"]))
        image = case.image.holding(np.rint(case.image.voxels).astype(np.int16))
        facts = {**case.facts, "report": row["report"]}
        found.append(replace(case, image=image, facts=facts))
    return found


def compared(given: argparse.Namespace) -> Comparison:
    """Return the phantoms and the options of our low-resolution network."""
    device, count = torch.device(given.device), given.cases
    chosen, cases = options.chosen({"size": "phantom"}), phantoms(count + HELD_OUT)
    reports = [case.facts["report"] for case in cases[:count]]
    own, generator = {**chosen["text"], "steps": given.text_steps}, torch.Generator().manual_seed(0)
    words = training.text(reports, None, own, generator, device, Callbacks())
    card = {**chosen["low_resolution"], "network": "low_resolution"}
    card["text_width"] = int(words.card["size"]["width"])
    card["read"] = len(words.card.get("reader", {}).get("bias", ()))
    made = (cases[:count], cases[count:])
    learned, held_out = (batches.LowResolutionTask(c, card, words, device) for c in made)
    return Comparison(learned, held_out, card, device, given.turns)


def in_turn(both: Comparison, runs: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Return seconds of each run, A B A B; the first turn is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(both.turns + 1):
        for name, run in runs.items():
            begun = both.clock()
            run()
            if turn:
                seconds[name].append(both.clock() - begun)
    return seconds


def measure_steps(both: Comparison, precision: str, compiled: bool) -> None:
    """Print rows of a training step and of a draw's call, for both networks."""
    how = both.settings(precision=precision, compile=compiled)
    states = {n: TrainingState(m, how, torch.Generator()) for n, m in both.networks().items()}
    steps = {
        name: lambda state=state: state.advance(both.draw, both.task.loss)
        for name, state in states.items()
    }
    rows = {"step": in_turn(both, steps), "call": in_turn(both, calls(both, states, precision))}
    label = f"{precision}, compiled" if compiled else precision
    for what, seconds in rows.items():
        halves = {name: statistics.median(times) for name, times in seconds.items()}
        for name, times in seconds.items():
            count = parameters(states[name].network) / 1e6
            told = " | ".join(f"{1e3 * f(times):.0f}" for f in (statistics.median, min, max))
            ratio = halves["MONAI's"] / halves[name]
            say(
                f"| {what} | {label} | {name} | {count:.2f} | {len(times)} | {told} | {ratio:.2f} |"
            )
    if both.device.type == "cuda":
        measure_memory(both, steps)


def calls(
    both: Comparison, states: dict[str, TrainingState], precision: str
) -> dict[str, Callable[[], Any]]:
    """Return what is called at each step of a draw: one picture, its report, no channel given."""
    clean, condition = (part for part in both.task.draw(torch.Generator()))
    condition = {k: v[:1].to(both.device) for k, v in condition.items() if k != "fold"}
    clean, times = clean[:1].to(both.device), torch.full((1,), 0.5, device=both.device)
    seen = condition | {"concat": torch.cat([0 * clean, 0 * clean], 1)}

    def call(network: nn.Module) -> Tensor:
        with torch.no_grad():
            return batches.halved(network.eval(), {"precision": precision})(clean, times, **seen)

    return {name: lambda s=state: call(s.network) for name, state in states.items()}


def measure_memory(both: Comparison, steps: dict[str, Callable[[], Any]]) -> None:
    """Print the most that the GPU held in a step of each network, weights of both included."""
    for name, step in steps.items():
        torch.cuda.reset_peak_memory_stats()
        step()
        say(f"peak memory of a step of {name}: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


def course(
    both: Comparison, name: str, network: nn.Module, how: Settings, looks: int, enough: Callable
) -> tuple[float, float]:
    """Train a network, with a row at each look; return the last seconds and held-out loss.

    Seconds are those of steps: looking at the held-out loss, of averaged weights, costs nothing.
    `enough` is asked with them and the loss whether to stop.
    """
    found: list[tuple[float, float]] = []
    spent, done, begun = 0.0, 0, both.clock()

    def count(step: int, *_: Any) -> None:
        nonlocal spent, done, begun
        spent, done = spent + both.clock() - begun, step
        begun = both.clock()

    def look(averaged: nn.Module) -> np.ndarray:
        nonlocal begun
        found.append((spent, both.loss(averaged)))
        say(f"| {name} | {done} | {spent:.1f} | {found[-1][1]:.4f} |")
        begun = both.clock()
        return np.zeros((1, 1))

    stop = lambda: bool(found) and enough(*found[-1])  # noqa: E731
    shown = Callbacks(count, stop=stop, preview=look, show=lambda *_: None, show_every=looks)
    with suppress(Stopped):
        train(network, both.draw, both.task.loss, how, torch.Generator().manual_seed(1), shown)
    return found[-1]


def measure_learning(both: Comparison, steps: int, limit: float, rate: float) -> None:
    """Print held-out losses of both along their trainings, and the ratio that is claimed."""
    networks = both.networks()
    how = both.settings(steps=steps, ema=min(both.card["ema"], 1 - 10 / steps))
    every = max(1, steps // LOOKS)
    cost, aim = course(both, "ours", networks["ours"], how, every, lambda *_: False)
    plain = replace(how, steps=10**6, schedule="constant", learning_rate=rate)
    enough = lambda spent, loss: loss <= aim or spent >= limit  # noqa: E731
    spent, loss = course(both, "MONAI's", networks["MONAI's"], plain, every, enough)
    times, met = spent / cost, loss <= aim
    need = f"{times:.2f}" if met else f"more than {times:.2f} (it stands at {loss:.4f})"
    verdict = "met" if times >= WANTED else ("missed" if met else "not decided: raise --seconds")
    say(f"held-out loss {aim:.4f} costs MONAI's {need} times ours; wanted {WANTED}: {verdict}")


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("device", nargs="?", default="cpu")
    parser.add_argument("--cases", type=int, default=96, help="phantoms to learn from")
    parser.add_argument("--turns", type=int, default=15, help="timed steps and calls of each")
    parser.add_argument("--precision", nargs="*", help="default: our network's own and float32")
    parser.add_argument("--compile", nargs="*", default=["false"], help="true, false or both")
    parser.add_argument("--steps", type=int, default=300, help="of our training; 0: none")
    parser.add_argument("--seconds", type=float, default=240, help="that MONAI's may train")
    parser.add_argument("--rate", type=float, default=1e-3, help="of MONAI's learning, constant")
    parser.add_argument("--text-steps", type=int, default=60, help="of the text encoder")
    return parser.parse_args()


def main() -> None:
    """Print the tables."""
    given = asked()
    both = compared(given)
    grid = "x".join(map(str, both.task.pictures.shape[2:]))
    size = f"grid {grid}, {both.card['channels']} channels, batch {both.card['batch']}"
    say(f"{size}, {given.cases} phantoms, {torch.get_num_threads()} threads, {given.device}\n")
    say("| what | precision | network | million parameters | n | median ms | min | max | ratio |")
    say("|---|---|---|---|---|---|---|---|---|")
    precisions = given.precision or list(dict.fromkeys((both.card["precision"], "float32")))
    for precision, compiled in product(precisions, given.compile):
        measure_steps(both, precision, compiled == "true")
    if given.steps:
        say("\n| network | steps | seconds | held-out loss |\n|---|---|---|---|")
        measure_learning(both, given.steps, given.seconds, given.rate)


if __name__ == "__main__":
    main()
