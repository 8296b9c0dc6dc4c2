"""Train the two embeddings that a memorisation audit looks with, on the training split alone."""

import numpy as np
from _cases import read_all
from _cohort import Cases
from _job import device, progress, start, steps

from radfoundry import weights
from radfoundry.evaluation.privacy import network, views
from radfoundry.seeds import seed
from radfoundry.training.loop import Callbacks

job = start(snakemake)
options, place = dict(job.params.options), device(job)
splits = read_all([job.input.splits], "splits")
train = Cases(job.input.images, only=splits.loc[splits["split"] == "train", "case"])
side = network.sized(options)[0]["side"]
seen = views.gathered(progress(train, len(train), "cases"), side)["image"]
for path, fit, given in (
    (job.output.copies, network.fit_copies, (seen.pictures,)),
    (job.output.patients, network.fit_patients, (seen.pictures, seen.owners)),
):
    rng = np.random.default_rng(seed(job.params.seed, "audit", fit.__name__))
    callbacks = Callbacks(progress=steps(fit.__name__.replace("_", " ")))
    weights.write(fit(*given, options, rng, place, callbacks), path)
