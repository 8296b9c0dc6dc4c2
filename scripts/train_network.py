"""Train one network of a generator on the train split."""

import numpy as np
from _cases import read_all, real_cases
from _job import device, start, steps

from radfoundry import weights
from radfoundry.catalogue import load
from radfoundry.request import seed

job = start(snakemake)
generator = load("generators", job.params.generator)

splits = read_all(job.input.splits, "splits")
train = splits.loc[splits["split"] == "train", "case"]
cases = list(real_cases(job.input.images, job.input.labels, only=train))
rng = np.random.default_rng(seed(job.params.seed, "train", job.wildcards.network))
options = dict(job.params.options) | {"size": job.params.size}
hook = steps(f"training {job.wildcards.network}")
learned = generator.fit(job.wildcards.network, cases, options, rng, device(job), hook)
weights.write(learned, job.output.network)
