"""Methods that mark findings on top of another method's anatomy: what they mean, and what is wrong.

Such a method takes segmenter, options and all else of the one that it names as `anatomy`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from radfoundry.config import catalogue

Settings = Mapping[str, Any]
Plugin = tuple[str, str]
CXR = "CXR"


def resolved(methods: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return methods in which those that mark findings have their segmenter, options and device.

    What names no method with a segmenter is left as it is: see `found`.
    """
    return {
        name: {**methods[one["anatomy"]], **{k: one[k] for k in ("anatomy", "findings")}}
        if "anatomy" in one
        else dict(one)
        for name, one in methods.items()
    }


def found(config: Mapping) -> Iterator[str]:
    """Find what methods that mark findings cannot be asked for."""
    methods, cohorts = config["pseudolabel"], config["cohorts"]
    for name in [name for name in methods if "findings" in methods[name]]:
        where, asked = f"pseudolabel.{name}", methods[name]["findings"]
        if "anatomy" in methods[methods[name]["anatomy"]]:
            able = ", ".join(own for own in methods if "anatomy" not in methods[own])
            yield f"{where}.anatomy: marks findings itself; allowed: {able or 'there are none'}"
        yield from _plugin_faults(f"{where}.findings", asked)
        cohort = cohorts[asked["cohort"]]
        if cohort["modality"] != CXR:
            holds = f"{asked['cohort']!r} holds {cohort['modality']}"
            yield f"{where}.findings.cohort: {holds}; allowed: a cohort of {CXR}"
        for split in [part for part in ("train", "tune") if not cohort["splits"][part]]:
            message = f"above 0, because {where}.findings learns from this cohort"
            yield f"cohorts.{asked['cohort']}.splits.{split}: is 0; allowed: {message}"


def _plugin_faults(where: str, asked: Mapping) -> Iterator[str]:
    task, generator = asked["detector"], asked["generator"]
    if not catalogue.stated("tasks", task, "DETECTOR", False):
        able = [
            n for n in catalogue.names("tasks") if catalogue.stated("tasks", n, "DETECTOR", False)
        ]
        yield f"{where}.detector: {task!r} shows no places; allowed: {', '.join(able)}"
    elif asked["arm"] not in (arms := catalogue.constant("tasks", task, "ARMS")):
        yield f"{where}.arm: {asked['arm']!r}; allowed: {', '.join(arms)}"
    if catalogue.constant("generators", generator, "NETWORKS"):
        yield f"{where}.generator: {generator!r} has networks to train; allowed: one without"


def anatomy_of(settings: Settings, method: str) -> str:
    """Return the method that marks the anatomy of a method: itself, or the one that it names."""
    return str(settings["pseudolabel"][method].get("anatomy", method))


def methods(settings: Settings) -> str:
    """Return the methods that mark findings, as a pattern that matches nothing without any."""
    named = settings["pseudolabel"]
    return "|".join(name for name in named if "findings" in named[name]) or "(?!)"


def below(
    settings: Settings, method: str, cohort: str = "", batch: str = ""
) -> tuple[str, list[str], list[str] | None]:
    """Return whose anatomy a job on top of it reads: cohort, method, and the batch (None: each).

    Args:
        settings: The checked config.
        method: That marks findings.
        cohort: Whose findings are marked; without one that which the detector learns from.
        batch: The only batch that is wanted.
    """
    taught = settings["pseudolabel"][method]["findings"]["cohort"]
    return cohort or taught, [anatomy_of(settings, method)], [batch] if batch else None


def asked_of(settings: Settings, method: str) -> dict[str, Any]:
    """Return what a method's detector is trained with: other thresholds of a mask train it not."""
    asked = settings["pseudolabel"][method]["findings"]
    return {key: value for key, value in asked.items() if key != "least_confidence"}


def training_plugins(settings: Settings, method: str) -> list[Plugin]:
    """Return the task that detects, and the generator that paints for it."""
    asked = settings["pseudolabel"][method]["findings"]
    return [("tasks", asked["detector"]), ("generators", asked["generator"])]


def detecting_plugins(settings: Settings, method: str) -> list[Plugin]:
    """Return the task that detects."""
    return [("tasks", settings["pseudolabel"][method]["findings"]["detector"])]
