"""Describe the masks of findings of a recipe's samples, and of real films that no generator saw."""

import pandas as pd
from _cases import read_all, trusted
from _cohort import Cases
from _images import drawn_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.anatomy import regions
from radfoundry.evaluation import masks

job = start(snakemake)
splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)
samples = tables.read(job.input.samples, "samples").query("status == 'ok'")
names = [label.name for label in regions.vocabulary().findings]

found = [masks.table(drawn_cases(samples), names).assign(set="drawn")]
for split in ("tune", "test"):
    films = Cases(job.input.images, job.input.labels, splits.loc[splits["split"] == split, "case"])
    each = progress(films, len(films), f"films of the {split} split")
    found.append(masks.table(each, names).assign(set=split))
frame = pd.concat(found).reindex(columns=list(tables.columns("drawn_masks")))
tables.write(frame, job.output.table, "drawn_masks")
