"""Turn scores into kept, rejected or undecided."""

import logging

import pandas as pd
from _cases import summarize
from _job import start

from radfoundry import tables, verdicts

job = start(snakemake)

real = pd.concat([tables.read(path, "scores") for path in job.input.real])
scores = pd.concat([tables.read(path, "scores") for path in job.input.scores])
thresholds = verdicts.thresholds(real, job.params.quantiles)
samples = tables.read(job.input.samples, "samples")
failed = samples.loc[samples["status"] == "failed", ["sample", "message"]]
undrawn = failed.rename(columns={"message": "reason"}).assign(verdict=verdicts.REJECTED)
decided = pd.concat([verdicts.decide(scores, thresholds), undrawn], ignore_index=True)
summarize(decided, "verdict")
for code, message in verdicts.check(decided).items():
    logging.warning("%s: %s", code, message)
tables.write(verdicts.acceptance(scores, thresholds, decided), job.output.acceptance, "acceptance")
tables.write(thresholds, job.output.thresholds, "thresholds")
tables.write(decided, job.output.verdicts, "verdicts")
