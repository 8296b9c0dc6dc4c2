"""Measure every drawn lesion, and what is left of removed ones, beside what was asked for."""

import numpy as np
import pandas as pd
from _cases import joined, read_all, summarize, trusted
from _cohort import Cases
from _images import drawn_cases
from _job import progress, start
from _networks import learned

from radfoundry import tables
from radfoundry.config.catalogue import load
from radfoundry.evaluation import control
from radfoundry.evaluation.readers import lesion_reader

job = start(snakemake)
generator, lesion = load("generators", job.params.generator), job.params.lesion
networks = learned(job.input.networks, [], "")
requests = tables.read(job.input.requests, "requests").set_index("request", drop=False)
samples = tables.read(job.input.samples, "samples")
summarize(samples, "status")
patients = joined(job.input.images, "images").set_index("case")["patient"]

splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)
held_out = splits.loc[splits["split"] != "train", "case"]
unseen = Cases(job.input.images, job.input.labels, held_out)
reader = lesion_reader.fit(unseen, lesion, np.random.default_rng(job.params.seed))
sources = Cases(job.input.images, job.input.labels, samples["source"])


def rows_of(sample, source):
    """Return the rows of one sample."""
    request = requests.loc[sample.name].to_dict()
    gone = control.operation_of(request["parameters"]) in control.GONE
    left = control.residual(sample, source, reader, lesion) if gone else None
    asked = generator.asked(request, networks)
    return control.rows(sample, source, asked, generator.measured(sample, source, networks), left)


lost, drawn = (samples[samples["status"] == status] for status in ("failed", "ok"))
rows = [row for name in lost["sample"] for row in control.failed(name)]
for sample in progress(drawn_cases(drawn), len(drawn), "samples"):
    rows += rows_of(sample, sources.named(sample.facts["source"]))
frame = control.beside(pd.DataFrame(rows), requests, patients)
summarize(frame.drop_duplicates("sample"), "operation")
tables.write(frame[list(tables.columns("control"))], job.output.table, "control")
