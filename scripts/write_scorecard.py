"""Gather every headline number into one table."""

import numpy as np
import pandas as pd
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import stages
from radfoundry.report.scorecard.card import build, check

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)

labels = read_all(job.input.labels, "label_dice")
rows = list(stages.of_labels(labels, job.params.bootstrap, rng))
clinical = read_all(job.input.clinical, "clinical")
rows += stages.of_clinical(clinical, job.params.bootstrap, rng)
for path in job.input.acceptance:
    recipe = path.split("/")[-2]
    rows += stages.of_acceptance(tables.read(path, "acceptance"), recipe)
for path in job.input.comparisons:
    recipe = path.split("/")[-3]
    rows += stages.of_comparison(tables.read(path, "comparison"), recipe)
made = [tables.read(path, "scorecard") for path in job.input.syntheses]
card = pd.concat([build(rows), *made], ignore_index=True)
check(card)
tables.write(card, job.output.scorecard, "scorecard")
