"""Write a recipe's kept samples: images, masks or label maps, table, card, checksums."""

import hashlib
from pathlib import Path

from _cases import kept_samples, read_all
from _gates import audited
from _images import drawn_cases
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.release import card, dataset
from radfoundry.report.scorecard import stages
from radfoundry.report.scorecard.card import build

job = start(snakemake)
recipe, inputs, folder = job.wildcards.recipe, job.input, Path(job.output.folder)
audit = audited(job)  # first: a release that is blocked writes nothing
partial = folder.with_name(f".{folder.name}.partial")
volume.clear(partial)

digests, kept = {}, kept_samples(inputs.samples, inputs.verdicts)
for sample in progress(drawn_cases(kept), len(kept), "release"):
    for name, content in dataset.files(sample, recipe).items():
        volume.write_bytes(content, partial / name)
        digests[name] = hashlib.sha256(content).hexdigest()

verdicts, requests = (tables.read(getattr(inputs, kind), kind) for kind in ("verdicts", "requests"))
table = dataset.dataset(kept, requests, verdicts, digests, read_all(inputs.scores, "scores"))
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
rows = build(stages.of_acceptance(tables.read(inputs.acceptance, "acceptance"), recipe))
readme = card.card(recipe, facts, table, verdicts, rows, phantoms=job.params.phantom)
for name, text in {
    **dataset.beside(digests),
    "dataset.tsv": table.to_csv(sep="\t", index=False, lineterminator="\n"),
    "README.md": readme,
}.items():
    volume.write_bytes(text.encode(), partial / name)
    digests[name] = hashlib.sha256(text.encode()).hexdigest()
volume.write_bytes(dataset.checksums(digests).encode(), partial / "SHA256SUMS")
partial.replace(folder)
