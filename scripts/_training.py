"""How a training runs as a job: it saves itself, goes on, shows itself, and uses all GPUs.

Asked to stop (Ctrl-C, SIGTERM, or SIGUSR1 as Slurm warns with before the time is up) it leaves a
checkpoint and fails; the same job goes on from there with the same result. After the last step it
writes all the same and keeps the checkpoint: a Snakemake that was stopped too does not take note of
what was written. With several GPUs every one has a process that reads the cases for itself; the
first one writes.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import torch
from _cases import read_all
from _job import steps
from _lasting import deliver, restored
from _processes import together
from _progress import Display
from _signals import asked

from radfoundry import volume, weights
from radfoundry.training import processes, sealed
from radfoundry.training.checkpoints import Store
from radfoundry.training.loop import Callbacks, Stopped

Fit = Callable[[object, Callbacks], weights.Weights]

CHECKPOINT = {"seconds": 600, "steps": 0}  # config's `checkpoint:` says otherwise; 0 for never
SHOW_SECONDS = 30


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
        together(alone, (job, facts, fit), job.log[0], gpus, "nccl")
    else:
        alone(job, facts, fit)


def alone(job, facts: Mapping, fit: Fit) -> None:
    """Do the same in this process, or this process's part of it."""
    stop, first = asked(), processes.rank() == 0
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
        stop=stop.is_set,
        resume=state,
        show=Display(recipe, network, since) if first else None,
        show_seconds=SHOW_SECONDS,
        workers=job.threads - 1,
    )
    try:
        learned = fit(job, callbacks)
    except Stopped as error:
        resume = f"its checkpoint is in {store.folder}; the same command goes on from there"
        raise Stopped(error.code, f"{network}: {error.message}; {resume}") from None
    if first:
        deliver(learned, job, facts)
        if not stop.is_set():
            store.discard()


def files_given(job) -> tuple[dict[str, str], dict[str, str]]:
    """Return digests of the networks that one is trained on top of, and of what it starts from."""
    needs = {Path(f).name: volume.sha256(Path(f) / weights.TENSORS) for f in job.input.needs}
    return needs, {Path(f).name: volume.sha256(f) for f in job.input.start}


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
