"""Let an expert learn from the real train split, and score the real tune split."""

import json

import pandas as pd
from _cases import real_cases
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.catalogue import load

job = start(snakemake)
expert = load("experts", job.wildcards.expert)

splits = pd.concat([tables.read(path, "splits") for path in job.input.splits])
cases = {
    split: list(real_cases(job.input.images, job.input.labels, only=rows["case"]))
    for split, rows in splits.groupby("split")
}
reference = expert.fit(cases["train"], job.params.options)
rows = [
    {
        "sample": case.name,
        "expert": job.wildcards.expert,
        "score": expert.score_real(case, reference, job.params.options),
    }
    for case in progress(cases["tune"], len(cases["tune"]), "real scores")
]
volume.write_bytes(json.dumps(reference).encode(), job.output.reference)
tables.write(pd.DataFrame(rows), job.output.scores, "scores")
