"""Make every random choice of a recipe and write it down, one request per sample."""

import json
import logging

from _cases import joined, read_all
from _job import start

from radfoundry import cohorts, labeler, tables
from radfoundry.catalogue import load

job = start(snakemake)
generator = load("generators", job.params.generator)

cases = read_all(job.input.cases, "cases").drop(columns="split")
splits = read_all(job.input.splits, "splits")
found = joined(job.input.labels, "labels")
statuses = found.pivot(index="case", columns="structure", values="status").reset_index()
known = cases.merge(splits[["case", "split"]], on="case").merge(statuses, on="case")

ask = getattr(generator, job.params.ask)  # `plan` the dataset, or `probe` the networks
requests = ask(known, job.params.options, job.params.seed)
texts = {json.loads(asked).get("prompt", "") for asked in requests["parameters"]} - {""}
for text in sorted(text for text in texts if not labeler.label(text))[:20]:
    logging.warning("the labeler knows no word of %r: such samples count as without finding", text)
# A rule that uses another one's params keeps those it does not state: `batches` comes first.
jobs = job.params.get("batches")
requests["batch"] = cohorts.batch_of_each(len(requests), job.params.batch, jobs)
tables.write(requests, job.output.requests, "requests")
