"""The card of a dataset: what it is, how it was made, what was measured, and what it is not for."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from radfoundry.release.dataset import PROVENANCE
from radfoundry.release.marks import FRONT
from radfoundry.report import sources
from radfoundry.report.scorecard.formatting import NOT_AVAILABLE, shown, with_interval

LISTED = 1000  # samples named in the card; the table names all


def card(
    name: str, facts: Mapping[str, str], table: pd.DataFrame, verdicts: pd.DataFrame,
    scorecard: pd.DataFrame, *, phantoms: bool,
) -> str:  # fmt: skip
    """Return the dataset's card in Markdown: what it is, what it was made from, what it is not.

    Args:
        name: The recipe.
        facts: Recipe, date, config hash, code digests, versions, seeds, licence; label to text, in
            the order to be shown. The date is one of them, so that equal inputs give equal cards.
        table: What `dataset` returns.
        verdicts: Columns sample, verdict, reason, of all samples drawn.
        scorecard: As `scorecard.card.build` returns it; only this recipe's rows are named.
        phantoms: Whether the sources are phantoms; if not, the card says that sources are people.
    """
    counts = verdicts["verdict"].value_counts()
    words = _wording(table)
    origin = words.phantoms if phantoms else words.patients
    lines = [
        f"{FRONT}# Synthetic dataset `{markdown_cell(name)}`", "", f"> **{origin}**", "",
        f"{len(table)} of {len(verdicts)} samples drawn passed every expert and are shipped; "
        f"{counts.get('rejected', 0)} were rejected and {counts.get('undecided', 0)} undecided. "
        "None of these is shipped, and none was replaced: the shortfall stands.", "",
        "## Use", "",
        "For training and testing of algorithms. Not for diagnosis, and not evidence about any "
        f"patient or disease. {words.labels} Train and test on the splits given here: a sample "
        f"inherits the split of {words.split}.", "",
        "## Files", "",
        f"{words.files}; `dataset.tsv` one row per sample; `methods.md` how all was made, and "
        "`provenance.json` the same for programs; `figures.tsv` the figures below, and all "
        "of the recipe's where there is a datasheet; `SHA256SUMS` "
        "for `sha256sum --check`. Every file says that it is synthetic.",
        "", "## Making", "", *markdown_table(["What", "Value"], facts.items()), "",
        "## Measured", "", *markdown_table(["Metric", "Arm", "Value (95 % interval)", "n", "Note"],
                                   measured(name, scorecard)), "",
        "## Composition", "", *markdown_table(["Split", "Samples", "Source patients"],
                                      _composition(table)), "",
        "## Provenance of every sample", "", *_provenance(table),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _wording(table: pd.DataFrame) -> "Wording":
    """Return the words for what is shipped; without any sample, those that promise least."""
    if "labels" in table:
        return VOLUMES
    starts = [sources.edited(json.loads(asked)) for asked in table["parameters"]]
    return EDITED_RADIOGRAPHS if any(starts) or not starts else DRAWN_RADIOGRAPHS


def measured(recipe: str, scorecard: pd.DataFrame) -> list[Sequence]:
    rows = scorecard[scorecard["recipe"] == recipe].to_dict("records")
    return [
        (row["metric"], row["arm"],
         with_interval(row["value"], row["low"], row["high"], row["unit"]), row["n"], row["note"])
        for row in rows
    ]  # fmt: skip


def _composition(table: pd.DataFrame) -> list[Sequence]:
    groups = table.groupby("split")
    return [(split, len(own), own["patient"].nunique()) for split, own in groups]


def _provenance(table: pd.DataFrame) -> list[str]:
    told = [name for name in PROVENANCE if name in table]  # with pseudonyms there is no seed
    rows = table.head(LISTED)[told].itertuples(index=False)
    more = len(table) - LISTED
    tail = ["", f"{more} more are in `dataset.tsv`."] if more > 0 else []
    return [*markdown_table([name.capitalize() for name in told], rows), *tail]


def markdown_table(head: Sequence[str], rows) -> list[str]:
    """Return a Markdown table; nothing in a cell can end the cell, the row or the table."""
    body = [f"| {' | '.join(markdown_cell(value) for value in row)} |" for row in rows]
    if not body:
        return [NOT_AVAILABLE]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body]


def markdown_cell(value) -> str:
    text = shown(value) if isinstance(value, float) else str(value)
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(sign, safe)
    return " ".join(text.split()).replace("`", "'") or "-"


class Wording(NamedTuple):
    """What a card says of one kind of image.

    Attributes:
        files: Which files there are.
        labels: What masks or label maps mean.
        split: What a sample inherits its split of.
        phantoms: Origin, where sources are phantoms.
        patients: Origin, where sources are people.
    """

    files: str
    labels: str
    split: str
    phantoms: str
    patients: str


_PNG = (
    "`images/` 16-bit gray PNG, each marked as synthetic in its metadata; `masks/` finding ids "
    "of `labels.yaml`; `anatomy/`, of samples with an organ map, ids named in `labels.json`"
)
EDITED_RADIOGRAPHS = Wording(
    _PNG,
    "Masks mark what was painted: they are exact, and say nothing of what else an image shows. "
    "Organ maps are the source's.",
    "the image it was made from",
    "Made from PHANTOMS: bodies drawn by a computer. No patient is behind any image, and "
    "no figure here says how the method does on patients.",
    "Made from REAL radiographs: outside its mask, an image may be its source's, pixel by "
    "pixel. It is as identifying as its source, and as the cases in the column `donors` where "
    "there is one: share it on their terms only.",
)
DRAWN_RADIOGRAPHS = Wording(
    _PNG,
    "Masks and organ maps are what was asked for: no reader has seen the images, which may show "
    "something else, or show it elsewhere. How far they follow what was asked is in the scorecard "
    "(`anatomy_dice`, `finding_dice`, `prompt_auroc`). Read it first.",
    "the case whose organs it takes",
    "Made by networks that learned from PHANTOMS: bodies drawn by a computer. No patient is behind "
    "any image, and no figure here says how the method does on patients.",
    "Made by networks that learned from REAL radiographs of patients. A sample takes the organ map "
    "of its source case, as it is or moved, and not its image; but networks can learn images by "
    "heart. Share it on the terms of the images learned from.",
)


VOLUMES = Wording(
    "`images/` int16 NIfTI in HU with spacing and orientation (qform and sform, millimeters, "
    "RAS+), each marked as synthetic in its header; `labels/` uint8 maps on the same grid, ids "
    "named in `labels.json`, where the generator draws labels",
    "Labels were drawn together with the image by the same network: no reader has seen them. The "
    "column `findings` is what was asked for, not what a reader found: how far volumes follow "
    "their prompts is in the scorecard (`prompt_effect`, `laterality_accuracy`). Read it first.",
    "the case whose grid it takes",
    "Made by networks that learned from PHANTOMS: bodies drawn by a computer. No patient is behind "
    "any image, and no figure here says how the method does on patients.",
    "Made by networks that learned from REAL CT of patients. A sample takes the grid of its source "
    "case, and its image or labels only where its parameters say `given`; but networks can learn "
    "images by heart. Share it on the terms of the images learned from.",
)
