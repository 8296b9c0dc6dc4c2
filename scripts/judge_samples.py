"""Let one expert measure every sample that was drawn."""

import json
from functools import lru_cache
from pathlib import Path

import pandas as pd
from _cases import read_all
from _cohort import FEW, Cases
from _images import drawn_cases
from _job import device, progress, start

from radfoundry import tables
from radfoundry.config.catalogue import load

job = start(snakemake)
expert = load("experts", job.wildcards.expert)
place = device(job) if job.resources.gpu else "cpu"
reference = json.loads(Path(job.input.reference).read_text())

samples = tables.read(job.input.samples, "samples")
drawn = samples[samples["status"] == "ok"]
requests = read_all([path for path in [job.input.get("requests")] if path], "requests")
given = {
    request: json.loads(parameters).get("given", ["image"])
    for request, parameters in zip(requests["request"], requests["parameters"], strict=True)
}
# A sample starts from its source's image, unless its request lists what is given without it.
edited = {name for name in drawn["sample"] if "image" in given.get(name, ["image"])}
wanted = drawn.loc[drawn["sample"].isin(edited), "source"]
sources = lru_cache(FEW)(Cases(job.input.images, job.input.labels, only=wanted).named)
rows = []
for sample in progress(drawn_cases(drawn), len(drawn), "scores"):
    source = sources(sample.facts["source"]) if sample.name in edited else None
    score = expert.score(sample, source, reference, job.params.options, place)
    rows.append({"sample": sample.name, "expert": job.wildcards.expert, "score": score})
frame = pd.DataFrame(rows, columns=["sample", "expert", "score"])
tables.write(frame, job.output.scores, "scores")
