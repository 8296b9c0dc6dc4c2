"""What the evaluation of drawn radiographs looks up in a checked config, and what cannot be asked.

A method of `pseudolabel` reads the anatomy of drawn radiographs, and finds the lungs whose
radiomics are compared; CT has a segmenter for each in `evaluate.synthesis`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from radfoundry.config import finding_methods
from radfoundry.config.consistency import NO_METHOD, reads, weights_from
from radfoundry.config.lookups import Plugin

Settings = Mapping[str, Any]
CXR = "CXR"


def modality(settings: Settings, recipe: str) -> str:
    """Return the kind of image that a recipe draws."""
    kind: str = settings["cohorts"][settings["recipes"][recipe]["cohort"]]["modality"]
    return kind


def recipes(settings: Settings, flat: bool) -> str:
    """Return the recipes of radiographs, or those of volumes, as a pattern of a wildcard.

    It matches nothing where there are none.
    """
    names = [name for name in settings["recipes"] if (modality(settings, name) == CXR) is flat]
    return "|".join(name.replace(".", r"\.") for name in names) or "(?!)"


def method(settings: Settings, cohort: str) -> str:
    """Return the method that reads drawn radiographs of a cohort; "" for a cohort of volumes.

    The one that `evaluate.synthesis.radiographs` states, or else the cohort's own.
    """
    entry = settings["cohorts"][cohort]
    if entry["modality"] != CXR:
        return ""
    stated = settings["evaluate"]["synthesis"]["radiographs"]
    return str(stated.get("method", entry["pseudolabel"]))


def trained_method(settings: Settings, cohort: str = "", recipe: str = "", **_: str) -> str:
    """Return the method of a cohort, or a recipe's, if its network is trained here, on phantoms."""
    name = method(settings, cohort or settings["recipes"][recipe]["cohort"])
    name = finding_methods.anatomy_of(settings, name) if name else name
    return name if name and weights_from(settings["pseudolabel"][name]) == "phantoms" else ""


def segmenter(settings: Settings, cohort: str) -> dict[str, Any]:
    """Return the segmenter, and its options, that finds the lungs whose radiomics are compared."""
    if name := method(settings, cohort):
        chosen = settings["pseudolabel"][name]
        return {"segmenter": chosen["segmenter"], "options": chosen["options"]}
    stated = settings["evaluate"]["synthesis"]["distances"]
    return {"segmenter": stated["segmenter"], "options": stated["segmenter_options"]}


def segmenter_of_films(settings: Settings, cohort: str) -> dict[str, Any]:
    """Return the segmenter that reads real films beside drawn ones; {} where it labeled them, too.

    It would be compared with itself, and agree.
    """
    name, own = method(settings, cohort), settings["cohorts"][cohort]["pseudolabel"]
    methods = settings["pseudolabel"]
    alike = own != NO_METHOD and name in methods
    if alike:
        first, second = (methods[finding_methods.anatomy_of(settings, one)] for one in (name, own))
        alike = first == second
    return {} if alike else segmenter(settings, cohort)


def segmenter_plugins(settings: Settings, cohort: str) -> list[Plugin]:
    """Return that segmenter as a plug-in."""
    return [("segmenters", segmenter(settings, cohort)["segmenter"])]


def segmenter_of_recipe(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return the segmenter of the cohort that a recipe starts from."""
    return segmenter(settings, settings["recipes"][recipe]["cohort"])


def segmenter_plugins_of_recipe(settings: Settings, recipe: str) -> list[Plugin]:
    """Return that segmenter as a plug-in."""
    return segmenter_plugins(settings, settings["recipes"][recipe]["cohort"])


def found(config: Mapping) -> Iterator[str]:
    """Find what the evaluation cannot be asked of recipes of radiographs."""
    synthesis = config["evaluate"]["synthesis"]
    able = [m for m, entry in config["pseudolabel"].items() if _reads(config, m, entry)]
    allowed = ", ".join(able) or "there are none"
    stated = synthesis["radiographs"].get("method")
    if stated and stated not in able:
        where = "evaluate.synthesis.radiographs.method"
        yield f"{where}: {stated!r} does not read CXR without weight files; allowed: {allowed}"
    judged = synthesis["recipes"]
    for recipe in [name for name in judged if modality(config, name) == CXR]:
        yield from _of_recipe(config, recipe, able, allowed)
    kinds = sorted({modality(config, name) for name in judged})
    if len(kinds) > 1 and "weights" in synthesis["feature_network"]:
        where = "evaluate.synthesis.feature_network.weights"
        message = f"one network cannot see {' and '.join(kinds)}, which `recipes` draw"
        yield f"{where}: {message}; allowed: recipes of one modality, or no weights"


def _reads(config: Mapping, name: str, entry: Mapping) -> bool:
    return CXR in reads(config, name) and weights_from(entry) != "files"


def _of_recipe(config: Mapping, recipe: str, able: list[str], allowed: str) -> Iterator[str]:
    cohort = config["recipes"][recipe]["cohort"]
    chosen = method(config, cohort)
    if chosen not in able and "method" not in config["evaluate"]["synthesis"]["radiographs"]:
        why = "no method" if chosen == NO_METHOD else f"the method {chosen!r}"
        message = f"is missing, and {cohort!r}, which {recipe!r} starts from, has {why}"
        yield f"evaluate.synthesis.radiographs.method: {message}; allowed: {allowed}"
    if not config["cohorts"][cohort]["splits"]["test"]:
        message = f"is 0; allowed: above 0, because evaluate.synthesis compares {recipe!r} with it"
        yield f"cohorts.{cohort}.splits.test: {message}"
