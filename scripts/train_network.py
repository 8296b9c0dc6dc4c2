"""Train one network of a generator on the train split; go on where a stopped job left off."""

from pathlib import Path

import numpy as np
import pandas as pd
from _encoded import read
from _job import device, start
from _lasting import readings, stated
from _training import case_facts, digest, networks_given, run, train_rows, unpaired

from radfoundry import seeds, volume, weights
from radfoundry.config.catalogue import load
from radfoundry.training.loop import TrainingData


def facts(job):
    """Return all that the weights depend on."""
    known, rows = stated(job), case_facts(job)
    texts = unpaired(job)
    data = {"cases": digest(rows)} | readings(known["code"], [*rows["report"], *texts])
    if texts:
        data["reports"] = digest(pd.DataFrame({"report": texts}))
    for kind in ("images", "labels"):
        data[kind] = digest(train_rows(job, kind).filter(regex="^case$|sha256").drop_duplicates())
    needs = {Path(f).name: volume.sha256(Path(f) / weights.TENSORS) for f in job.input.needs}
    data["start"] = {Path(f).name: volume.sha256(f) for f in job.input.start}
    return known | {"data": data, "needs": needs}


def fit(job, callbacks):
    """Return the trained network; every GPU's process calls this."""
    cases = read(job.input.encoded, case_facts(job), train_rows(job, "images"))
    data = TrainingData(cases, networks_given(job), unpaired(job))
    options = {**job.params.options, "size": job.params.size}
    rng = np.random.default_rng(seeds.seed(job.params.seed, "train", job.wildcards.network))
    generator = load("generators", job.params.generator)
    return generator.fit(job.wildcards.network, data, options, rng, device(job), callbacks)


if __name__ == "__main__":
    run(start(snakemake), facts(snakemake), fit)
