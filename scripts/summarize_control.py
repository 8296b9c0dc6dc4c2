"""Turn what drawn lesions measure into rows of the scorecard, null arms beside them."""

import numpy as np
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import control, lesion_realism
from radfoundry.report.scorecard.card import build

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)
own = tables.read(job.input.table, "control")
null = read_all(job.input.untrained, "control")
rows = control.rows(own, null, job.wildcards.recipe, job.params.bootstrap, rng)
measured = tables.read(job.input.lesions, "lesions")
null = read_all(job.input.untrained_lesions, "lesions")
rows += lesion_realism.rows(measured, null, job.wildcards.recipe, job.params.bootstrap, rng)
tables.write(build(rows), job.output.table, "scorecard")
