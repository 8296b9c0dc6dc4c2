"""Train one arm's downstream model with one seed, and predict every test case."""

import numpy as np
from _cases import drawn_cases, kept_samples, real_cases, splits_of
from _job import device, start, steps

from radfoundry import pairs, tables
from radfoundry.catalogue import load
from radfoundry.request import seed

job = start(snakemake)
task, arm = load("tasks", job.wildcards.task), job.wildcards.arm
options, where = dict(job.params.task), device(job)
rng = np.random.default_rng(seed(int(job.wildcards.seed), "evaluate", arm))

splits = splits_of(job.input.splits)
own = list(real_cases(job.input.images, job.input.labels))
samples = list(drawn_cases(kept_samples(job.input.samples, job.input.verdicts)))
train, tune = (pairs.of_split(own, samples, splits, split) for split in ("train", "tune"))

weights = task.fit(arm, task.Material(*train), options, rng, where, steps(f"training {arm}"))
threshold = task.validate(arm, weights, task.Material(*tune), options, rng, where)

test = [case for case in own if splits[case.name] == "test"]
test += list(real_cases(job.input.unseen, job.input.unseen_labels))
found = task.predict(weights, [pairs.normal_of(case).picture for case in test], options, where)
judged = [bool(case.facts["findings_sha256"]) or not case.facts["findings"] for case in test]
rows = task.score(found, test, threshold, judged).assign(arm=arm, seed=int(job.wildcards.seed))
tables.write(rows, job.output.predictions, "predictions")
