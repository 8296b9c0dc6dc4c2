"""What the workflow looks up of `evaluate.subgroups`: which comparisons are made in subgroups."""

from typing import Any

from radfoundry.config import catalogue, lookups
from radfoundry.config.lookups import Settings


def comparisons(settings: Settings) -> list[tuple[str, str]]:
    """Return (recipe, task) of every downstream comparison that is made in subgroups, too."""
    asked = settings["evaluate"]["subgroups"]["by"]
    return [(r, t) for r, t in lookups.comparisons(settings) if asked and figures(settings, t)]


def figures(settings: Settings, task: str) -> dict[str, Any]:
    """Return what a task is compared by in subgroups: figures, and two arms; {} if it is not."""
    return dict(catalogue.stated("tasks", task, "SUBGROUPS", {}))
