"""Measure drawn lesions and the tissue around them, and real ones beside them."""

import pandas as pd
from _cases import read_all, trusted
from _cohort import Cases
from _images import drawn_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.evaluation.realism import lesions

job = start(snakemake)
lesion, modality = job.params.lesion, job.params.modality
samples = tables.read(job.input.samples, "samples")
samples = samples[samples["status"] == "ok"]
cases = Cases(job.input.images, job.input.labels)
splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)
held_out = splits.loc[splits["split"] != "train", "case"]

rows = list(lesions.of_real(cases, lesion, modality, held_out)) if job.params.real else []
for sample in progress(drawn_cases(samples), len(samples), "samples"):
    rows += lesions.of_drawn(sample, cases.named(sample.facts["source"]), lesion, modality)
table = pd.DataFrame(rows, columns=None if rows else ["set", "case", "patient"])
tables.write(table, job.output.table, "lesions")
