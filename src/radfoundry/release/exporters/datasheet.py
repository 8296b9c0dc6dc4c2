"""A datasheet: what the dataset is for, what is in it, how it came to be, and where it must not go.

The questions are those of Gebru et al. 2021 that a machine can answer. Its figures are the
headlines of figures.tsv, which holds every one.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from radfoundry.case import Case
from radfoundry.release.card import markdown_table
from radfoundry.release.radiographs import MARKS
from radfoundry.report import headlines
from radfoundry.report.scorecard.card import COLUMNS

HEAD = ("Figure", "Arm", "Value (95 % interval)", "n", "Paper's figure", "Note")


class Exporter:
    """Writes DATASHEET.md, whose head is YAML for programs."""

    def __init__(
        self, recipe: str, facts: Mapping[str, str], figures: pd.DataFrame | None = None
    ) -> None:
        """Take what is to be told.

        Args:
            recipe: Its name.
            facts: How the dataset was made, label to text.
            figures: Rows of the scorecard; those of other recipes are left out.
        """
        self.recipe, self.facts = recipe, facts
        self.figures = pd.DataFrame(columns=list(COLUMNS)) if figures is None else figures

    def add(self, sample: Case) -> dict[str, bytes]:
        """Return nothing: the table says what there is."""
        return {}

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return DATASHEET.md."""
        name, licence = f"synthetic-{self.recipe}", self.facts.get("Licence", "")
        counts = table["split"].value_counts().sort_index()
        splits = ", ".join(f"{n} {split}" for split, n in counts.items()) or "none"
        making = [f"* {what}: {value}" for what, value in self.facts.items()]
        text = TEXT.format(
            name=json.dumps(name), licence=json.dumps(licence), title=name,
            warning=MARKS["Warning"],
            n=len(table), patients=table["patient"].nunique(), splits=splits,
            making="\n".join(making), figures="\n".join(self._figures()),
        )  # fmt: skip
        return {"DATASHEET.md": text.encode()}

    def _figures(self) -> list[str]:
        """Return the headlines as a table, and which of them nobody measured."""
        own = self.figures[self.figures["recipe"] == self.recipe].to_dict("records")
        rows = [_cells(number) for number in headlines.of(own, self.recipe)]
        absent = [f"* {title}" for title in headlines.missing(own)]
        said = ["", "It is judged by these too, of which there is no figure:", "", *absent]
        return [*markdown_table(HEAD, rows), *(said if absent else [])]


def _cells(number: Mapping[str, Any]) -> list[str]:
    """Return a headline as cells of `HEAD`."""
    arm = " on ".join(filter(None, (number["arm"], number["setting"])))
    value = number["estimate"]
    value += f"; the recipe's own arm: {number['own']}" if number["own"] else ""
    paper = number["published"] or "none"
    return [number["title"], arm, value, str(number["n"]), paper, number["note"]]


TEXT = """---
synthetic: true
name: {name}
license: {licence}
---
# Datasheet of {title}

> **{warning}**

## Intended use
Research on algorithms: pretraining, augmentation beside real images, tests of software. Whoever
trains with it must test on real images, of patients whom neither the generator nor the algorithm
saw.

## Limits
* Not for diagnosis, not for teaching what a disease looks like, no evidence of how common it is.
* A finding that is named is what was asked for. How far images follow it was measured on groups of
  images, and no reader has confirmed any single one unless README.md says so.
* What is rare among the images learned from is rarer here, or wrong. Performance on subgroups must
  be measured on real patients.
* Networks can learn images by heart. That no copy was found is no proof that there is none: share
  the dataset on the terms of the images it was learned from.

## Composition
{n} synthetic images that count as {patients} patients: {splits}. A sample keeps the split of its
source. Each row of dataset.tsv says from which case and by which request an image was made.

## Figures
Measured by the factory on the source images that are named below: figures on phantoms say nothing
about patients. A value that could not be measured is not available, which is not 0. figures.tsv
holds these and all others of the recipe.

{figures}

## How it was made
{making}

Only samples that every expert accepted are here; README.md says how many were refused.

## Marks
PNG carry the text Synthetic, NIfTI a description and an extension, DICOM the attribute Synthetic
Data (0008,001C); tables have a column `synthetic`, JSON files and the heads of texts hold
`synthetic: true` or the keyword, SHA256SUMS a comment. Keep the marks when converting.

## Maintenance
The dataset can be made again from its config and seeds. SHA256SUMS names every file.
"""
