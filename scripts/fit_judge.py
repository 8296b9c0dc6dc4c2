"""Train the network whose features judge realism, on the split that no generator sees."""

import numpy as np
from _cases import read_all, real_cases
from _job import device, start, steps

from radfoundry import featurenet, weights
from radfoundry.request import seed
from radfoundry.training import Hooks

job = start(snakemake)

splits = read_all([job.input.splits], "splits")
tune = splits.loc[splits["split"] == "tune", "case"]
cases = real_cases(job.input.images, only=tune)
rng = np.random.default_rng(seed(job.params.seed, "judge", "fit"))
hooks = Hooks(progress=steps("training the judge"))
learned = featurenet.fit(cases, dict(job.params.options), rng, device(job), hooks)
weights.write(learned, job.output.network)
