"""Say what every arm reaches in each subgroup of the test patients, from its predictions."""

import logging

import numpy as np
import pandas as pd
from _cases import of, read_all
from _job import start

from radfoundry import tables
from radfoundry.evaluation.metrics import subgroups

job = start(snakemake)
params, asked, measured = job.params, job.params.asked, job.params.measured

given = [*job.input.cases, *job.input.unseen]
cohorts = [params.own, *params.unseen]
stated = [read_all(of(cohort, given), "cases").assign(cohort=cohort) for cohort in cohorts]
groups = subgroups.groups_of(
    pd.concat(stated, ignore_index=True), list(asked["by"]), list(asked["age_bands"])
)
logging.info("some case states: %s", ", ".join(groups.columns[2:]) or "nothing that was asked for")

question = subgroups.Question(measured["figures"], measured["baseline"], asked["fewest"])
chance = (params.bootstrap, np.random.default_rng(params.seed))
predictions = read_all(job.input.predictions, "predictions")
found = subgroups.compared(predictions, groups, question, chance)
tables.write(found, job.output.table, "subgroups")
