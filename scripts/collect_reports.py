"""Collect the reports without images that a network may learn from: no held-out patient's."""

import logging

import pandas as pd
from _cases import read_all, splits_of
from _job import start

from radfoundry import tables
from radfoundry.config import reports
from radfoundry.data.leakage import reports_to_learn

job = start(snakemake)
given = [row for path in job.input.reports for row in reports.read(path)]
cases, splits = read_all(job.input.cases, "cases"), splits_of(job.input.splits)
known = [cases.assign(split=cases["case"].map(splits))]
known += [read_all(job.input.unseen, "cases").assign(split="test")] if job.input.unseen else []
texts, counts = reports_to_learn(given, pd.concat(known, ignore_index=True))
logging.warning(
    "of %(given)d reports without images %(held_out)d are left out, for they are of patients "
    "outside the train split; %(duplicates)d are there already; %(taken)d are learned from",
    counts,
)
if not texts:
    raise ValueError(f"{job.input.reports[0]}: no report is left to learn from ({counts})")
tables.write(pd.DataFrame({"report": texts, "patient": ""}), job.output.reports, "reports")
