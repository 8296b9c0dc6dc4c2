"""Draw a batch of phantoms as a hospital would send them, truth beside them."""

import json
from pathlib import Path

from _job import progress, start

from radfoundry import tables, volume
from radfoundry.config.catalogue import load

job = start(snakemake)
phantom = load("phantoms", job.params.kind)

cases = tables.read(job.input.cases, "cases")
rows = cases[cases["batch"] == job.wildcards.batch].to_dict("records")
for row in progress(rows, len(rows), "phantoms"):
    body = phantom.draw(json.loads(row["parameters"]))
    folder = Path(job.output.folder) / row["case"]
    maps = {"labels/anatomy": body.anatomy, "labels/findings": body.findings}
    if body.image.is_radiograph:  # 16-bit PNG
        for name, voxels in {"image": body.image.voxels, **maps}.items():
            volume.write_picture(volume.picture(voxels), folder / f"{name}.png")
    else:  # NIfTI of whole numbers
        for name, voxels in {"image": volume.to_int16(body.image.voxels), **maps}.items():
            volume.write(body.image.holding(voxels), folder / f"{name}.nii.gz")
