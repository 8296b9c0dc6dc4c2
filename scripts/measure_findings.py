"""Compare the masks that a detector would give with readers' masks and boxes, where there are any.

The detector is asked of films of every split, whatever their readers marked.
"""

import pandas as pd
from _cohort import Cases
from _job import progress, start
from _marks import truth

from radfoundry import tables, weights
from radfoundry.config.catalogue import load
from radfoundry.evaluation import finding_detector

job = start(snakemake)
asked, network = job.params.findings, weights.read(job.input.network)
task = load("tasks", asked["detector"])
known = tables.read(job.input.cases, "cases").set_index("case")
boxes = known["boxes"].to_dict() if "boxes" in known else {}

cases, rows = Cases(job.input.images, job.input.labels), []
for case in progress(cases, len(cases), "films"):
    drawn, by = truth(case, boxes)
    site = known.loc[case.name, "site"] if job.params.by == "site" else ""
    row = {"case": case.name, "patient": case.facts["patient"], "method": job.wildcards.method}
    row |= {"collection": site or job.wildcards.cohort, "truth_by": by}
    if drawn.any():
        found = finding_detector.compared(task, network, case, drawn, asked)
        rows += [row | one for one in found]
frame = pd.DataFrame(rows, columns=list(tables.columns("finding_masks")))
tables.write(frame, job.output.table, "finding_masks")
