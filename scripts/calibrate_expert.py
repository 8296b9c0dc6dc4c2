"""Let an expert learn from the real train split, and score the real tune split."""

import json

import pandas as pd
from _cases import read_all, real_cases, trusted
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.config.catalogue import load

job = start(snakemake)
expert = load("experts", job.wildcards.expert)

splits = trusted(read_all(job.input.splits, "splits"), job.input.labels)


def usable(split):
    """Return the cases of a split whose labels can be trusted."""
    own = splits.loc[splits["split"] == split, "case"]
    return list(real_cases(job.input.images, job.input.labels, only=own))


reference = expert.fit(usable("train"), job.params.options)
tune = usable("tune")
rows = [
    {
        "sample": case.name,
        "expert": job.wildcards.expert,
        "score": expert.score_real(case, reference, job.params.options),
    }
    for case in progress(tune, len(tune), "real scores")
]
volume.write_bytes(json.dumps(reference).encode(), job.output.reference)
tables.write(pd.DataFrame(rows), job.output.scores, "scores")
