"""Draw the shapes of real cases whose image is given, and compare them at every threshold."""

from pathlib import Path

import pandas as pd
from _cases import read_all, trusted
from _cohort import real_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.config.catalogue import load
from radfoundry.data import thresholds
from radfoundry.evaluation.metrics import channel_reading
from radfoundry.seeds import seed

job = start(snakemake)
generator = load("generators", job.params.generator)
learned = {Path(folder).name: weights.read(folder) for folder in job.input.networks}
networks = generator.prepare(learned, device(job))

splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)
# In an order that does not follow the names, so that a few are a sample of all.
chosen = sorted(
    splits.loc[splits["split"] == job.params.split, "case"],
    key=lambda case: seed(job.params.seed, "channels", case),
)[: job.params.get("most", thresholds.MOST)]

rows: list[tuple] = []
cases = real_cases(job.input.images, job.input.labels, only=chosen)
for case in progress(cases, len(chosen), "cases whose shapes are drawn"):
    number = seed(job.params.seed, "shapes", case.name)
    drawn = generator.shapes(case, job.params.options, networks, number)
    rows += channel_reading.curves(case, drawn)
frame = pd.DataFrame(rows, columns=list(channel_reading.COLUMNS))
tables.write(frame, job.output.table, "channels")
