"""Label a batch of cases with one segmenter, and assess each structure."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from _cohort import real_cases
from _job import device, progress, start

from radfoundry import tables, volume, weights
from radfoundry.anatomy.chest_ct import findings
from radfoundry.anatomy.quality import assess, status
from radfoundry.config.catalogue import load

job = start(snakemake)
method, folder = job.params.method, Path(job.output.folder)
segmenter = load("segmenters", method["segmenter"])

learned = weights.read(job.input.network) if job.input.network else None
claimed = segmenter.structures(method["options"])
noted = hasattr(segmenter, "explained")
where = device(job) if method["device"] == "gpu" else "cpu"
label = (segmenter.explained if noted else segmenter.prepare)(method["options"], learned, where)


def labeled(image):
    """Return the map of an image, notes by structure, and why it failed; "" where it did not."""
    try:
        found = label(image)
    except ValueError as error:  # a bad case is data: all its structures failed
        logging.warning("labels failed: %s", error)
        return np.zeros(image.voxels.shape, np.uint8), {}, str(error)
    return (*found, "") if noted else (found, {}, "")


total = (tables.read(job.input.images, "images")["status"] == "ok").sum()
folder.mkdir(parents=True, exist_ok=True)
rows = []
for case in progress(real_cases([job.input.images]), total, "labels"):
    labels, notes, reason = labeled(case.image)
    row = {"case": case.name, "by": job.wildcards.method}
    row["sha256"] = volume.write(case.image.holding(labels), folder / f"{case.name}.nii.gz")
    if job.params.modality == "CT":
        marks = case.image.holding(findings.marked(case.image, labels))
        row["findings_sha256"] = volume.write(marks, folder / f"{case.name}.findings.nii.gz")
    qualities = assess.assess(labels, claimed, case.image, float(case.facts["volume_scale"]))
    for found in (status.failed(qualities, claimed, reason) if reason else qualities).values():
        rows.append(row | found.columns() | {"how": notes.get(found.structure, "")})
tables.write(pd.DataFrame(rows, columns=list(tables.columns("labels"))), job.output.table, "labels")
