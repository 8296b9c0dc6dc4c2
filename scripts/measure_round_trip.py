"""Encode and decode held-out real cases, before anything is drawn on their latents."""

import pandas as pd
from _cases import read_all, summarize
from _cohort import real_cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics import round_trip
from radfoundry.networks.autoencoder.build import factors
from radfoundry.seeds import seed

job = start(snakemake)
(folder,) = job.input.networks
learned = weights.read(folder)
there_and_back = load("generators", job.params.generator).round_trip(learned, device(job))
chosen = job.params.segmenter
segment = load("segmenters", chosen["segmenter"]).prepare(chosen["options"]) if chosen else None

splits = read_all(job.input.splits, "splits").set_index("case")["split"]
unseen = [case for case in splits.index if splits[case] in ("tune", "test")]
# In an order that does not follow the names, so that a few are a sample of all.
unseen = sorted(unseen, key=lambda case: seed(job.params.seed, "round trip", case))
unseen = unseen[: job.params.asked["count"]]

parts = []
cases = real_cases(job.input.images, job.input.labels, only=unseen)
for case in progress(cases, len(unseen), "cases there and back"):
    case.facts["split"] = splits[case.name]
    again = there_and_back(case)
    parts.append(round_trip.rows(case, again, factors(learned.card["size"]), segment))
frame = pd.concat(parts, ignore_index=True)
summarize(frame.drop_duplicates("case"), "split")
round_trip.check(frame, job.params.asked["least_psnr_db"], job.wildcards.recipe)
tables.write(frame, job.output.table, "round_trip")
