"""Train one network of a generator on the train split."""

import numpy as np
import pandas as pd
from _cases import real_cases
from _job import device, start

from radfoundry import tables, weights
from radfoundry.catalogue import load
from radfoundry.request import seed

job = start(snakemake)
generator = load("generators", job.params.generator)

splits = pd.concat([tables.read(path, "splits") for path in job.input.splits])
train = splits.loc[splits["split"] == "train", "case"]
cases = list(real_cases(job.input.images, job.input.labels, only=train))
rng = np.random.default_rng(seed(job.params.seed, "train", job.wildcards.network))
learned = generator.fit(job.wildcards.network, cases, job.params.options, rng, device(job))
weights.write(learned, job.output.network)
