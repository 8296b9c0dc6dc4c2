"""Which figures a recipe is judged by first, and why the scorecard may lack one."""

from typing import Any

from radfoundry.config import catalogue
from radfoundry.config.lookups import Settings


def unmeasured(settings: Settings, recipe: str) -> dict[str, str]:
    """Return the metrics that a recipe is judged by first, each with why it might have no figure.

    They are its generator's HEADLINES, in their order.

    Args:
        settings: The checked config.
        recipe: One of its recipes.
    """
    generator = settings["recipes"][recipe]["generator"]
    stated: dict[str, str] = catalogue.stated("generators", generator, "HEADLINES", {})
    return {name: _reason(settings["evaluate"], recipe, part) for name, part in stated.items()}


def _reason(asked: dict[str, Any], recipe: str, part: str) -> str:
    if recipe not in asked.get(part, {}).get("recipes", ()):
        return f"not measured: evaluate.{part}.recipes does not name the recipe"
    return f"not measurable: evaluate.{part} gave no such figure"
