"""Read what the report says of subgroups of patients."""

from pathlib import Path

from _cases import of

from radfoundry import tables
from radfoundry.config import subgroups
from radfoundry.report.subgroups import Compared


def subgroups_part(recipe: str, paths, settings) -> list[Compared]:
    """Return what each downstream task of a recipe reaches in subgroups, and its two arms."""
    found = []
    for path in of(recipe, paths.subgroups):
        asked = subgroups.figures(settings, Path(path).stem)
        table = tables.read(path, "subgroups")
        found.append(Compared(table, asked["baseline"], asked["claimed"]))
    return found
