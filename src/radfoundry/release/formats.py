"""The formats that a release can have beside its PNG or NIfTI, by the names that config knows."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

import pandas as pd

from radfoundry.case import Case
from radfoundry.release.exporters import coco, croissant, datasheet, dicom, nnunet


class Exporter(Protocol):
    """What each format offers: see `exporters`."""

    def add(self, sample: Case) -> dict[str, bytes]:
        """Return the files that a sample alone makes."""

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return the files about all samples."""


EXPORTERS: Mapping[str, Callable[[str, Mapping[str, str]], Exporter]] = {
    "coco": coco.Exporter,
    "croissant": croissant.Exporter,
    "datasheet": datasheet.Exporter,
    "dicom": dicom.Exporter,
    "nnunet": nnunet.Exporter,
}


def chosen(
    names: Iterable[str],
    recipe: str,
    facts: Mapping[str, str],
    figures: pd.DataFrame | None = None,
) -> list[Exporter]:
    """Return an exporter for each format that a config names.

    Args:
        names: Of formats.
        recipe: Its name.
        facts: How the dataset was made, label to text.
        figures: Rows of the scorecard, which a datasheet tells of.
    """
    telling = partial(datasheet.Exporter, figures=figures)
    makers: dict[str, Callable[..., Exporter]] = {**EXPORTERS, "datasheet": telling}
    return [makers[name](recipe, facts) for name in names]
