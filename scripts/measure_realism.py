"""Measure how far a recipe's samples are from real cases that no network has seen."""

import numpy as np
from _cases import kept_samples
from _images import drawn_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.evaluation.realism import descriptions, distances, feature_network
from radfoundry.seeds import seed

job = start(snakemake)
(network,), (real,) = job.input.feature_network, job.input.real  # a recipe has one cohort
features = feature_network.prepare(weights.read(network), device(job))
options = distances.OPTIONS | {"draws": job.params.bootstrap, "count": job.params.compared}
if job.input.verdicts:
    samples = kept_samples(job.input.samples, *job.input.verdicts)
else:  # a null arm: no expert is asked
    samples = tables.read(job.input.samples, "samples").query("status == 'ok'")
samples = samples.set_index("sample", drop=False)
most = max(options["most"], options["count"])
kept = descriptions.shuffled(samples.index, job.params.seed, most)
each = progress(drawn_cases(samples.loc[kept]), len(kept), "samples")
learned = weights.read(job.input.segmenter) if job.input.segmenter else None
lungs = descriptions.lungs_finder(**job.params.lungs, weights=learned)
drawn = descriptions.described(each, features, lungs, kept[: options["count"]])
sets = descriptions.untabled(tables.read(real, "descriptions")) | {"synthetic": drawn}
rng = np.random.default_rng(seed(job.params.seed, "realism", "intervals"))
tables.write(distances.compare(sets, rng, options), job.output.table, "distances")
