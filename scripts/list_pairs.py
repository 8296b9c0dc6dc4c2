"""List drawn lesions as pairs of images with and without them."""

from _cases import joined
from _job import start

from radfoundry import tables
from radfoundry.evaluation import pairs

job = start(snakemake)
samples = tables.read(job.input.samples, "samples")
requests = tables.read(job.input.requests, "requests")
table = pairs.listed(samples, requests, joined(job.input.images, "images"))
tables.write(table, job.output.table, "pairs")
