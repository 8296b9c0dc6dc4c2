"""Measure every drawn lesion, and what is left of removed ones, beside what was asked for."""

import json

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


def known(name, source, organ):
    """Return what every row of a sample states."""
    operation = json.loads(requests.loc[name, "parameters"])["operation"]
    row = {"sample": name, "source": source, "patient": patients[source]}
    return row | {"operation": operation, "organ": organ}


def rows_of(sample, source):
    """Return the rows of one sample."""
    facts = known(sample.name, source.name, control.organ_of(sample, source))
    gone = facts["operation"] in control.GONE
    left = control.residual(sample, source, reader, lesion) if gone else None
    asked = generator.asked(requests.loc[sample.name].to_dict(), networks)
    measured = generator.measured(sample, source, networks)
    return [facts | row for row in control.rows(sample, source, asked, measured, left)]


rows = []
for sample in progress(drawn_cases(samples.query("status == 'ok'")), len(samples), "samples"):
    rows += rows_of(sample, sources.named(sample.facts["source"]))
for row in samples.query("status == 'failed'").to_dict("records"):
    rows += [known(row["sample"], row["source"], "-") | one for one in control.failed()]
frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("control")))
summarize(frame.drop_duplicates("sample"), "operation")
tables.write(frame, job.output.table, "control")
