"""Train the network whose features measure realism, on the split that no generator sees.

Where the config names weights, they are checked and taken as they are.
"""

import logging

import numpy as np
from _cases import read_all, reports_of
from _cohort import real_cases
from _job import device, start, steps

from radfoundry import weights
from radfoundry.evaluation.realism import feature_network
from radfoundry.seeds import seed
from radfoundry.training.loop import Callbacks


def fitted(job):
    """Return the network that learned the findings of the tune split."""
    splits = read_all([job.input.splits], "splits")
    tune = splits.loc[splits["split"] == "tune", "case"]
    cases = real_cases(job.input.images, only=tune, reports=reports_of([job.input.cases]))
    rng = np.random.default_rng(seed(job.params.seed, "judge", "fit"))  # kept: it sets the draws
    callbacks = Callbacks(progress=steps("training the feature network"))
    return feature_network.fit(cases, dict(job.params.options), rng, device(job), callbacks)


def taken(job):
    """Return the network of the path that the config names."""
    found = weights.adopt(job.input.weights)
    logging.info(
        "feature network: %(origin)s, sha256 %(source_sha256)s; nothing is trained", found.card
    )
    return feature_network.taken(found, job.params.options.get("side"))


job = start(snakemake)
weights.write(taken(job) if job.input.weights else fitted(job), job.output.network)
