"""When, and with what, a training calls its callbacks."""

import time
import warnings
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import nn

from radfoundry.training import processes
from radfoundry.training.settings import Callbacks, Settings, Stopped

PATIENCE = 20  # by the clock, things are so many times as far apart as the last one took


class Progress(Protocol):
    """What callbacks are given of a training.

    Attributes:
        settings: How many steps there are.
        step: Steps done.
        history: Terms of the loss, by name, at every step done.
        device: Where it runs.
    """

    settings: Settings
    step: int
    history: dict[str, list[float]]
    device: torch.device

    def chosen(self) -> nn.Module:
        """Return the network whose weights would be kept now."""

    def state(self) -> dict:
        """Return everything that is needed to go on; every process must ask."""


class Interval:
    """When something is to be done again: by steps, by the clock, or both."""

    def __init__(self, steps: int, seconds: float) -> None:
        self.steps, self.seconds, self.last, self.cost = steps, seconds, time.monotonic(), 0.0

    def at(self, step: int) -> bool:
        """Say whether it is to be done after a step."""
        waited = time.monotonic() - self.last
        late = self.seconds > 0 and waited >= max(self.seconds, PATIENCE * self.cost)
        return late or (self.steps > 0 and step % self.steps == 0)

    def done(self, begun: float) -> None:
        """Note that it was done, and how long it took since `begun` (`time.monotonic`)."""
        self.last = time.monotonic()
        self.cost = self.last - begun


class CallbackRunner:
    """Calls what is due; where processes train together, the first one's clock says when."""

    def __init__(self, training: Progress, callbacks: Callbacks) -> None:
        self.training, self.callbacks = training, callbacks
        self.saves = Interval(callbacks.every, callbacks.every_seconds)
        self.shows = Interval(callbacks.show_every, callbacks.show_seconds)

    def report(self, terms: Mapping[str, float]) -> None:
        """Call what is due after a step; raise `Stopped` when any process was asked to stop."""
        training, callbacks, first = self.training, self.callbacks, processes.rank() == 0
        if callbacks.progress is not None and first:
            callbacks.progress(training.step, training.settings.steps, terms)
        asked = callbacks.stop is not None and callbacks.stop()
        due = first and self.saves.at(training.step)
        stopping, saving = processes.any_of([asked, due], training.device)
        if stopping or saving:
            self._save()
        if callbacks.show is not None and first:
            self._show(stopping)
        if stopping:
            processes.wait()  # nobody leaves while the first still writes
            raise Stopped("train.stopped", f"asked to stop after step {training.step}")

    def _save(self) -> None:
        if self.callbacks.checkpoint is None:
            return
        begun = time.monotonic()
        state = self.training.state()
        if processes.rank() == 0:
            self.callbacks.checkpoint(state)
        self.saves.done(begun)

    def _show(self, stopping: bool) -> None:
        training, show = self.training, self.callbacks.show
        over = training.step == training.settings.steps
        if show is None or not (stopping or over or self.shows.at(training.step)):
            return
        begun = time.monotonic()
        picture = None if stopping else self._preview()
        show(training.step, picture, training.history)
        self.shows.done(begun)

    @torch.no_grad()
    def _preview(self) -> np.ndarray | None:
        if self.callbacks.preview is None:
            return None
        try:
            return self.callbacks.preview(self.training.chosen().eval())
        except Exception as error:  # a picture to look at is no reason to lose days of training
            message = f"no preview after step {self.training.step}: {type(error).__name__}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
            return None
