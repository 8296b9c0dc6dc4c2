"""Put intervals on every metric of every arm, and on the differences between arms."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.catalogue import load
from radfoundry.metrics import comparison

job = start(snakemake)
task = load("tasks", job.wildcards.task)
options = dict(job.params.task) | {"bootstrap": job.params.bootstrap}

predictions = read_all(job.input.predictions, "predictions")
predictions = comparison.with_healthy(predictions, job.params.own)
rng = np.random.default_rng(job.params.seed)
found = task.summarise(predictions, options, rng)
found = found.sort_values("test", key=lambda test: test == job.params.own, kind="stable")
tables.write(found, job.output.table, "comparison")
