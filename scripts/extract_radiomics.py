"""Measure the regions of a batch of cases."""

import pandas as pd
from _cases import real_cases
from _job import progress, start

from radfoundry import anatomy, radiomics, tables

job = start(snakemake)
options = job.params.radiomics

rows = []
cases = list(real_cases([job.input.images], [job.input.labels]))
for case in progress(cases, len(cases), "radiomics"):
    for region in options["regions"]:
        row = {"case": case.name, "region": region, "code": "", "message": ""}
        failed = [name for name in case.facts["failed"].split("|") if name]
        if any(set(anatomy.ids(name)) & set(anatomy.ids(region)) for name in failed):
            told = f"labels failed: {', '.join(failed)}"
            rows.append(row | {"code": "label.failed", "message": told})
            continue
        try:
            row |= dict(radiomics.extract(case.image, anatomy.mask(case.anatomy, region), options))
        except radiomics.RadiomicsError as error:
            row |= {"code": error.code, "message": str(error)}
        rows.append(row)
tables.write(pd.DataFrame(rows), job.output.table, "radiomics")
