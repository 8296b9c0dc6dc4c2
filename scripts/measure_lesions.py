"""Measure drawn lesions and the tissue around them, and real ones beside them."""

import pandas as pd
from _cases import read_all, trusted
from _cohort import Cases
from _images import drawn_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.evaluation import control
from radfoundry.evaluation.realism import lesions

job = start(snakemake)
asked = job.params.lesion, job.params.modality
requests = tables.read(job.input.requests, "requests").set_index("request")
samples = tables.read(job.input.samples, "samples")
samples = samples[samples["status"] == "ok"]
splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)
splits = splits.set_index("case")["split"]
real = Cases(job.input.images, job.input.labels, splits.index)
sources = Cases(job.input.images, job.input.labels, samples["source"])

rows = list(lesions.of_real(real, *asked, splits)) if job.params.real else []
for sample in progress(drawn_cases(samples), len(samples), "samples"):
    operation = control.operation_of(requests.at[sample.name, "parameters"])
    source = sources.named(sample.facts["source"])
    rows += lesions.of_drawn(sample, source, operation, *asked)
table = pd.DataFrame(rows, columns=None if rows else list(tables.columns("lesions")))
tables.write(table, job.output.table, "lesions")
