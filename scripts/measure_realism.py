"""Measure how far a recipe's kept samples are from real cases that no network has seen."""

from functools import partial

import numpy as np
from _cases import drawn_cases, joined, kept_samples, real_cases, splits_of
from _job import progress, start

from radfoundry import featurenet, judging, synthesis, tables, weights
from radfoundry.metrics import realism
from radfoundry.request import seed
from radfoundry.segmenters import threshold

job = start(snakemake)
options = realism.OPTIONS | {"draws": job.params.bootstrap, "count": job.params.compared}
(judge,) = job.input.judge  # a recipe starts from one cohort
features = featurenet.prepare(weights.read(judge))
segment = partial(synthesis.labels_of, segment=threshold.prepare({}))


def shuffled(names):
    """Return as many names as are looked at, in an order that they do not tell."""
    order = sorted(names, key=lambda name: seed(job.params.seed, "realism", name))
    return order[: max(options["most"], options["count"])]


def spoil(name):
    """Return the chance that a case is corrupted with."""
    return np.random.default_rng(seed(job.params.seed, "corrupted", name))


images, splits = joined(job.input.images, "images"), splits_of(job.input.splits)
good = images.loc[images["status"] == "ok", "case"]
train, test = (shuffled(good[good.map(splits) == split]) for split in ("train", "test"))
samples = kept_samples(job.input.samples, job.input.verdicts).set_index("sample", drop=False)
kept = samples.loc[shuffled(samples.index)]
n = min(job.params.compared, len(train), len(test), len(kept))  # on either side of a comparison
other = partial(real_cases, job.input.images, only=train[:n])

sets = {}
for name, cases, names, how in (
    ("real", real_cases(job.input.images, only=test), test, None),
    ("synthetic", drawn_cases(kept), list(kept.index), None),
    ("real_floor", other(), train[:n], None),
    ("corrupted_real", other(), train[:n], spoil),
):
    each = progress(cases, len(names), name)
    sets[name] = judging.described(each, features, segment, names[:n], how)
rng = np.random.default_rng(seed(job.params.seed, "realism", "intervals"))
tables.write(realism.compare(sets, rng, options), job.output.table, "distances")
