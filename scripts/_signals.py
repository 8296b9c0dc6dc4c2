"""What a job does when it is asked to stop: Ctrl-C, SIGTERM, or Slurm's warning, SIGUSR1."""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Mapping

from radfoundry.training import processes

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
ENDING = (signal.SIGINT, signal.SIGTERM)  # what a job without checkpoints answers


def answered(numbers: Iterable[int], handler: Callable[[int, object], None]) -> None:
    """Let a function answer signals, but those that a shell has turned off for what runs on."""
    for number in numbers:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def asked() -> threading.Event:
    """Return an event that the signals set; those that came before are noticed now.

    Whoever presses Ctrl-C twice does not wait for the step to end, unless other processes would.
    """
    event = threading.Event()

    def ask(number: int, _: object) -> None:
        event.set()
        if number == signal.SIGINT and processes.size() == 1:
            signal.signal(number, signal.default_int_handler)

    answered(SIGNALS, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return event


class Unbroken:
    """A hook for the training loop that puts off signals from a last step to the next first one.

    Attributes:
        asked: Whether a signal was put off.
    """

    def __init__(self, report: Callable[[int, int, Mapping[str, float]], None]) -> None:
        """Take over the signals; `report` is called as before."""
        self.report, self.over, self.asked = report, False, False
        answered(ENDING, self._ask)

    def __call__(self, done: int, total: int, terms: Mapping[str, float]) -> None:
        """Pass on a step; the first of another model raises what was put off."""
        self.report(done, total, terms)
        self.over = done == total
        if self.asked and not self.over:
            raise KeyboardInterrupt

    def _ask(self, number: int, _: object) -> None:
        if not self.over:
            raise KeyboardInterrupt
        self.asked = True
        signal.signal(number, signal.default_int_handler)
        logging.info("asked to stop after the last step: what was learned is written first")
