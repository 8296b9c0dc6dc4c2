"""Make every random choice of a recipe and write it down, one request per sample."""

from _cases import joined, read_all
from _job import start

from radfoundry import cohorts, tables
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
# A rule that uses another one's params keeps those it does not state: `batches` comes first.
jobs = job.params.get("batches")
requests["batch"] = cohorts.batch_of_each(len(requests), job.params.batch, jobs)
tables.write(requests, job.output.requests, "requests")
