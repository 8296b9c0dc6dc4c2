"""Mark the stated findings of a batch on top of its anatomy; say what became of each."""

from pathlib import Path

import pandas as pd
from _cases import joined, splits_of
from _cohort import Cases
from _job import progress, start
from _marks import evidence

from radfoundry import tables, volume, weights
from radfoundry.anatomy.chest_xray import marking
from radfoundry.config.catalogue import load
from radfoundry.evaluation import finding_detector

job = start(snakemake)
asked, folder = job.params.findings, Path(job.output.folder)
task, network = load("tasks", asked["detector"]), weights.read(job.input.network)
normal = finding_detector.normal_of(network)
plan, splits = tables.read(job.input.cases, "cases"), splits_of([job.input.splits])
boxes = dict(zip(plan["case"], plan["boxes"], strict=True)) if "boxes" in plan else {}


def score(case):
    """Return the detector's map of a case; None of healthy ones and in the test split."""
    if not case.facts["findings"] or splits[case.name] == "test":
        return None
    return finding_detector.scores(task, network, [case], asked["options"])[0]


anatomy = joined(job.input.labels, "labels").drop(columns="folder")
cases, rows, digests = Cases([job.input.images], job.input.labels), [], {}
for case in progress(cases, len(cases), "findings"):
    known = evidence(case, boxes, splits[case.name], score(case))
    found = marking.marks(filter(None, case.facts["findings"].split("|")), known, normal, asked)
    volume.write(case.image.holding(case.anatomy), folder / f"{case.name}.nii.gz")
    marks = case.image.holding(volume.plane(marking.findings_map(found, known)))
    digests[case.name] = volume.write(marks, folder / f"{case.name}.findings.nii.gz")
    row = {"case": case.name, "patient": case.facts["patient"], "split": splits[case.name]}
    rows += [row | one.columns() for one in found]
frame = pd.DataFrame(rows, columns=list(tables.columns("marked_findings")))
tables.write(frame, job.output.findings, "marked_findings")
tables.write(
    anatomy.assign(findings_sha256=anatomy["case"].map(digests)), job.output.table, "labels"
)
