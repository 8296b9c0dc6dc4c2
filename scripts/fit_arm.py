"""Train one arm's downstream model with one seed, and predict every test case."""

from pathlib import Path

import numpy as np
from _cases import drawn_cases, joined, kept_samples, real_cases, splits_of, store_map
from _job import device, start

from radfoundry import tables
from radfoundry.catalogue import load
from radfoundry.request import seed

job = start(snakemake)
task, arm = load("tasks", job.wildcards.task), job.wildcards.arm
options, where = dict(job.params.task), device(job)

splits = splits_of(job.input.splits)
own = list(real_cases(job.input.images, job.input.labels))
samples = list(drawn_cases(kept_samples(job.input.samples, job.input.verdicts)))
unseen = list(real_cases(job.input.unseen, job.input.unseen_labels))

learn = task.material(own, samples, splits, "train")
tune = task.material(own, samples, splits, "tune")
rng = np.random.default_rng(seed(int(job.wildcards.seed), "evaluate", arm))
weights = task.fit(arm, learn, options, rng, where)
threshold = task.validate(weights, tune, options, where)

test = [case for case in own if splits[case.name] == "test"] + unseen
rows, maps = task.examine(weights, test, threshold, options, where)
for case, found in zip(test, maps, strict=True):
    store_map(case, found, Path(job.output.examples))
rows["arm"], rows["seed"] = arm, int(job.wildcards.seed)
tables.write(rows, job.output.predictions, "predictions")
