"""Write a recipe's kept samples: images, masks or label maps, table, card, methods, checksums."""

from functools import partial
from pathlib import Path

import _figures
from _cases import kept_samples, read_all
from _gates import passed
from _images import drawn_cases
from _job import progress, start
from _release import facts, names, recorded, shipped, told

from radfoundry import tables, volume
from radfoundry.release import card, dataset, formats

job = start(snakemake)
recipe, inputs, folder = job.wildcards.recipe, job.input, Path(job.output.folder)
requests = tables.read(inputs.requests, "requests")
kept = kept_samples(inputs.samples, inputs.verdicts)
said = facts(job, passed(job, requests, kept))  # first: a release that is blocked writes nothing
called, made = names(job, requests), recorded(job, requests, said)

place = folder.with_name(f".{folder.name}.partial")
volume.clear(place)
ship = partial(shipped, folder=place, ids=called.ids())
kept = called.renamed(kept).sort_values("sample")  # in an order that says nothing of the ids
rows = _figures.told(job)
exporters = formats.chosen(job.params.settings["publish"]["formats"], recipe, said, rows)
digests = {}
for drawn in progress(drawn_cases(kept), len(kept), "release"):
    sample = called.shown(drawn)
    digests |= ship(dataset.files(sample, recipe))
    for exporter in exporters:
        digests |= ship(exporter.add(sample))

verdicts, requests = (
    called.renamed(tables.read(inputs.verdicts, "verdicts")),
    called.renamed(requests),
)
scores = called.renamed(read_all(inputs.scores, "scores"))
table = called.told(dataset.dataset(kept, requests, verdicts, digests, scores))
readme = card.card(
    recipe, said, table, verdicts, _figures.followed(job), phantoms=job.params.phantom
)
texts = {name: text.encode() for name, text in dataset.beside(digests).items()}
digests |= ship(told(made, table, rows) | texts | {"README.md": readme.encode()})
for exporter in exporters:
    digests |= ship(exporter.finish(table, digests))
ship({"SHA256SUMS": dataset.checksums(digests).encode()})
place.replace(folder)
