"""Measure every drawn CT: the recipe's own samples, and those that were drawn to be measured."""

import json

import pandas as pd
from _cases import drawn_cases, read_all, real_cases, summarize
from _job import progress, start

from radfoundry import synthesis, tables
from radfoundry.segmenters import threshold

job = start(snakemake)
segment = threshold.prepare({})

planned = [*job.input.requests, job.input.dataset_requests]
asked = read_all(planned, "requests").set_index("request")["parameters"].map(json.loads)
samples = read_all([*job.input.samples, job.input.dataset], "samples")
lost = sorted(set(asked.index) - set(samples["sample"]))
if lost:
    raise ValueError(f"{len(lost)} of {len(asked)} requests were never drawn, the first {lost[0]}")
summarize(samples, "status")
samples = samples[samples["status"] == "ok"]


def drawn():
    """Yield each sample with its source and, where one is known, the source's truth."""
    only = set(samples["source"])
    pairs = zip(
        real_cases(job.input.images, job.input.labels, only),
        real_cases(job.input.images, only=only),
        strict=True,
    )
    for source, known in pairs:  # one case in memory at a time
        truth = known if source.facts["truth_by"] else None
        for sample in drawn_cases(samples[samples["source"] == source.name]):
            yield sample, source, truth


rows = []
for sample, source, truth in progress(drawn(), len(samples), "drawn volumes"):
    request = asked[sample.name]
    row = {"sample": sample.name, "source": source.name, "patient": source.facts["patient"]}
    row |= {"probe": request.get("probe", "dataset"), "arm": request.get("arm", "-")}
    found = synthesis.measured(sample, source, truth, request, segment)
    rows += [row | {"measurement": name, "value": value} for name, value in found.items()]
frame = pd.DataFrame(rows, columns=list(tables.columns("probes")))
summarize(frame.drop_duplicates("sample"), "probe")
frame = frame.sort_values(["probe", "arm", "sample"], kind="stable")
tables.write(frame, job.output.table, "probes")
