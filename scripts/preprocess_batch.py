"""Let a batch of cases in through the read gate; what is refused becomes a rejected row."""

import json
from pathlib import Path

import pandas as pd
from _cases import summarize
from _images import store
from _intake import carried, prepared, raw_case, reader_masks
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.case import Case
from radfoundry.data import gate

job = start(snakemake)
params = job.params
phantoms = f"results/cohorts/{job.wildcards.cohort}/phantoms/{job.wildcards.batch}"
atlas = volume.read(job.input.atlas) if job.input.atlas else None


def admitted(row):
    """Return the row of one accepted case, its files written."""
    raw, labels, by = raw_case(row, params.root, phantoms, params.modality)
    masks = reader_masks(labels, raw, params.root, params.reader_labels)
    ready, record = prepared(raw, row, params, atlas, masks)
    maps, mended = carried(masks, record)
    warned = "|".join(filter(None, [row["warnings"], *record["warnings"], *mended]))
    facts = {"warnings": warned, "record": json.dumps(record), "status": "ok"}
    facts |= {"source_sha256": raw.sha256, "spacing_mm": ready.spacing_mm[0]}
    facts |= {"slice_mm": ready.spacing_mm[2], "volume_scale": record.get("volume_scale", 1.0)}
    facts |= {"truth_by": by if labels.exists() else "", "not_given": "|".join(masks.not_given)}
    return facts | store(Case(row["case"], ready, *maps), Path(job.output.folder) / row["case"])


cases = tables.read(job.input.cases, "cases").groupby("batch").get_group(job.wildcards.batch)
Path(job.output.folder).mkdir(parents=True)
rows = []
for row in progress(cases.to_dict("records"), len(cases), "cases"):
    try:
        outcome = admitted(row)
    except gate.GateError as error:
        outcome = {"status": "rejected", "code": error.code, "message": error.message}
        outcome["warnings"] = row["warnings"]  # the name that was perhaps meant
    rows.append({key: row[key] for key in ("case", "patient", "findings")} | outcome)
frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("images")))
summarize(frame, "status")
tables.write(frame, job.output.table, "images")
