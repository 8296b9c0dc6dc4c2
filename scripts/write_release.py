"""Write a recipe's kept samples: images, masks or label maps, table, card, checksums."""

from pathlib import Path

from _cases import kept_samples, read_all
from _gates import audited
from _images import drawn_cases, shipped
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.release import card, dataset, formats
from radfoundry.report.scorecard import stages
from radfoundry.report.scorecard.card import build

job = start(snakemake)
recipe, inputs, folder = job.wildcards.recipe, job.input, Path(job.output.folder)
audit = audited(job)  # first: a release that is blocked writes nothing
partial = folder.with_name(f".{folder.name}.partial")
volume.clear(partial)
kept = kept_samples(inputs.samples, inputs.verdicts)
facts = {
    "Recipe": recipe,
    "Generator": job.params.recipe["generator"],
    "Cohort": job.params.recipe["cohort"],
    "Seed": str(job.params.recipe["seed"]),
    "Licence": job.params.publish["licence"],
    "Authors": ", ".join(job.params.publish["authors"]) or "not stated",
    "Code digest of sampling": job.params.made_by,
    "Versions": dataset.versions(),
} | audit
exporters = formats.chosen(job.params.formats, recipe, facts)
digests = {}
for sample in progress(drawn_cases(kept), len(kept), "release"):
    digests |= shipped(dataset.files(sample, recipe), partial)
    for exporter in exporters:
        digests |= shipped(exporter.add(sample), partial)

verdicts, requests = (tables.read(getattr(inputs, kind), kind) for kind in ("verdicts", "requests"))
table = dataset.dataset(kept, requests, verdicts, digests, read_all(inputs.scores, "scores"))
rows = build(stages.of_acceptance(tables.read(inputs.acceptance, "acceptance"), recipe))
readme = card.card(recipe, facts, table, verdicts, rows, phantoms=job.params.phantom)
lines = table.to_csv(sep="\t", index=False, lineterminator="\n")
rest = {"dataset.tsv": lines, "README.md": readme} | dataset.beside(digests)
digests |= shipped({name: text.encode() for name, text in rest.items()}, partial)
for exporter in exporters:
    digests |= shipped(exporter.finish(table, digests), partial)
volume.write_bytes(dataset.checksums(digests).encode(), partial / "SHA256SUMS")
partial.replace(folder)
