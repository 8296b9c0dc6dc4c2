"""Train one arm's downstream model with one seed, and predict every test case."""

from functools import partial
from itertools import chain

import numpy as np
from _arm import delivered
from _cases import of, reports_of, samples_of, splits_of
from _cohort import real_cases
from _images import drawn_cases
from _job import device, start, steps
from _signals import Unbroken

from radfoundry.config.catalogue import load
from radfoundry.seeds import seed

PARTS = ("train", "tune", "test")

job = start(snakemake)
task, arm, number = load("tasks", job.wildcards.task), job.wildcards.arm, int(job.wildcards.seed)
rng = np.random.default_rng(seed(number, "evaluate", job.wildcards.task))  # all arms begin alike


def unseen(cohort):
    """Return the cases of a cohort that no training saw."""
    plans, images, labels = (
        of(cohort, group)
        for group in (job.input.unseen_cases, job.input.unseen, job.input.unseen_labels)
    )
    return real_cases(images, labels, reports=reports_of(plans), cohort=cohort)


def predictions(progress):
    """Return what the arm's model says of every test case, once it is trained."""
    # Read only when the task walks through them: few tasks need them all, and none all at once.
    splits = splits_of(job.input.splits)
    ids = {part: [c for c, own in splits.items() if own == part] for part in PARTS}
    own = partial(real_cases, reports=reports_of(job.input.cases), cohort=job.params.own)
    cases = {part: own(job.input.images, job.input.labels, names) for part, names in ids.items()}
    cases["unseen"] = chain.from_iterable(map(unseen, job.params.unseen))
    drawn = samples_of(job.input)
    cases |= {name: drawn_cases(samples) for name, samples in drawn.items()}
    options = dict(job.params.task) | {"seed": number, "cohort": job.params.own}
    rows = task.run(arm, cases, options, rng, device(job), progress)
    return rows.assign(arm=arm, seed=number)


delivered(job, predictions, Unbroken(steps(f"training {arm}")))
