"""Draw a batch of requests; one that cannot be drawn becomes a failed row."""

from pathlib import Path

import pandas as pd
from _cases import real_cases, store, summarize
from _job import device, progress, start
from _networks import learned

from radfoundry import tables
from radfoundry.config.catalogue import load

job = start(snakemake)
generator = load("generators", job.params.generator)
stored = learned(job.input.networks, job.input.channels, job.params.told)
networks = generator.prepare(stored, device(job))  # no GPU: stops here, unless the CPU will do

requests = tables.read(job.input.requests, "requests")
requests = requests[requests["batch"] == job.wildcards.batch]
sources = {
    case.name: case
    for case in real_cases(job.input.images, job.input.labels, only=requests["source"])
}

Path(job.output.folder).mkdir(parents=True)
rows = []
for request in progress(requests.to_dict("records"), len(requests), "samples"):
    row = {"sample": request["request"], "source": request["source"], "split": request["split"]}
    row |= {"seed": request["seed"], "status": "ok", "message": ""}
    try:
        source = sources[request["source"]]
        if source.facts["failed"]:  # planned before its labels were drawn anew
            raise ValueError(f"labels of its source failed: {source.facts['failed']}")
        sample = generator.draw(request, source, networks)
    except ValueError as error:
        rows.append(row | {"status": "failed", "message": str(error)})
        continue
    facts = {key: sample.facts[key] for key in tables.columns("samples") if key in sample.facts}
    rows.append(facts | row | store(sample, Path(job.output.folder) / sample.name))

frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("samples")))
summarize(frame, "status")
tables.write(frame, job.output.table, "samples")
