"""Draw a batch of phantoms as a hospital would send them: 16-bit PNG, truth beside it."""

import json
from pathlib import Path

from _job import progress, start

from radfoundry import tables, volume
from radfoundry.catalogue import load

job = start(snakemake)
phantom = load("phantoms", job.params.kind)

cases = tables.read(job.input.cases, "cases")
rows = cases[cases["batch"] == job.wildcards.batch].to_dict("records")
for row in progress(rows, len(rows), "phantoms"):
    body = phantom.draw(json.loads(row["parameters"]))
    folder = Path(job.output.folder) / row["case"]
    volume.write_picture(volume.picture(body.image.voxels), folder / "image.png")
    volume.write_picture(volume.picture(body.anatomy), folder / "labels" / "anatomy.png")
    volume.write_picture(volume.picture(body.findings), folder / "labels" / "findings.png")
