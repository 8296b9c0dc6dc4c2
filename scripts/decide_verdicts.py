"""Turn scores into kept, rejected or undecided."""

import logging

import pandas as pd
from _cases import summarize
from _job import start

from radfoundry import tables, verdicts

job = start(snakemake)

real = pd.concat([tables.read(path, "scores") for path in job.input.real])
scores = pd.concat([tables.read(path, "scores") for path in job.input.scores])
quantiles = {expert: options["quantile"] for expert, options in job.params.filter.items()}
thresholds = verdicts.thresholds(real, quantiles)
decided = verdicts.decide(scores, thresholds)
summarize(decided, "verdict")
for code, message in verdicts.alarms(decided).items():
    logging.warning("%s: %s", code, message)
tables.write(verdicts.acceptance(scores, thresholds, decided), job.output.acceptance, "acceptance")
tables.write(thresholds, job.output.thresholds, "thresholds")
tables.write(decided, job.output.verdicts, "verdicts")
