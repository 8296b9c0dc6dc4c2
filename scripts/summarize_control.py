"""Turn what drawn lesions measure into rows of the scorecard, null arms beside them."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import control, lesion_realism
from radfoundry.report.scorecard.card import build

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)
recipe, draws = job.wildcards.recipe, job.params.bootstrap
asked = tables.read(job.input.table, "control"), read_all(job.input.untrained, "control")
rows = control.rows(*asked, recipe, draws, rng)
real = tables.read(job.input.lesions, "lesions"), read_all(job.input.untrained_lesions, "lesions")
rows += lesion_realism.rows(*real, recipe, draws, rng)
tables.write(build(rows), job.output.table, "scorecard")
