"""Measure the regions of a batch of cases, and each lesion of a finding where that is asked."""

from functools import partial

import pandas as pd
from _cases import joined
from _cohort import real_cases
from _job import start

from radfoundry import radiomics, tables
from radfoundry.anatomy.quality import status

job = start(snakemake)
options = job.params.radiomics


def load(name):
    """Return image and masks of a case: called in the process that measures it."""
    case = next(real_cases([job.input.images], job.input.labels, [name]))
    return case.image, radiomics.masks_of(case, options)


images, labels = joined([job.input.images], "images"), joined(job.input.labels, "labels")
loads = {name: partial(load, name) for name in images.loc[images["status"] == "ok", "case"]}
rows = radiomics.extract_cases(loads, {**options, "modality": job.params.modality}, job.threads)
parts = [name.split(" ") for name in rows["region"]]
rows["region"], rows["lesion"] = [part[0] for part in parts], [int(part[1]) for part in parts]
features = [name for name in rows if name not in tables.columns("radiomics")]
film = job.params.modality == "CXR"
for case, failed in labels[labels["status"] == "failed"].groupby("case")["structure"]:
    bad = status.spread(failed)
    rests = {r: any(status.depends(r, n, film) for n in bad) for r in options["regions"]}
    places = rows.index[rows["region"].map(rests) & (rows["case"] == case)]
    rows.loc[places, "code"] = "label.failed"
    rows.loc[places, "message"] = f"labels failed: {', '.join(sorted(bad))}"
    rows.loc[places, features] = float("nan")
tables.write(pd.DataFrame(rows), job.output.table, "radiomics")
