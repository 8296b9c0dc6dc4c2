"""Put intervals on every metric of every arm, and on the differences between arms."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.config.catalogue import load

job = start(snakemake)
task, own = load("tasks", job.wildcards.task), job.params.own
options = dict(job.params.task) | {"bootstrap": job.params.bootstrap}

predictions = read_all(job.input.predictions, "predictions")
found = task.summarise(predictions, options, own, np.random.default_rng(job.params.seed))
found = found.sort_values("test", key=lambda test: test != own, kind="stable")
tables.write(found, job.output.table, "comparison")
