"""Make held-out cases small and enlarge them, by the network and by interpolation."""

from functools import partial
from pathlib import Path

import numpy as np
from _cases import read_all
from _cohort import real_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.config.catalogue import load
from radfoundry.data import channels
from radfoundry.evaluation.metrics import super_resolution
from radfoundry.seeds import seed

job = start(snakemake)
generator = load("generators", job.params.generator)
learned = {Path(folder).name: weights.read(folder) for folder in job.input.networks}
networks = generator.prepare(learned, device(job))
card = learned[job.params.network].card

splits = read_all(job.input.splits, "splits")
# In an order that does not follow the names, so that a few are a sample of all.
test = sorted(
    splits.loc[splits["split"] == "test", "case"],
    key=lambda case: seed(job.params.seed, "resolution", case),
)[: job.params.enlarged]
cases = real_cases(job.input.images, job.input.labels, only=test)


def restored(case, stage="enlarge"):
    """Return a case's image in HU, enlarged by the network with chance of its own."""
    number = seed(job.params.seed, stage, case.case)
    where = (case.image.shape, case.spacing_mm, job.params.options)
    drawn = generator.enlarge(networks, case.low, number, *where)
    return channels.hounsfield(drawn[0], dict(card["tones"]))


held = (
    super_resolution.held_out(case, card) for case in progress(cases, len(test), "enlarged cases")
)
methods = {"sr": restored, "trilinear": super_resolution.trilinear}
rng = np.random.default_rng(seed(job.params.seed, "resolution", "patches"))
redrawn = partial(restored, stage="enlarge-again")
table = super_resolution.compare(held, methods, rng, redrawn)
tables.write(table, job.output.table, "resolutions")
