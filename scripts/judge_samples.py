"""Let one expert measure every sample that was drawn."""

import json
from pathlib import Path

import pandas as pd
from _cases import drawn_cases, real_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.catalogue import load

job = start(snakemake)
expert = load("experts", job.wildcards.expert)
reference = json.loads(Path(job.input.reference).read_text())

samples = tables.read(job.input.samples, "samples")
drawn = samples[samples["status"] == "ok"]
sources = {
    case.name: case for case in real_cases(job.input.images, job.input.labels, only=drawn["source"])
}
rows = []
for sample in progress(drawn_cases(drawn), len(drawn), "scores"):
    source = sources[sample.facts["source"]]
    score = expert.score(sample, source, reference, job.params.options)
    rows.append({"sample": sample.name, "expert": job.wildcards.expert, "score": score})
frame = pd.DataFrame(rows, columns=["sample", "expert", "score"])
tables.write(frame, job.output.scores, "scores")
