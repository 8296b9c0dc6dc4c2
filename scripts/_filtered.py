"""Read what the report shows of a recipe's filter."""

from pathlib import Path

from _cases import of

from radfoundry import tables


def filtered_part(recipe: str, paths) -> dict:
    """Return the tables of what was drawn, accepted and covered, and the sheet of all samples."""
    kinds = {
        "samples": (paths.samples, "samples"),
        "accepted": (paths.accepted, "acceptance_by_group"),
        "alone": (paths.alone, "leave_one_out"),
        "coverage": (paths.coverage, "coverage"),
    }
    found = {name: tables.read(of(recipe, own)[0], kind) for name, (own, kind) in kinds.items()}
    return found | {"thumbnails": Path(of(recipe, paths.thumbnails)[0]).read_bytes()}
