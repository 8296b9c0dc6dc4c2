"""Batches drawn ahead by worker processes, the same ones whatever their number.

What a batch holds is a function of the training's seed, the step and its place in the step. So
workers may draw it before its turn, and a training that is resumed goes on with the batches that it
would have had.
"""

import signal
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from radfoundry.seeds import seed
from radfoundry.training import processes
from radfoundry.training.settings import Draw, Settings

AHEAD = 4  # batches that each worker has ready
At = tuple[int, int]  # a batch's step and its place in it


class Feed:
    """Draws the batches of a training in order; a `Draw` that leaves the generator alone."""

    def __init__(
        self,
        draw: Draw,
        settings: Settings,
        base_seed: int,
        resume: Mapping | None = None,
        workers: int = 0,
    ) -> None:
        """Start at the first step, or where a training is resumed.

        Args:
            draw: Makes a batch from a generator of its own; with workers it must be picklable, and
                it sees no GPU.
            settings: Steps, and batches of each.
            base_seed: Of the training: all batches follow from it.
            resume: The state that the training goes on from.
            workers: Processes that draw ahead, shared by all GPUs' processes; 0 draws here.
        """
        batches = _Batches(draw, base_seed)
        order = _Order(settings, resume)
        workers = -(-workers // processes.size()) if workers else 0
        if not workers:
            self._next: Iterator = (batches[at] for at in order)
            return
        self._next = iter(
            DataLoader(
                batches,
                batch_size=None,
                sampler=order,
                num_workers=workers,
                collate_fn=_as_it_is,
                prefetch_factor=AHEAD,
                worker_init_fn=_undisturbed,
                multiprocessing_context="spawn",  # a forked process cannot use locks that were held
                generator=torch.Generator(),
            )
        )

    def __call__(self, generator: torch.Generator | None = None) -> Any:
        """Return the next batch."""
        return next(self._next)

    def close(self) -> None:
        """Let the workers go."""
        del self._next


class _Batches(Dataset):
    """Batches by step and place."""

    def __init__(self, draw: Draw, base_seed: int) -> None:
        self.draw, self.base_seed = draw, base_seed

    def __getitem__(self, at: At) -> Any:
        own = seed(self.base_seed, "batch", f"{at[0]}/{at[1]}")
        with torch.autocast("cpu", enabled=False):  # as in a worker, where the loop's is not on
            return self.draw(torch.Generator().manual_seed(own))


class _Order(Sampler):
    """The batches of this process, in the order of the loop."""

    def __init__(self, settings: Settings, resume: Mapping | None) -> None:
        self.first, self.last = (resume["step"] if resume else 0), settings.steps
        shared = settings.accumulate * processes.size()
        # As many as when it began, whatever the number of processes: see `loop.TrainingState.load`.
        here = (len(resume["generators"]) if resume else shared) // processes.size()
        self.places = range(processes.rank() * here, (processes.rank() + 1) * here)

    def __len__(self) -> int:
        return (self.last - self.first) * len(self.places)

    def __iter__(self) -> Iterator[At]:
        steps = range(self.first, self.last)
        return ((step, place) for step in steps for place in self.places)


def _as_it_is(batch: Any) -> Any:
    return batch


def _undisturbed(_: int) -> None:
    """Leave signals to the process that trains: it stops the workers once it has saved itself."""
    torch.set_num_threads(1)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
