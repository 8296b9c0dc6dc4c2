"""Label a batch of cases with one segmenter, and judge each structure."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from _cases import real_cases
from _job import progress, start

from radfoundry import quality, tables, volume, weights
from radfoundry.catalogue import load
from radfoundry.thoracic import findings

job = start(snakemake)
method = job.params.method
segmenter = load("segmenters", method["segmenter"])

learned = weights.read(job.input.network) if job.input.network else None
claimed = segmenter.structures(method["options"])
label = segmenter.prepare(method["options"], learned)
marks_findings = job.params.modality == "CT"

cases = list(real_cases([job.input.images]))
rows = []
for case in progress(cases, len(cases), "labels"):
    try:
        labels = label(case.image)
    except ValueError as error:  # a bad case is data: all its structures failed
        logging.warning("%s: %s", case.name, error)
        labels = np.zeros(case.image.voxels.shape, np.uint8)
    folder = Path(job.output.folder)
    row = {"case": case.name, "by": job.wildcards.method}
    row["sha256"] = volume.write(case.image.holding(labels), folder / f"{case.name}.nii.gz")
    if marks_findings:
        marks = case.image.holding(findings.marked(case.image, labels))
        row["findings_sha256"] = volume.write(marks, folder / f"{case.name}.findings.nii.gz")
    for found in quality.assess(labels, claimed, case.image).values():
        told = {"structure": found.structure, "status": found.status, "message": found.reason}
        told |= {"area": found.area_fraction, "volume_cm3": found.volume_cm3}
        told |= {"largest_part": found.largest_part, "edge_fraction": found.edge_fraction}
        rows.append(row | told)
Path(job.output.folder).mkdir(parents=True, exist_ok=True)
frame = pd.DataFrame(rows, columns=list(tables.columns("labels")))
tables.write(frame, job.output.table, "labels")
