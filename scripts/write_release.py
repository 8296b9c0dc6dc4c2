"""Write a recipe's kept samples: images, masks or label maps, table, card, checksums."""

import hashlib
from pathlib import Path

from _cases import drawn_cases, kept_samples, read_all
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.release import dataset as release
from radfoundry.release.card import card as release_card
from radfoundry.report.scorecard import card as scorecard
from radfoundry.report.scorecard import stages

job = start(snakemake)
recipe, inputs = job.wildcards.recipe, job.input
folder = Path(job.output.folder)
partial = folder.with_name(f".{folder.name}.partial")
volume.clear(partial)

digests = {}
kept = kept_samples(inputs.samples, inputs.verdicts)
for sample in progress(drawn_cases(kept), len(kept), "release"):
    for name, content in release.files(sample, recipe).items():
        volume.write_bytes(content, partial / name)
        digests[name] = hashlib.sha256(content).hexdigest()

verdicts = tables.read(inputs.verdicts, "verdicts")
scores = read_all(inputs.scores, "scores")
requests = tables.read(inputs.requests, "requests")
dataset = release.dataset(kept, requests, verdicts, digests, scores)
facts = {
    "Recipe": recipe,
    "Generator": job.params.recipe["generator"],
    "Cohort": job.params.recipe["cohort"],
    "Seed": str(job.params.recipe["seed"]),
    "Licence": job.params.publish["licence"],
    "Authors": ", ".join(job.params.publish["authors"]) or "not stated",
    "Code digest of sampling": job.params.made_by,
    "Versions": release.versions(),
}
accepted = stages.of_acceptance(tables.read(inputs.acceptance, "acceptance"), recipe)
figures = scorecard.build(accepted)
card = release_card(recipe, facts, dataset, verdicts, figures, phantoms=job.params.phantom)
for name, text in {
    **release.beside(digests),
    "dataset.tsv": dataset.to_csv(sep="\t", index=False, lineterminator="\n"),
    "README.md": card,
}.items():
    volume.write_bytes(text.encode(), partial / name)
    digests[name] = hashlib.sha256(text.encode()).hexdigest()
volume.write_bytes(release.checksums(digests).encode(), partial / "SHA256SUMS")
partial.replace(folder)
