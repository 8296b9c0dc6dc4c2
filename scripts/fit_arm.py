"""Train one arm's downstream model with one seed, and predict every test case."""

from functools import partial
from itertools import chain

import numpy as np
from _cases import drawn_cases, kept_samples, of, real_cases, reports_of, splits_of
from _job import device, start, steps

from radfoundry import tables
from radfoundry.config.catalogue import load
from radfoundry.seeds import seed

job = start(snakemake)
task, arm, number = load("tasks", job.wildcards.task), job.wildcards.arm, int(job.wildcards.seed)
rng = np.random.default_rng(seed(number, "evaluate", arm))


def unseen(cohort):
    """Return the cases of a cohort that no training saw."""
    plans, images, labels = (
        of(cohort, group)
        for group in (job.input.unseen_cases, job.input.unseen, job.input.unseen_labels)
    )
    return real_cases(images, labels, reports=reports_of(plans), cohort=cohort)


# Read only when the task walks through them: few tasks need them all, and none all at once.
splits = splits_of(job.input.splits)
ids = {part: [c for c, own in splits.items() if own == part] for part in ("train", "tune", "test")}
own = partial(real_cases, reports=reports_of(job.input.cases), cohort=job.params.own)
cases = {part: own(job.input.images, job.input.labels, names) for part, names in ids.items()}
cases["unseen"] = chain.from_iterable(map(unseen, job.params.unseen))
cases["samples"] = drawn_cases(kept_samples(job.input.samples, job.input.verdicts))

progress = steps(f"training {arm}")
rows = task.run(arm, cases, dict(job.params.task), rng, device(job), progress)
tables.write(rows.assign(arm=arm, seed=number), job.output.predictions, "predictions")
