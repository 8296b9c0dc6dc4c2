"""How a downstream model's job keeps what it has worked out until Snakemake has taken note of it.

Tasks train small models, one after the other, and have no checkpoints: a job that is stopped begins
anew. But once a model has reached its last step, Ctrl-C or SIGTERM waits for its predictions (a
second Ctrl-C does not). These lie under `checkpoints/` until the output is in place and nobody has
asked to stop, for a Snakemake that was stopped too makes the output again.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from _signals import Unbroken

from radfoundry import tables, volume
from radfoundry.training.checkpoints import key

KIND = "predictions"


def facts(job) -> dict:
    """Return all that predictions depend on: the parameters, and digests of the tables read."""
    chosen = {"own": job.params.own, "unseen": list(job.params.unseen), "code": job.params.code}
    inputs = {path: volume.sha256(path) for path in map(str, job.input)}
    return chosen | {"task": dict(job.params.task), "inputs": inputs}


def delivered(job, predict: Callable[[Unbroken], pd.DataFrame], progress: Unbroken) -> None:
    """Write the job's predictions: those that are kept from before, or else new ones.

    Args:
        job: What Snakemake gives a script.
        predict: Trains and returns a table of predictions; `progress` must be called.
        progress: What trainings report to.
    """
    recipe, *names = (getattr(job.wildcards, name) for name in ("recipe", "task", "arm", "seed"))
    kept = Path("checkpoints", recipe, ".".join([*names, key(facts(job)), "tsv"]))
    if kept.exists():
        logging.info("predictions lie in %s from a run that was stopped: nothing is trained", kept)
    else:
        tables.write(predict(progress), kept, KIND)
    volume.write_bytes(kept.read_bytes(), job.output.predictions)
    if not progress.asked:
        kept.unlink()
