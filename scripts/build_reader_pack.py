"""Write one blinded page for each reader, and the key that must not leave the house."""

from pathlib import Path

import numpy as np
from _cases import joined, kept_samples, of, read_all
from _cohort import Cases
from _images import drawn_cases
from _job import progress, start

from radfoundry import seeds, volume
from radfoundry.evaluation.reader_study import pack, pictures, selection

job = start(snakemake)
study, paths = job.params.study, job.input
samples, real, pools = {}, {}, {}

for recipe, cohort in study["cohort"].items():
    (table,), (decided,) = of(recipe, paths.samples), of(recipe, paths.verdicts)
    samples[recipe] = kept_samples(table, decided).set_index("sample", drop=False)
    images, labels = of(cohort, paths.images), of(cohort, paths.labels)
    splits = read_all(of(cohort, paths.splits), "splits")
    test = splits.loc[splits["split"] == "test", "case"]
    known = joined(images, "images")
    shown = known[(known["status"] == "ok") & known["case"].isin(test)]
    real[recipe] = Cases(images, labels, only=shown["case"])
    parts = (
        shown.rename(columns={"case": "name"}),
        samples[recipe].rename(columns={"sample": "name"}),
    )
    pools[recipe] = selection.Pool(*(part[["name", "patient"]] for part in parts))

chosen, drawn, legends = selection.choose(study, pools), {}, {}
for row in progress(chosen.itertuples(), len(chosen), "pictures"):
    own = real if row.arm == "real" else samples
    found = own[row.recipe]
    case = found.named(row.name) if row.arm == "real" else next(drawn_cases(found.loc[[row.name]]))
    view = pictures.outlined if row.task == "overlay" else pictures.plain
    legends |= {row.item: pictures.legend(case)} if row.task == "overlay" else {}
    chance = seeds.seed(study["seed"], "reader_study", f"dither/{row.task}/{row.name}")
    drawn[row.item, row.slot] = view(
        case, study["modality"][row.recipe], study["size"], study["window_hu"],
        np.random.default_rng(chance),
    )  # fmt: skip

pages, key = pack.build(chosen, drawn, legends, study["readers"], study["seed"])
for path in map(Path, job.output.pages):
    volume.write_bytes(pages[path.stem].encode(), path)
volume.write_bytes(key, job.output.key)
