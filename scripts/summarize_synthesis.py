"""Turn the measurements of a recipe's drawn volumes into rows of the scorecard."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import prompts, untrained, volumes
from radfoundry.report.scorecard.card import build

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)
recipe, draws, paper = job.wildcards.recipe, job.params.bootstrap, job.params.published


def listed(given):
    """Return paths as a list, be it one path, several or none."""
    return [given] if isinstance(given, str) else list(given)


findings = read_all(listed(job.input.cases), "cases")[["case", "findings"]]
real = read_all(listed(job.input.clinical), "clinical").merge(findings, on="case")
probes = read_all(listed(job.input.probes), "probes")
rows = prompts.rows(probes, real, recipe, draws, rng, paper)
resolutions = read_all(listed(job.input.resolutions), "resolutions")
rows += volumes.of_resolutions(resolutions, recipe, draws, rng)
rows += volumes.of_detail(resolutions, recipe, draws, rng)
tuned, held_out = (read_all(listed(i), "channels") for i in (job.input.tuned, job.input.channels))
rows += volumes.of_channels(tuned, held_out, recipe, draws, rng)
distances = read_all(listed(job.input.distances), "distances")
rows += volumes.of_distances(distances, recipe, paper)
null = read_all(listed(job.input.untrained_probes), "probes")
far = read_all(listed(job.input.untrained_distances), "distances")
rows += untrained.rows(null, far, probes, recipe, draws, rng)
tables.write(build(rows), job.output.table, "scorecard")
