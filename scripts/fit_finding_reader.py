"""Train what reads findings off drawn radiographs, on films that no generator learns from."""

import numpy as np
from _cases import read_all, reports_of
from _cohort import real_cases
from _job import device, start, steps

from radfoundry import weights
from radfoundry.data import splits as fair
from radfoundry.evaluation.readers import finding_reader
from radfoundry.seeds import seed
from radfoundry.training.loop import Callbacks

job = start(snakemake)
splits = read_all([job.input.splits], "splits")
fair.check(splits, needed=("tune",))  # fails where a patient of the tune split is in another, too
tune = splits.loc[splits["split"] == "tune", "case"]
films = real_cases(job.input.images, only=tune, reports=reports_of([job.input.cases]))
rng = np.random.default_rng(seed(job.params.seed, "finding_reader", "fit"))
callbacks = Callbacks(progress=steps("training the finding reader"))
options = dict(job.params.options)
learned = finding_reader.fit(films, options, rng, device(job), callbacks)
weights.write(learned, job.output.network)
