"""Put the described real volumes of all batches into one table."""

from _job import start

from radfoundry import tables
from radfoundry.evaluation.realism import descriptions

job = start(snakemake)

parts = [descriptions.untabled(tables.read(path, "descriptions")) for path in job.input.tables]
tables.write(descriptions.tabled(descriptions.joined(parts)), job.output.table, "descriptions")
