"""Train one network of a generator on the train split; go on where a stopped job left off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from _cases import joined, splits_of, trusted
from _encoded import read
from _job import device, start
from _training import digest, run

from radfoundry import seeds, volume, weights
from radfoundry.config.catalogue import load
from radfoundry.training.loop import TrainingData


def train_rows(job, kind):
    frame, splits = joined(getattr(job.input, kind), kind), splits_of(job.input.splits)
    return frame[frame["case"].map(splits) == "train"]


def case_facts(job):
    rows = trusted(train_rows(job, "cases"), job.input.labels)
    return rows.reindex(columns=["case", "patient", "findings", "report"], fill_value="")


def facts(job):
    """Return all that the weights depend on."""
    chosen = {name: getattr(job.params, name) for name in ("generator", "size", "seed", "code")}
    data = {"cases": digest(case_facts(job))}
    for kind in ("images", "labels"):
        data[kind] = digest(train_rows(job, kind).filter(regex="^case$|sha256").drop_duplicates())
    needs = {Path(f).name: volume.sha256(Path(f) / weights.TENSORS) for f in job.input.needs}
    data["start"] = {Path(f).name: volume.sha256(f) for f in job.input.start}
    return chosen | {"options": dict(job.params.options), "data": data, "needs": needs}


def fit(job, callbacks):
    """Return the trained network; every GPU's process calls this."""
    generator = load("generators", job.params.generator)
    cases = read(job.input.encoded, case_facts(job), train_rows(job, "images"))
    data = TrainingData(cases, {Path(f).name: weights.read(f) for f in job.input.needs})
    options = {**job.params.options, "size": job.params.size}
    rng = np.random.default_rng(seeds.seed(job.params.seed, "train", job.wildcards.network))
    callbacks = replace(callbacks, workers=job.threads - 1)
    return generator.fit(job.wildcards.network, data, options, rng, device(job), callbacks)


if __name__ == "__main__":
    run(start(snakemake), facts(snakemake), fit)
