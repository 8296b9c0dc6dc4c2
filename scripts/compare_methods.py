"""Ask a second segmenter about every case and say where the two disagree."""

import pandas as pd
from _cases import joined, summarize
from _cohort import real_cases
from _job import start

from radfoundry import tables
from radfoundry.evaluation.metrics import agreement

job = start(snakemake)


def method_of(paths):
    """Return the name of the method and the structures that it claims to label."""
    frame = joined(paths, "labels")
    return frame["by"].iloc[0] if len(frame) else "", set(frame["structure"])


(first, claimed), (second, others) = method_of(job.input.first), method_of(job.input.second)
rows = []
pairs = (real_cases(job.input.images, paths) for paths in (job.input.first, job.input.second))
for one, other in zip(*pairs, strict=True):
    maps, claims = (one.anatomy, other.anatomy), (claimed, others)
    compared = agreement.second_opinion(*maps, claims, one.image.spacing_mm)
    for region, found in compared.items():
        row = {"case": one.name, "region": region, "first": first, "second": second}
        status = agreement.opinion(found, job.params.agree_dice)
        rows.append(row | {"dice": found.dice, "distance_mm": found.distance_mm, "status": status})
frame = pd.DataFrame(rows, columns=list(tables.columns("second_opinion")))
summarize(frame, "status")
tables.write(frame, job.output.table, "second_opinion")
