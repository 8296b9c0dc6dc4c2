"""Turn scores into kept, rejected or undecided."""

import logging

import pandas as pd
from _cases import read_all, summarize
from _images import drawn_cases
from _job import start

from radfoundry import tables, verdicts
from radfoundry.config.catalogue import load

job = start(snakemake)

real = read_all(job.input.real, "scores")
scores = read_all(job.input.scores, "scores")
thresholds = verdicts.thresholds(real, job.params.quantiles, job.params.accept_real)
samples = tables.read(job.input.samples, "samples")
failed = samples.loc[samples["status"] == "failed", ["sample", "message"]]
undrawn = failed.rename(columns={"message": "reason"}).assign(verdict=verdicts.REJECTED)
drawn = drawn_cases(samples[samples["status"] == "ok"])
decided = verdicts.decide(scores, thresholds, load("experts", "novelty").twins(drawn, {}))
decided = pd.concat([decided, undrawn], ignore_index=True)
summarize(decided, "verdict")
for code, message in verdicts.check(decided).items():
    logging.warning("%s: %s", code, message)
tables.write(verdicts.acceptance(scores, thresholds, decided), job.output.acceptance, "acceptance")
tables.write(thresholds, job.output.thresholds, "thresholds")
tables.write(decided, job.output.verdicts, "verdicts")
