"""Measure how far a recipe's kept samples are from real cases that no network has seen."""

import numpy as np
from _cases import drawn_cases, kept_samples
from _job import progress, start

from radfoundry import featurenet, judging, tables, weights
from radfoundry.metrics import realism
from radfoundry.request import seed

job = start(snakemake)
(judge,), (real,) = job.input.judge, job.input.real  # a recipe starts from one cohort
features = featurenet.prepare(weights.read(judge))
options = realism.OPTIONS | {"draws": job.params.bootstrap, "count": job.params.compared}
samples = kept_samples(job.input.samples, job.input.verdicts).set_index("sample", drop=False)
most = max(options["most"], options["count"])
kept = judging.shuffled(samples.index, job.params.seed, most)
each = progress(drawn_cases(samples.loc[kept]), len(kept), "samples")
drawn = judging.described(each, features, judging.lungs_finder(), kept[: options["count"]])
sets = judging.untabled(tables.read(real, "descriptions")) | {"synthetic": drawn}
rng = np.random.default_rng(seed(job.params.seed, "realism", "intervals"))
tables.write(realism.compare(sets, rng, options), job.output.table, "distances")
