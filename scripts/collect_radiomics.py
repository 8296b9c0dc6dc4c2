"""Join the batches, scale vectors on the train split; write units and settings beside them."""

import json

from _cases import read_all, splits_of
from _job import start

from radfoundry import radiomics, tables, volume
from radfoundry.radiomics import vectors

job = start(snakemake)
options, splits = job.params.radiomics, splits_of([job.input.splits])

frame = read_all(job.input.tables, "radiomics")
tables.write(frame, job.output.table, "radiomics")
features = [name for name in frame if name not in tables.columns("radiomics")]
dimensions = 2 if job.params.modality == "CXR" else 3
made, scaling = vectors.conditions(frame, options["vectors"], splits)
beside = {
    "settings": radiomics.settings({**options, "modality": job.params.modality}, dimensions),
    "units": {name: radiomics.units(name) for name in features},
    "scaling": scaling,
}
tables.write(made, job.output.vectors, "vectors")
volume.write_bytes(json.dumps(beside, indent=2, sort_keys=True).encode(), job.output.settings)
