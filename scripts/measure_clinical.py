"""Measure what a clinician reads off the labels, beside the same from the truth."""

import json

import pandas as pd
from _cases import joined
from _cohort import real_cases
from _job import progress, start

from radfoundry import tables
from radfoundry.evaluation.metrics import clinical

job = start(snakemake)
cases = tables.read(job.input.cases, "cases").set_index("case")
claimed = {*joined(job.input.labels, "labels")["structure"], "emphysema"}


def named(case, *statuses):
    """Return the structures of a case whose label has one of the statuses."""
    return [name for status in statuses for name in case.facts[status].split("|") if name]


def measured(case, looked_for):
    """Return the measurements of a case's maps, without those of what failed or was not in view."""
    scale = 1 / float(case.facts["volume_scale"])  # volumes of the patient, not of the atlas
    lowest = json.loads(case.facts["record"])["window"][0]
    maps = (case.image, case.anatomy, case.findings)
    found = clinical.measure(*maps, scale, looked_for, lowest)
    return clinical.trusted(found, named(case, "failed", "not_in_view"))


rows = []
pairs = zip(
    real_cases(job.input.images, job.input.labels), real_cases(job.input.images), strict=True
)
for case, truth in progress(pairs, len(cases), "clinical measures"):
    by = case.facts["truth_by"]
    site = cases.loc[case.name, "site"] if job.params.by == "site" else ""
    row = {"case": case.name, "patient": case.facts["patient"], "method": job.wildcards.method}
    row |= {"collection": site or job.wildcards.cohort, "truth_by": by}
    own = measured(case, claimed)
    asked = ("pleural_space", "emphysema") if by == "phantom" else ()  # readers drew what they drew
    known = clinical.trusted(measured(truth, asked), named(case, "not_given")) if by else {}
    cut = named(case, "cropped")
    for name, value in own.items():
        measurement = {"measurement": name, "value": value, "unit": clinical.MEASURES[name].unit}
        measurement |= {"status": "cropped" if clinical.cropped(name, cut) else ""}
        rows.append(row | measurement | {"truth": known.get(name)})
frame = pd.DataFrame(rows, columns=list(tables.columns("clinical")))
tables.write(frame, job.output.table, "clinical")
