"""Join the batches, scale vectors on the train split; write units and settings beside them."""

import json

import pandas as pd
from _cases import read_all, splits_of
from _job import start

from radfoundry import radiomics, tables, vectors, volume

job = start(snakemake)
options, splits = job.params.radiomics, splits_of([job.input.splits])

frame = read_all(job.input.tables, "radiomics")
tables.write(frame, job.output.table, "radiomics")
features = [name for name in frame if name not in tables.columns("radiomics")]
dimensions = 2 if job.params.modality == "CXR" else 3
beside = {
    "settings": radiomics.settings({**options, "modality": job.params.modality}, dimensions),
    "units": {name: radiomics.units(name) for name in features},
    "scaling": {},
}
made = pd.DataFrame(columns=list(tables.columns("vectors")))
if options["vectors"]:
    parts = [take(frame, options["vectors"]) for take in (vectors.shape, vectors.texture)]
    both = parts[0].join(parts[1].drop(columns="code"))
    splits_by_case = [splits[name] for name in both.index]
    made = both.drop(columns="code")  # in their units, where there is nobody to scale by
    train = both[[split == "train" for split in splits_by_case]]
    if len(train):
        scaling = vectors.fit(train)
        beside["scaling"] = scaling.to_json()
        made = scaling.apply(both[both["code"] == ""]).reindex(both.index)
    made = made.assign(code=both["code"], split=splits_by_case).reset_index()
tables.write(made, job.output.vectors, "vectors")
volume.write_bytes(json.dumps(beside, indent=2, sort_keys=True).encode(), job.output.settings)
