"""Read real films of the test split as drawn ones are: the ceiling of what is read off those."""

import pandas as pd
from _cases import read_all, reports_of
from _cohort import Cases
from _job import device, progress, start

from radfoundry import tables, weights
from radfoundry.data import splits as fair
from radfoundry.evaluation import radiographs
from radfoundry.evaluation.readers import finding_reader, stated
from radfoundry.evaluation.realism.descriptions import lungs_finder, shuffled

job = start(snakemake)
splits = read_all([job.input.splits], "splits")
fair.check(splits, needed=("tune", "test"))  # the reader has learned from the tune split
test = splits.loc[splits["split"] == "test", "case"]
chosen = shuffled(test, job.params.seed, job.params.most)
films = Cases(job.input.images, job.input.labels, chosen, reports_of([job.input.cases]))
reader = finding_reader.prepare(weights.read(job.input.reader), device(job))
learned = weights.read(job.input.segmenter) if job.input.segmenter else None
chosen = job.params.segmenter  # none where it labeled these films: it would agree with itself
segment = lungs_finder(**chosen, weights=learned) if chosen else None

rows = []
for film, other in radiographs.with_another(progress(films, len(films), "real films")):
    known = stated.of_film(film, reader.findings)
    found = radiographs.measured(film, other, known, segment, reader)
    first = film.name, film.name, film.facts["patient"], "real", "test"
    rows += [(*first, *one) for one in found.items()]
frame = pd.DataFrame(rows, columns=list(tables.columns("probes")))
tables.write(frame.sort_values("sample", kind="stable"), job.output.table, "probes")
