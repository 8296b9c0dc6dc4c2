"""Encode the training cases of a batch once, as arrays that training reads pieces of."""

from pathlib import Path

from _cases import joined, splits_of
from _cohort import real_cases
from _encoded import write, write_card
from _job import progress, start

job = start(snakemake)
images, splits = joined([job.input.images], "images"), splits_of([job.input.splits])
own = images.loc[(images["status"] == "ok") & (images["case"].map(splits) == "train"), "case"]

folder = Path(job.output.folder)
folder.mkdir(parents=True)
cases = real_cases([job.input.images], job.input.labels, only=own)
found = {
    case.name: write(case, folder, job.params.factors)
    for case in progress(cases, len(own), "cases")
}
write_card(found, folder)
