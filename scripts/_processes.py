"""How the processes of one training are started, one per GPU, and waited for."""

import logging
import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing import resource_tracker

import torch
from _signals import SIGNALS
from torch import distributed, multiprocessing

from radfoundry.training.loop import Stopped, TrainingError

PATIENCE = timedelta(hours=1)  # of the other processes, while the first writes or draws


def together(work: Callable, arguments: tuple, log: str, count: int, backend: str) -> None:
    """Do the same in so many processes, one per GPU, and wait for them.

    Args:
        work: A function at the top of a module.
        arguments: What it is called with.
        log: The job's log, to which all append.
        count: Of processes.
        backend: As PyTorch names it.

    Raises:
        TrainingError: What the processes agree on, such as `Stopped`.
        ProcessRaisedException: Anything else that went wrong in one of them.
    """
    _log_with_others(log)
    logging.info("training on %d GPUs of this node", count)
    errors = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        resource_tracker.ensure_running()  # first, for it lifts the block of signals
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the children can receive them
        told = (count, backend, f"file://{folder}/meeting", log, errors, work, *arguments)
        children = multiprocessing.start_processes(_child, told, count, join=False)
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


def _child(rank: int, count: int, backend: str, meeting: str, log: str, errors, *rest) -> None:
    work, *arguments = rest
    _log_with_others(log)
    if backend == "nccl":
        torch.cuda.set_device(rank)
    distributed.init_process_group(backend, meeting, PATIENCE, count, rank)
    try:
        work(*arguments)
    except TrainingError as error:
        errors.put((type(error), error.code, error.message))
        if not isinstance(error, Stopped):  # all stop together, but one may fail alone
            raise
    distributed.destroy_process_group()


def _pass_on(number: int, children: list[int]) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, number)


def _log_with_others(log: str) -> None:
    """Append to the job's log, as its other processes do."""
    style = {"format": "%(asctime)s %(message)s", "datefmt": "%H:%M:%S", "force": True}
    logging.basicConfig(filename=log, filemode="a", level=logging.INFO, **style)
