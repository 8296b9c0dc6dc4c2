"""How a training runs as a job: it saves itself, goes on, shows itself, and uses all GPUs.

Asked to stop (Ctrl-C, SIGTERM, or SIGUSR1 as Slurm warns with before the time is up) it leaves a
checkpoint and fails; the same job goes on from there with the same result. After the last step it
writes all the same and keeps the checkpoint: a Snakemake that was stopped too does not take note of
what was written. With several GPUs every one has a process that reads the cases for itself; the
first one writes.
"""

import hashlib
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from multiprocessing import resource_tracker
from pathlib import Path

import pandas as pd
import torch
from _cases import read_all
from _job import steps
from _lasting import deliver, restored
from _progress import Display
from torch import distributed, multiprocessing

from radfoundry import weights
from radfoundry.training import processes, sealed
from radfoundry.training.checkpoints import Store
from radfoundry.training.loop import Callbacks, Stopped, TrainingError

Fit = Callable[[object, Callbacks], weights.Weights]

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
CHECKPOINT = {"seconds": 600, "steps": 0}  # config's `checkpoint:` says otherwise; 0 for never
SHOW_SECONDS = 30
PATIENCE = timedelta(hours=1)  # of the other processes, while the first writes or draws


def run(job, facts: Mapping, fit: Fit) -> None:
    """Fit a network on all GPUs that this job sees, and write its weights to the job's output.

    Args:
        job: What Snakemake gives a script; `fit` gets it too.
        facts: All that the weights depend on, JSON-able; a checkpoint of others is not resumed.
        fit: Reads the cases and trains; a function at the top of a module.

    Raises:
        Stopped: A signal asked for it; a checkpoint lies ready to go on from.
    """
    if restored(job, facts):
        return
    gpus = torch.cuda.device_count()
    if gpus > 1:
        together(job, facts, fit, gpus, "nccl")
    else:
        alone(job, facts, fit)


def alone(job, facts: Mapping, fit: Fit) -> None:
    """Do the same in this process, or this process's part of it."""
    asked, first = _asked(), processes.rank() == 0
    recipe, network = job.wildcards.recipe, job.wildcards.network
    store = Store(Path("checkpoints", recipe, network), facts, logging.warning if first else id)
    state = store.load()
    since = state["step"] if state else 0
    if first:
        logging.info("training %s: from step %d, checkpoints in %s", network, since, store.folder)
    often = CHECKPOINT | dict(job.config.get("checkpoint") or {})
    callbacks = Callbacks(
        progress=steps(f"training {network}") if first else None,
        checkpoint=store.save,
        every=often["steps"],
        every_seconds=often["seconds"],
        stop=asked.is_set,
        resume=state,
        show=Display(recipe, network, since) if first else None,
        show_seconds=SHOW_SECONDS,
        workers=job.threads - 1,
    )
    try:
        learned = fit(job, callbacks)
    except Stopped as stop:
        resume = f"its checkpoint is in {store.folder}; the same command goes on from there"
        raise Stopped(stop.code, f"{network}: {stop.message}; {resume}") from None
    if first:
        deliver(learned, job, facts)
        if not asked.is_set():
            store.discard()


def _asked() -> threading.Event:
    """Return an event that the signals set; those that came before are noticed now.

    Whoever presses Ctrl-C twice does not wait for the step to end, unless other processes would.
    """
    asked = threading.Event()

    def ask(number: int, _: object) -> None:
        asked.set()
        if number == signal.SIGINT and processes.size() == 1:
            signal.signal(number, signal.default_int_handler)

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as a shell sets it for what runs on
            signal.signal(number, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return asked


def together(job, facts: Mapping, fit: Fit, count: int, backend: str) -> None:
    """Do the same in so many processes, one per GPU, and wait for them.

    Raises:
        TrainingError: What the processes agree on, such as `Stopped`.
        ProcessRaisedException: Anything else that went wrong in one of them.
    """
    _log_with_others(job)
    logging.info("training on %d GPUs of this node", count)
    errors = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        resource_tracker.ensure_running()  # first, for it lifts the block of signals
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the children can receive them
        arguments = (count, backend, f"file://{folder}/meeting", job, facts, fit, errors)
        children = multiprocessing.start_processes(_child, arguments, count, join=False)
        for number in SIGNALS:
            signal.signal(number, lambda number, _: _pass_on(number, children.pids()))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            while not children.join(timeout=1, grace_period=30):
                pass
        except multiprocessing.ProcessRaisedException:
            if errors.empty():
                raise
    if not errors.empty():
        kind, code, message = errors.get()
        raise kind(code, message)


def _child(rank: int, count: int, backend: str, meeting: str, *rest) -> None:
    *work, errors = rest
    _log_with_others(work[0])
    if backend == "nccl":
        torch.cuda.set_device(rank)
    distributed.init_process_group(backend, meeting, PATIENCE, count, rank)
    try:
        alone(*work)
    except TrainingError as error:
        errors.put((type(error), error.code, error.message))
        if not isinstance(error, Stopped):  # all stop together, but one may fail alone
            raise
    distributed.destroy_process_group()


def _pass_on(number: int, children: list[int]) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, number)


def _log_with_others(job) -> None:
    """Append to the job's log, as its other processes do."""
    style = {"format": "%(asctime)s %(message)s", "datefmt": "%H:%M:%S", "force": True}
    logging.basicConfig(filename=job.log[0], filemode="a", level=logging.INFO, **style)


def networks_given(job) -> dict[str, weights.Weights]:
    """Return the networks that one is trained on top of and, under its name, what it goes on from.

    Raises:
        ValueError: One cannot be read, or the bundle to start from holds no such network.
    """
    needed = {Path(folder).name: weights.read(folder) for folder in job.input.needs}
    return needed | sealed.begun(job.input.start, job.wildcards.network)


def reports_given(job) -> pd.DataFrame:
    """Return the reports without images that a network learns from, in the column `report`."""
    return read_all(job.input.reports, "reports")


def digest(frame) -> str:
    """Return a short digest of a table's rows, whatever their order."""
    rows = frame.sort_values(list(frame.columns)).to_csv(index=False)
    return hashlib.sha256(rows.encode()).hexdigest()[:12]
