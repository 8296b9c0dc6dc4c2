"""Join answers of readers with the key, or refuse them, and say what readers could tell."""

from pathlib import Path

import numpy as np
from _job import start

from radfoundry import tables
from radfoundry.evaluation.reader_study import analysis, answers

job = start(snakemake)
files = {path: Path(path).read_bytes() for path in job.input.answers}
given = answers.read(files, Path(job.input.key).read_bytes(), job.params.withdrawn)
again = analysis.Bootstrap(job.params.bootstrap, np.random.default_rng(job.params.seed))
tables.write(analysis.figures(given, again), job.output.table, "readings")
