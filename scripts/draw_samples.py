"""Draw a batch of requests; one that cannot be drawn becomes a failed row."""

import logging
from functools import lru_cache
from pathlib import Path

import pandas as pd
from _cases import summarize
from _cohort import FEW, Cases
from _images import store
from _job import device, progress, start
from _networks import learned

from radfoundry import tables
from radfoundry.config.catalogue import load
from radfoundry.generators._requests.drawing import each_drawn

job = start(snakemake)
generator = load("generators", job.params.generator)
stored = learned(job.input.networks, job.input.channels, job.params.told)
place = device(job)  # no GPU: stops here, unless the CPU will do
networks = generator.prepare(stored, place)
together = 1 if place == "cpu" else job.params.together  # a CPU is no faster for more
logging.info("samples drawn together: %d", together)

requests = tables.read(job.input.requests, "requests")
requests = requests[requests["batch"] == job.wildcards.batch].to_dict("records")
only = {one["source"] for one in requests}
source = lru_cache(FEW)(Cases(job.input.images, job.input.labels, only).named)

Path(job.output.folder).mkdir(parents=True)
rows = []
drawn = each_drawn(generator, networks, requests, source, together)
for request, sample in progress(drawn, len(requests), "samples"):
    row = {"sample": request["request"], "source": request["source"], "split": request["split"]}
    row |= {"seed": request["seed"], "status": "ok", "message": ""}
    if isinstance(sample, ValueError):
        rows.append(row | {"status": "failed", "message": str(sample)})
        continue
    facts = {key: sample.facts[key] for key in tables.columns("samples") if key in sample.facts}
    rows.append(facts | row | store(sample, Path(job.output.folder) / sample.name))

frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("samples")))
summarize(frame, "status")
tables.write(frame, job.output.table, "samples")
