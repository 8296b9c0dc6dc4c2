"""Join the batches' measurements; write units and settings beside them."""

import json

from _cases import read_all
from _job import start

from radfoundry import radiomics, tables, volume

job = start(snakemake)

frame = read_all(job.input.tables, "radiomics")
tables.write(frame, job.output.table, "radiomics")
features = [name for name in frame if name not in tables.columns("radiomics")]
beside = {
    "settings": radiomics.settings(job.params.radiomics),
    "units": {name: radiomics.units(name) for name in features},
}
volume.write_bytes(json.dumps(beside, indent=2, sort_keys=True).encode(), job.output.settings)
