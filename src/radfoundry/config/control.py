"""What the evaluation of drawn lesions looks up in a checked config, and what cannot be asked."""

from collections.abc import Iterator, Mapping
from typing import Any

from radfoundry.config import catalogue
from radfoundry.config.lookups import Settings

LESION = "tumour"  # what is looked for where a recipe does not say


def recipes(settings: Settings) -> list[str]:
    """Return the recipes whose drawn lesions are measured."""
    return list(settings["evaluate"]["control"]["recipes"])


def lesion(settings: Settings, recipe: str) -> str:
    """Return the region of `labels.yaml` that a recipe draws."""
    return str(settings["recipes"][recipe]["train"].get("lesion", LESION))


def found(config: Mapping[str, Any]) -> Iterator[str]:
    """Find recipes that draw no lesions to measure: their generators state no `vary`."""
    able = [
        name
        for name in catalogue.names("generators")
        if "vary" in (catalogue.options("generators", name) or {})
    ]
    for recipe in recipes(config):
        generator = config["recipes"][recipe]["generator"]
        if generator not in able:
            message = f"{recipe!r} is of {generator}; allowed: recipes of {', '.join(able)}"
            yield f"evaluate.control.recipes: {message}"
