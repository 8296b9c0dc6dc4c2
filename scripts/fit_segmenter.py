"""Train a segmenter on phantoms that are drawn for it and kept nowhere."""

import json

import numpy as np
from _job import device, progress, start, steps

from radfoundry import weights
from radfoundry.config.catalogue import constant, load
from radfoundry.seeds import seed

job = start(snakemake)
method = job.params.method
segmenter = load("segmenters", method["segmenter"])
phantom = load("phantoms", constant("segmenters", method["segmenter"], "PHANTOM"))
rng = np.random.default_rng(seed(method["seed"], "fit_segmenter", method["segmenter"]))

planned = phantom.plan(segmenter.phantoms(method["options"]), rng)
rows = progress(planned["parameters"], len(planned), "phantoms")
cases = [phantom.draw(json.loads(parameters)) for parameters in rows]
learned = segmenter.fit(method["options"], rng, device(job), cases, steps("training"))
weights.write(learned, job.output.network)
