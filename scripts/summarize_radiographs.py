"""Turn the measurements of a recipe's drawn radiographs into rows of the scorecard."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import masks, radiographs, volumes
from radfoundry.report.scorecard.card import build

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)
recipe, draws, paper = job.wildcards.recipe, job.params.bootstrap, job.params.published

given = [job.input.probes], job.input.films, job.input.untrained_probes
measured = radiographs.Tables(*(read_all(paths, "probes") for paths in given))
rows = radiographs.rows(measured, recipe, draws, rng, paper)
tuned, held_out = (read_all(i, "channels") for i in (job.input.tuned, job.input.channels))
rows += volumes.of_channels(tuned, held_out, recipe, draws, rng)
distances = read_all([job.input.distances], "distances")
rows += volumes.of_distances(distances, recipe, paper)
far = read_all(job.input.untrained_distances, "distances")
rows += radiographs.untrained_distances(far, recipe)
both = [job.input.masks], job.input.untrained_masks
described = (read_all(paths, "drawn_masks") for paths in both)
rows += masks.rows(*described, recipe, draws, rng)
tables.write(build(rows), job.output.table, "scorecard")
