"""Describe a batch's real images: those of the test split, others, and these spoiled."""

import numpy as np
from _cases import read_all
from _cohort import Cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.evaluation.realism import descriptions, distances, feature_network
from radfoundry.seeds import seed

job = start(snakemake)
features = feature_network.prepare(weights.read(job.input.feature_network), device(job))
compared = job.params.compared
splits = read_all([job.input.splits], "splits")  # of the whole cohort: some of all are described
train, test = (
    descriptions.shuffled(splits.loc[splits["split"] == split, "case"], job.params.seed, most)
    for split, most in (("train", compared), ("test", max(distances.OPTIONS["most"], compared)))
)


def spoil(name):
    """Return the chance that a case is corrupted with."""
    return np.random.default_rng(seed(job.params.seed, "corrupted", name))


learned = weights.read(job.input.segmenter) if job.input.segmenter else None
sets, lungs = {}, descriptions.lungs_finder(**job.params.lungs, weights=learned)
for name, names, how in zip(
    descriptions.REAL_SETS, (test, train, train), (None, None, spoil), strict=True
):
    own = Cases([job.input.images], only=names)
    cases = progress(own, len(own), name)
    sets[name] = descriptions.described(cases, features, lungs, names[:compared], how)
tables.write(descriptions.tabled(sets), job.output.table, "descriptions")
