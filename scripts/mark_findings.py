"""Mark the stated findings of a batch on top of its anatomy; say what became of each."""

import json
from pathlib import Path

import pandas as pd
from _cases import joined, splits_of
from _cohort import Cases
from _job import progress, start

from radfoundry import tables, volume, weights
from radfoundry.anatomy.chest_xray import marking
from radfoundry.config.catalogue import load
from radfoundry.data import reader_boxes
from radfoundry.evaluation import finding_detector

job = start(snakemake)
asked, folder = job.params.findings, Path(job.output.folder)
task, network = load("tasks", asked["detector"]), weights.read(job.input.network)
normal = finding_detector.normal_of(network)
plan, splits = tables.read(job.input.cases, "cases"), splits_of([job.input.splits])
boxes = dict(zip(plan["case"], plan["boxes"], strict=True)) if "boxes" in plan else {}


def evidence(case):
    """Return what is known of where findings lie; a phantom's truth is not."""
    held_out = splits[case.name] == "test"
    own = case.facts["truth_by"] == "reader" and case.facts["findings_sha256"]
    drawn = reader_boxes.masks(boxes.get(case.name, ""), json.loads(case.facts["record"]))
    score = None
    if case.facts["findings"] and not held_out:
        score = finding_detector.scores(task, network, [case], asked["options"])[0]
    given = volume.picture(case.findings) if own else None
    missing, why = case.facts["not_given"].split("|"), "test split: judged by readers alone"
    anatomy = volume.picture(case.anatomy)
    return marking.Evidence(anatomy, given, missing, drawn, score, why)


anatomy = joined(job.input.labels, "labels").drop(columns="folder")
cases, rows, digests = Cases([job.input.images], job.input.labels), [], {}
for case in progress(cases, len(cases), "findings"):
    known = evidence(case)
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
