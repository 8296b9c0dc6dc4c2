"""Fail when a patient or a file of a test can have reached a model."""

import pandas as pd
from _cases import joined, read_all
from _job import start

from radfoundry import tables
from radfoundry.data import leakage

job = start(snakemake)

own = read_all(job.input.splits, "splits")
unseen = [tables.read(path, "splits") for path in job.input.unseen]
requests = tables.read(job.input.requests, "requests")
people = leakage.check_evaluation(own, unseen, requests)
images = (joined(paths, "images") for paths in (job.input.images, job.input.unseen_images))
checked = pd.concat([people, leakage.check_images(*images)])
tables.write(checked, job.output.table, "leakage")
