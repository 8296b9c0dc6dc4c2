"""Measure every drawn CT: the recipe's own samples, and those that were drawn to be measured."""

import json

import pandas as pd
from _cases import joined, read_all, summarize
from _cohort import real_cases
from _images import drawn_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.config.catalogue import load
from radfoundry.evaluation import synthesis

job = start(snakemake)
segment = load("segmenters", job.params.segmenter).prepare({})
asked = read_all([*job.input.requests, job.input.dataset_requests], "requests")
asked = asked.set_index("request")["parameters"].map(json.loads)
samples = read_all([*job.input.samples, job.input.dataset], "samples")
if lost := sorted(set(asked.index) - set(samples["sample"])):
    raise ValueError(f"{len(lost)} of {len(asked)} requests were never drawn, the first {lost[0]}")
summarize(samples, "status")
failed, samples = (samples[samples["status"] == status] for status in ("failed", "ok"))
patients = joined(job.input.images, "images").set_index("case")["patient"]


def drawn():
    """Yield each sample with its source and, where one is known, the source's truth."""
    labeled = real_cases(job.input.images, job.input.labels, samples["source"])
    true = real_cases(job.input.images, only=samples["source"])
    for source, known in zip(labeled, true, strict=True):  # one case in memory at a time
        for sample in drawn_cases(samples[samples["source"] == source.name]):
            yield sample, source, known if source.facts["truth_by"] else None


def rows_of(sample, source, found):
    """Return one row for each measurement of a sample."""
    kind = asked[sample].get("probe", "dataset"), asked[sample].get("arm", "-")
    return [(sample, source, patients[source], *kind, *measured) for measured in found.items()]


pairs = zip(failed["sample"], failed["source"], strict=True)
rows = [row for pair in pairs for row in rows_of(*pair, {synthesis.FAILED: 1.0})]
for sample, source, truth in progress(drawn(), len(samples), "drawn volumes"):
    found = synthesis.measured(sample, source, truth, asked[sample.name], segment)
    rows += rows_of(sample.name, source.name, found)
frame = pd.DataFrame(rows, columns=list(tables.columns("probes")))
summarize(frame.drop_duplicates("sample"), "probe")
order = ["probe", "arm", "sample"]
tables.write(frame.sort_values(order, kind="stable"), job.output.table, "probes")
