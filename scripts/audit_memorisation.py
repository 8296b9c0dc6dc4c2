"""Compare every sample of a recipe with its whole training split, beside copies planted in it."""

import json
import logging

import numpy as np
from _cases import kept_samples, read_all
from _cohort import Cases
from _images import drawn_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.evaluation.privacy import audit, material
from radfoundry.report import sources
from radfoundry.seeds import seed

job = start(snakemake)
options = dict(job.params.options)
splits = read_all(job.input.splits, "splits")
learned = splits["split"] == "train"
train, held = (
    Cases(job.input.images, job.input.labels, only=splits.loc[rows, "case"])
    for rows in (learned, ~learned)
)
requests = read_all([job.input.requests], "requests").set_index("request")
drawn = tables.read(job.input.samples, "samples").query("status == 'ok'")
# An edit is meant to resemble its source: it is compared with all other patients.
edits = [sources.edited(json.loads(requests["parameters"][name])) for name in drawn["sample"]]
drawn = drawn.assign(owner=drawn["patient"].where(edits, ""))
logging.info("%d samples, %d of them edits of their sources", len(drawn), sum(edits))

networks = [weights.read(*group) for group in (job.input.copies, job.input.patients)]
rng = np.random.default_rng(seed(job.params.seed, "audit", job.wildcards.recipe))
side, count = networks[0].card["size"]["side"], options["planted"]
samples = progress(drawn_cases(drawn), len(drawn), "samples")
compared = material.gathered(train, held, samples, side, count, rng)
kept = kept_samples(job.input.samples, job.input.verdicts)["sample"]
found = audit.audited(compared, tuple(networks), kept, options, rng, device(job))
for frame, path, kind in zip(found, job.output, ("memorisation", "nearest"), strict=True):
    tables.write(frame, path, kind)
