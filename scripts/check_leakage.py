"""Fail when a patient or an image of a test can have reached a model."""

import pandas as pd
from _job import start

from radfoundry import splits, tables

job = start(snakemake)

own = pd.concat([tables.read(path, "splits") for path in job.input.splits])
unseen = [tables.read(path, "splits") for path in job.input.unseen]
requests = tables.read(job.input.requests, "requests")
checked = splits.check_evaluation(own, unseen, requests)
tables.write(checked, job.output.table, "leakage")
