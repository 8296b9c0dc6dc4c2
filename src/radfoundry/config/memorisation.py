"""What the workflow looks up about memorisation audits: of whom, and what would block a release.

See `lookups`.
"""

from typing import Any

from radfoundry.config.lookups import Settings

JUDGED = ("recipes", "max_copied_fraction", "network", "seed")  # what no audit measures anew by


def recipes(settings: Settings) -> list[str]:
    """Return the recipes that are audited."""
    return list(settings["evaluate"]["memorisation"]["recipes"])


def audited(settings: Settings, recipe: str) -> bool:
    """Return whether a recipe is audited, and its release held back until that is passed."""
    return recipe in recipes(settings)


def options(settings: Settings) -> dict[str, Any]:
    """Return how much is planted, and the draws of intervals; another limit audits nothing anew."""
    stated = settings["evaluate"]["memorisation"]
    own = {key: value for key, value in stated.items() if key not in JUDGED}
    return own | {"bootstrap": settings["evaluate"]["bootstrap"]}


def most_copied(settings: Settings) -> float:
    """Return the largest fraction of released samples that may be copies."""
    return float(settings["evaluate"]["memorisation"]["max_copied_fraction"])
