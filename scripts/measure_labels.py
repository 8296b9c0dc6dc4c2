"""Compare pseudo-labels with the truth of readers or phantoms, where there is one."""

import pandas as pd
from _cases import joined
from _cohort import real_cases
from _job import start

from radfoundry import tables
from radfoundry.evaluation.metrics import overlap

job = start(snakemake)

cases = tables.read(job.input.cases, "cases").set_index("case")
claimed = set(joined(job.input.labels, "labels")["structure"])
rows = []
pairs = zip(
    real_cases(job.input.images, job.input.labels), real_cases(job.input.images), strict=True
)
for case, known in pairs:
    site = cases.loc[case.name, "site"] if job.params.by == "site" else ""
    row = {"case": case.name, "patient": case.facts["patient"], "method": job.wildcards.method}
    row |= {"collection": site or job.wildcards.cohort, "truth_by": case.facts["truth_by"]}
    missing = [name for name in case.facts["not_given"].split("|") if name]
    dices = overlap.of_regions(case.anatomy, known.anatomy, claimed, missing)
    for region, value in dices.items():
        rows.append(row | {"region": region, "dice": value})
frame = pd.DataFrame(rows, columns=list(tables.columns("label_dice")))
tables.write(frame, job.output.table, "label_dice")
