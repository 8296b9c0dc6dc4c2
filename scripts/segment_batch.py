"""Label a batch of cases with one segmenter, and judge each structure."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from _cases import real_cases
from _job import progress, start

from radfoundry import quality, tables, volume, weights
from radfoundry.catalogue import load

job = start(snakemake)
method = job.params.method
segmenter = load("segmenters", method["segmenter"])

learned = weights.read(job.input.network) if job.input.network else None
claimed = segmenter.structures(method["options"])
label = segmenter.prepare(method["options"], learned)  # on the CPU: milliseconds each

cases = list(real_cases([job.input.images]))
rows = []
for case in progress(cases, len(cases), "labels"):
    try:
        labels = label(case.image)
    except ValueError as error:  # a bad case is data: all its structures failed
        logging.warning("%s: %s", case.name, error)
        labels = np.zeros(case.image.voxels.shape, np.uint8)
    digest = volume.write(
        case.image.holding(labels), Path(job.output.folder) / f"{case.name}.nii.gz"
    )
    for found in quality.assess(labels, claimed, case.image).values():
        row = {"case": case.name, "by": job.wildcards.method, "structure": found.structure}
        row |= {"status": found.status, "area": found.area_fraction, "message": found.reason}
        rows.append(row | {"sha256": digest})
Path(job.output.folder).mkdir(parents=True, exist_ok=True)
frame = pd.DataFrame(rows, columns=list(tables.columns("labels")))
tables.write(frame, job.output.table, "labels")
