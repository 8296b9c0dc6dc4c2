"""What every script does first: log, device, progress."""

import atexit
import logging
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from tqdm import tqdm

EVERY_S = 30  # a line this often in the log of a long step


def start(snakemake):
    """Send the job's log and its uncaught errors to the rule's log file; return the job.

    The last line of the log says what the job has spent.
    """
    logging.basicConfig(
        filename=snakemake.log[0],
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    sys.excepthook = _report
    atexit.register(_spent, _used())
    return snakemake


def _spent(before: float) -> None:
    """Log what the job took: Snakemake looks every 30 s only. `report.costs` reads the line.

    Args:
        before: CPU seconds of its start and its imports.
    """
    logging.info("spent: %.2f CPU s, %.2f of them before it began", _used(), before)


def _used() -> float:
    """Return CPU seconds of this process and of those that it waited for."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def _report(kind, error, trace):
    """Log the whole story, and put the message alone where a person sees it."""
    logging.critical("job failed", exc_info=(kind, error, trace))
    sys.stderr.write(f"{kind.__name__}: {error}\n")


def progress(items: Iterable, total: int, what: str) -> Iterator:
    """Pass items on; show a bar on a terminal and write a line every 30 s into the log."""
    begun = logged = time.monotonic()
    logging.info("%s: %d to do", what, total)
    bar = tqdm(items, total=total, desc=what, leave=False, disable=not sys.stderr.isatty())
    for done, item in enumerate(bar, 1):
        yield item
        if time.monotonic() - logged > EVERY_S:
            logged = time.monotonic()
            logging.info("%s: %d of %d after %.0f s", what, done, total, logged - begun)
    logging.info("%s: done in %.0f s", what, time.monotonic() - begun)


def steps(what: str) -> Callable[[int, int, Mapping[str, float]], None]:
    """Return a hook for the training loop that shows its steps and its loss as `progress` does."""
    begun, logged = time.monotonic(), [time.monotonic()]
    bar = tqdm(desc=what, leave=False, disable=not sys.stderr.isatty())

    def report(done: int, total: int, terms: Mapping[str, float]) -> None:
        bar.total = total
        bar.update()
        if done in (1, total) or time.monotonic() - logged[0] > EVERY_S:
            logged[0] = time.monotonic()
            loss = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
            logging.info(
                "%s: %d of %d after %.0f s; %s", what, done, total, logged[0] - begun, loss
            )

    return report


def device(job) -> str:
    """Return "cuda" or "cpu" for a job that asks for a GPU; no silent CPU.

    Raises:
        RuntimeError: When no GPU is there and the config does not say `allow_cpu: true`.
    """
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if job.config.get("allow_cpu"):
        logging.info("no GPU here: running on the CPU, as allow_cpu says")
        return "cpu"
    raise RuntimeError(
        f"gpu.missing: {job.rule} asks for a GPU and none is visible to this job; "
        "run it where there is one, or set allow_cpu: true in config.yaml"
    )
