"""Make every random choice of a recipe and write it down, one request per sample."""

import json
import logging

from _cases import joined, read_all, trusted
from _job import start

from radfoundry import tables
from radfoundry.config import cohorts
from radfoundry.config.catalogue import load
from radfoundry.data.preprocess import spacing_mm
from radfoundry.text import labeler

job = start(snakemake)
generator = load("generators", job.params.generator)

cases = read_all(job.input.cases, "cases").drop(columns="split")
splits = read_all(job.input.splits, "splits")
found = joined(job.input.labels, "labels")
statuses = found.pivot(index="case", columns="structure", values="status").reset_index()
images = joined(job.input.images, "images").query("status == 'ok'").set_index("case")
known = cases.merge(splits[["case", "split"]], on="case")
known = known[known["case"].isin(images.index)]
if job.input.labels:  # without a method, maps came along and their organs have no status
    known = trusted(known.merge(statuses, on="case"), job.input.labels)
known["spacing"] = known["case"].map(images["record"].map(json.loads).map(spacing_mm))

ask = getattr(generator, job.params.ask)  # `plan` the dataset, or `probe` the networks
requests = ask(known, job.params.options, job.params.seed)
if job.params.options.get("prompts", "reports") != "reports":  # the user's own words, no patient's
    for text in labeler.unread(json.loads(a).get("prompt", "") for a in requests["parameters"]):
        logging.warning(
            "no finding that the labeler knows in %r: drawn, and free of findings", text
        )
# A rule that uses another one's params keeps those it does not state: `batches` comes first.
jobs = job.params.get("batches")
requests["batch"] = cohorts.batch_of_each(len(requests), job.params.batch, jobs)
tables.write(requests, job.output.requests, "requests")
