"""What the workflow looks up about autoencoders: who has one, and what reads what it decodes.

See `lookups`.
"""

from typing import Any

from radfoundry.config import catalogue, lookups
from radfoundry.config.consistency import NO_METHOD, weights_from
from radfoundry.config.lookups import Plugin, Settings


def autoencoder(settings: Settings, recipe: str) -> str:
    """Return a recipe's own network on whose latents others stand; "" for none."""
    name = catalogue.stated(
        "generators", settings["recipes"][recipe]["generator"], "AUTOENCODER", ""
    )
    return "" if lookups.networks(settings, recipe).get(name) != recipe else name


def recipes(settings: Settings) -> list[str]:
    """Return the recipes with an autoencoder of their own, trained or pinned."""
    return [recipe for recipe in settings["recipes"] if autoencoder(settings, recipe)]


def segmenter(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return what labels a recipe's cases, `segmenter` and `options`; {} if it needs weights."""
    method = settings["cohorts"][settings["recipes"][recipe]["cohort"]]["pseudolabel"]
    if method == NO_METHOD or weights_from(settings["pseudolabel"][method]) != "none":
        return {}
    chosen = settings["pseudolabel"][method]
    return {"segmenter": chosen["segmenter"], "options": chosen["options"]}


def plugins(settings: Settings, recipe: str) -> list[Plugin]:
    """Return the generator of a recipe, and the segmenter that reads what it decodes."""
    chosen = segmenter(settings, recipe)
    own = [("segmenters", chosen["segmenter"])] if chosen else []
    return [("generators", settings["recipes"][recipe]["generator"]), *own]
