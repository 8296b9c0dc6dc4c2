"""Measure every drawn radiograph: the recipe's own samples, and those drawn to be measured."""

import json

import pandas as pd
from _cases import joined, read_all, summarize
from _images import drawn_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.evaluation import radiographs
from radfoundry.evaluation.readers import finding_reader, stated
from radfoundry.evaluation.realism.descriptions import lungs_finder

job = start(snakemake)
(network,) = job.input.reader  # a recipe has one cohort
reader = finding_reader.prepare(weights.read(network), device(job))
learned = weights.read(job.input.segmenter) if job.input.segmenter else None
segment = lungs_finder(**job.params.segmenter, weights=learned)
requests = read_all([*job.input.requests, job.input.dataset_requests], "requests")
asked = requests.set_index("request")["parameters"].map(json.loads)
samples = read_all([*job.input.samples, job.input.dataset], "samples")
if lost := sorted(set(asked.index) - set(samples["sample"])):
    raise ValueError(f"{len(lost)} of {len(asked)} requests were never drawn, the first {lost[0]}")
summarize(samples, "status")
patients = joined(job.input.images, "images").set_index("case")["patient"]


def rows_of(sample, source, found):
    """Return one row for each measurement of a sample."""
    kind = asked[sample].get("probe", "dataset"), asked[sample].get("arm", "-")
    return [(sample, source, patients[source], *kind, *measured) for measured in found.items()]


rows = []
for name, source in samples.loc[samples["status"] == "failed", ["sample", "source"]].to_numpy():
    rows += rows_of(name, source, radiographs.failed(asked[name], reader.findings))
drawn = samples[samples["status"] == "ok"]
films = progress(drawn_cases(drawn), len(drawn), "drawn radiographs")
for film, other in radiographs.with_another(films):
    known = stated.of_sample(film, asked[film.name], reader.findings)
    fair = None if film.facts["split"] == "tune" else reader  # it learned from that source's film
    found = radiographs.measured(film, other, known, segment, fair)
    rows += rows_of(film.name, film.facts["source"], found)
frame = pd.DataFrame(rows, columns=list(tables.columns("probes")))
frame = frame.sort_values(["probe", "arm", "sample"], kind="stable")
tables.write(frame, job.output.table, "probes")
