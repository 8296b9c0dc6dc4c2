"""Put intervals on every metric of every arm, and on the differences between arms."""

import numpy as np
import pandas as pd
from _job import start

from radfoundry import tables
from radfoundry.catalogue import load

job = start(snakemake)
task = load("tasks", job.wildcards.task)
options = dict(job.params.task) | {"bootstrap": job.params.bootstrap}

predictions = pd.concat([tables.read(path, "predictions") for path in job.input.predictions])
rng = np.random.default_rng(job.params.seed)
found = task.summarise(predictions, options, rng)
tables.write(found, job.output.table, "comparison")
