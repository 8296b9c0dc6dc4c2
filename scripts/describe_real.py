"""Describe real volumes: those of the test split, others, and these spoiled."""

import numpy as np
from _cases import joined, real_cases, splits_of
from _job import progress, start

from radfoundry import tables, weights
from radfoundry.evaluation.realism import descriptions, distances, feature_network
from radfoundry.seeds import seed

job = start(snakemake)
features = feature_network.prepare(weights.read(job.input.feature_network))
compared = job.params.compared
images, splits = joined(job.input.images, "images"), splits_of([job.input.splits])
good = images.loc[images["status"] == "ok", "case"]
train, test = (
    descriptions.shuffled(good[good.map(splits) == split], job.params.seed, most)
    for split, most in (("train", compared), ("test", max(distances.OPTIONS["most"], compared)))
)


def spoil(name):
    """Return the chance that a case is corrupted with."""
    return np.random.default_rng(seed(job.params.seed, "corrupted", name))


sets, lungs = {}, descriptions.lungs_finder(**job.params.lungs)
for name, names, how in zip(
    descriptions.REAL_SETS, (test, train, train), (None, None, spoil), strict=True
):
    cases = progress(real_cases(job.input.images, only=names), len(names), name)
    sets[name] = descriptions.described(cases, features, lungs, names[:compared], how)
tables.write(descriptions.tabled(sets), job.output.table, "descriptions")
