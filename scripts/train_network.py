"""Train one network of a generator on the train split; go on where a stopped job left off."""

import numpy as np
from _cases import joined, splits_of, trusted
from _encoded import read
from _job import device, start
from _lasting import stated
from _training import files_given, networks_given, reports_given, run

from radfoundry import seeds
from radfoundry.config.catalogue import load
from radfoundry.tables import digest
from radfoundry.text.readings import readings
from radfoundry.training.loop import TrainingData


def train_rows(job, kind):
    frame, splits = joined(getattr(job.input, kind), kind), splits_of(job.input.splits)
    return frame[frame["case"].map(splits) == "train"]


def case_facts(job):
    rows = trusted(train_rows(job, "cases"), job.input.labels)
    return rows.reindex(columns=["case", "patient", "findings", "report"], fill_value="")


def facts(job):
    """Return all that the weights depend on."""
    known, rows, more = stated(job), case_facts(job), reports_given(job)
    data = {"cases": digest(rows)} | readings(known["code"], [*rows["report"], *more["report"]])
    data |= {"reports": digest(more)} if len(more) else {}
    for kind in ("images", "labels"):
        data[kind] = digest(train_rows(job, kind).filter(regex="^case$|sha256").drop_duplicates())
    needs, data["start"] = files_given(job)
    return known | {"data": data, "needs": needs}


def fit(job, callbacks):
    """Return the trained network; every GPU's process calls this."""
    cases = read(job.input.encoded, case_facts(job), train_rows(job, "images"))
    data = TrainingData(cases, networks_given(job), reports_given(job)["report"].tolist())
    options = {**job.params.options, "size": job.params.size}
    rng = np.random.default_rng(seeds.seed(job.params.seed, "train", job.wildcards.network))
    generator = load("generators", job.params.generator)
    return generator.fit(job.wildcards.network, data, options, rng, device(job), callbacks)


if __name__ == "__main__":
    run(start(snakemake), facts(snakemake), fit)
