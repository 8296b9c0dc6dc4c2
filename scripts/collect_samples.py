"""List all samples of a recipe."""

from _cases import joined
from _job import start

from radfoundry import tables

job = start(snakemake)

samples = joined(job.input.tables, "samples")
samples["folder"] = samples["folder"] + "/" + samples["sample"]
tables.write(samples, job.output.samples, "samples")
