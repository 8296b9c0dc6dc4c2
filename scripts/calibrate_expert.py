"""Let an expert learn from the real train split, and score the real tune split."""

import json

import pandas as pd
from _cases import read_all, reports_of, trusted
from _cohort import Cases
from _job import device, progress, start

from radfoundry import tables, volume
from radfoundry.config.catalogue import load

job = start(snakemake)
expert = load("experts", job.wildcards.expert)
place = device(job) if job.resources.gpu else "cpu"
splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)


def usable(split):
    """Return the cases of a split whose labels can be trusted, each read when it is asked for."""
    own = splits.loc[splits["split"] == split, "case"]
    return Cases(job.input.images, job.input.labels, own, reports_of(job.input.cases))


train, tune = usable("train"), usable("tune")
reference = expert.fit(progress(train, len(train), "real cases"), job.params.options, place)
rows = [
    {
        "sample": case.name,
        "expert": job.wildcards.expert,
        "score": expert.score_real(case, reference, job.params.options, place),
    }
    for case in progress(tune, len(tune), "real scores")
]
volume.write_bytes(json.dumps(reference).encode(), job.output.reference)
tables.write(pd.DataFrame(rows), job.output.scores, "scores")
