"""Write the page a radiologist reads."""

from _job import start

job = start(snakemake)
