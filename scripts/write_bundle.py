"""Write a recipe's bundle: networks, cards, grid and words, as a folder and a .zip of it."""

import logging

from _job import start

from radfoundry.bundles import making, results
from radfoundry.training import sealed

job = start(snakemake)
files = making.made(results.origin(job.params.settings, job.wildcards.recipe))
sealed.write(files, job.output.folder)
logging.info("%d files, %.1f MB", len(files), sum(map(len, files.values())) / 1e6)
