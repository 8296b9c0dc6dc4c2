"""Split by patient; stop when too many cases were rejected or an image leaks."""

import logging

import numpy as np
from _cases import joined, summarize
from _cohort import real_cases
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.data import duplicates, leakage, splits

job = start(snakemake)
chosen = dict(job.params.splits)

images = joined(job.input.images, "images")
leakage.check_rejected(images, job.params.max_rejected)
cases = tables.read(job.input.cases, "cases")
accepted = set(images.loc[images["status"] == "ok", "case"])
cases = cases[cases["case"].isin(accepted)].reset_index(drop=True)

prints = {
    case.name: duplicates.fingerprint(volume.projection(case.image))
    for case in progress(real_cases(job.input.images), len(cases), "fingerprints")
}
names = cases["case"].tolist()
pairs = duplicates.find([prints[name] for name in names], names, cases["patient"].tolist())
policy = chosen["duplicates"]
linked = zip(pairs["patient"], pairs["other_patient"], strict=True) if policy == "link" else []
fractions = {name: chosen[name] for name in splits.SPLITS}
given = cases["split"].ne("")
cases["split"] = splits.assign(cases, fractions, chosen["seed"], linked)
cases["by"] = np.where(given, "table", "factory")
summarize(cases, "split")
for pair in pairs.itertuples():
    logging.warning("%s and %s show one image (policy: %s)", pair.case, pair.other, policy)
splits.check(cases, None if policy == "ignore" else pairs, needed=())
tables.write(pairs, job.output.duplicates, "duplicates")
tables.write(cases[["case", "patient", "split", "by"]], job.output.splits, "splits")
