"""How a release is read from what the stages before it wrote, and its files are written."""

import json
from collections.abc import Mapping
from pathlib import Path

import _images
import pandas as pd
from _cases import joined, read_all

from radfoundry import tables, weights
from radfoundry.release import dataset, identifiers, marks, methods, pseudonyms, record

TABLE = "dataset.tsv"
PHANTOMS = "phantoms, drawn by a computer: no figure says how the method does on patients"


def names(job, requests: pd.DataFrame) -> pseudonyms.Names:
    """Return what cases, patients and samples are called in the release; write it down."""
    settings, recipe = job.params.settings, job.wildcards.recipe
    images = joined(job.input.images, "images")
    if settings["publish"]["case_ids"] == "keep":
        found = pseudonyms.kept(requests, images)
    else:
        seed = settings["recipes"][recipe]["seed"]
        found = pseudonyms.made(recipe, seed, requests, images)
    tables.write(found.table(), job.output.names, "pseudonyms")
    return found


def facts(job, gates: Mapping[str, str]) -> dict[str, str]:
    """Return what the card says of how a release was made, label to text."""
    settings = job.params.settings
    own, publish = settings["recipes"][job.wildcards.recipe], settings["publish"]
    return {
        "Recipe": job.wildcards.recipe,
        "Generator": own["generator"],
        "Cohort": own["cohort"],
        "Seed": str(own["seed"]),
        "Source images": PHANTOMS if job.params.phantom else "of patients",
        "Licence": publish["licence"],
        "Authors": ", ".join(publish["authors"]) or "not stated",
        "Code digest of sampling": job.params.made_by,
        "Code digest of the release": job.params.code,
        "Versions": dataset.versions(),
        **gates,
    }


def recorded(job, requests: pd.DataFrame, said: Mapping[str, str]) -> dict:
    """Return the record of a release: see `record`."""
    cards = {Path(path).name: Path(path, weights.CARD).read_text() for path in job.input.networks}
    origin = record.Origin(
        job.wildcards.recipe,
        job.params.settings,
        {name: json.loads(card) for name, card in cards.items()},
        requests,
        *(
            tables.read(getattr(job.input, kind), kind)
            for kind in ("samples", "verdicts", "thresholds")
        ),
        read_all(job.input.splits, "splits"),
        said,
    )
    return record.made(origin)


def told(made: dict, table: pd.DataFrame, rows: pd.DataFrame) -> dict[str, bytes]:
    """Return the texts of a release that do not depend on its formats: name to content."""
    files = {TABLE: lines(table), "figures.tsv": lines(rows.assign(synthetic=marks.TRUE))}
    files |= {methods.NAME: methods.text(made).encode()}
    return files | {record.NAME: record.text(made)}


def lines(table: pd.DataFrame) -> bytes:
    return table.to_csv(sep="\t", index=False, lineterminator="\n").encode()


def shipped(files: Mapping[str, bytes], folder: Path, ids: frozenset[str]) -> dict[str, str]:
    """Write files into a folder that is handed on; return the sha256 of each by its name.

    Raises:
        ValueError: One of them does not say that it is synthetic, or holds an id of the user's.
    """
    marks.check(files)
    words = {own for own in ids if own.isalpha()}  # such as "copy": prose holds them by chance
    rows = {name: content for name, content in files.items() if name == TABLE}
    found = [*identifiers.ids_found(files, ids - words), *identifiers.ids_found(rows, words)]
    if found:
        message = f"ids of the user would leave with the release: {', '.join(found[:5])}"
        raise ValueError(f"{message}; if that may be, say publish: {{case_ids: keep}}")
    return _images.shipped(files, folder)
