"""Let a batch of cases in through the read gate; what is refused becomes a rejected row."""

import json
from pathlib import Path

import pandas as pd
from _cases import store, summarize
from _job import progress, start

from radfoundry import gate, preprocess, tables
from radfoundry.case import Case

job = start(snakemake)
params = job.params
phantoms = f"results/cohorts/{job.wildcards.cohort}/phantoms/{job.wildcards.batch}"


def admitted(row):
    """Return the row of one accepted case, its files written."""
    by = "phantom" if row["parameters"] else "reader"
    files = row | {"image": "image.png", "labels": "labels"} if by == "phantom" else row
    folder = Path(phantoms) / row["case"] if by == "phantom" else Path(params.root)
    image, labels = folder / files["image"], folder / (files["labels"] or "no labels")
    raw = gate.read(image, params.root or None, params.modality)
    raw = preprocess.with_spacing(raw, row["spacing_mm"])
    ready, record = preprocess.radiograph(raw, params.preprocess)
    warned = "|".join(filter(None, [row["warnings"], *record["warnings"]]))
    told = {"warnings": warned, "record": json.dumps(record), "status": "ok"}
    told |= {"source_sha256": raw.sha256, "spacing_mm": ready.spacing_mm[0]}
    given = [None, None]
    if labels.exists():
        root, meaning = params.root or None, params.reader_labels or None
        maps = gate.read_labels(labels, meaning, raw.image, root)
        given = [part if part is None else preprocess.like(part, record) for part in maps]
        told["truth_by"] = by
    return told | store(Case(row["case"], ready, *given), Path(job.output.folder) / row["case"])


cases = tables.read(job.input.cases, "cases").groupby("batch").get_group(job.wildcards.batch)
Path(job.output.folder).mkdir(parents=True)
rows = []
for row in progress(cases.to_dict("records"), len(cases), "cases"):
    known = {key: row[key] for key in ("case", "patient", "findings")}
    try:
        rows.append(known | admitted(row))
    except gate.GateError as error:
        rows.append(known | {"status": "rejected", "code": error.code, "message": error.message})
frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("images")))
summarize(frame, "status")
tables.write(frame, job.output.table, "images")
