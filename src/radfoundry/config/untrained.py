"""A recipe's null arm: the same pipeline, with 0 steps of the networks that are claimed to draw.

Whatever a recipe reaches with them untrained, nothing that they learned reached it. The arm is a
recipe of its own, derived while the DAG is drawn: it is drawn and measured, never filtered or
released. Downstream its samples teach arms of their own, where a task is asked for them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from radfoundry.config import catalogue, lookups

ARM = "untrained"
LOOKING = ("synthesis", "control")  # sections of `evaluate`
Settings = Mapping[str, Any]


def name_of(recipe: str) -> str:
    """Return what a recipe's null arm is called: no name of the user's holds a dot.

    >>> name_of("medsyn")
    'medsyn.untrained'
    """
    return f"{recipe}.{ARM}"


def arms(settings: Settings, recipe: str) -> list[str]:
    """Return the null arms of a recipe: one, or none.

    There is none where the evaluation does not look at what the recipe draws, where the config says
    `untrained: false`, and where the generator claims no network that the recipe has.
    """
    entry = settings["recipes"][recipe]
    asked = any(recipe in own["recipes"] and own[ARM] for own in _sections(settings))
    claimed = set(_claimed(entry["generator"])) & set(catalogue.networks_of(entry))
    return [name_of(recipe)] if asked and claimed else []


def is_filtered(settings: Settings, recipe: str) -> bool:
    """Return whether experts judge what a recipe draws: any recipe's but a null arm's."""
    return recipe not in all_arms(settings)


def all_arms(settings: Settings) -> list[str]:
    """Return the null arms of all recipes that are measured."""
    return [arm for name in _judged(settings) for arm in arms(settings, name)]


def _sections(settings: Settings) -> list[Mapping[str, Any]]:
    """Return the parts of `evaluate` that look at what recipes draw, and may ask for null arms."""
    return [own for name, own in settings["evaluate"].items() if name in LOOKING]


def _judged(settings: Settings) -> list[str]:
    """Return the recipes whose drawings are looked at, each once."""
    return list(dict.fromkeys(name for own in _sections(settings) for name in own["recipes"]))


def teachers(settings: Settings, recipe: str, task: str, arm: str) -> list[str]:
    """Return the null arms of a recipe whose samples teach an arm of a task: one, or none."""
    return arms(settings, recipe) if arm in lookups.null_arms(settings, task) else []


def found(config: Mapping) -> Iterator[str]:
    """Find null arms that are asked for by `true`, and of a recipe that has none."""
    for section, key in (("synthesis", "prompt"), ("control", "samples")):
        if config["evaluate"][section][ARM] is True:
            words = (
                f"is True; allowed: false, or keys such as {{{key}: 5}}; without it, its defaults"
            )
            yield f"evaluate.{section}.{ARM}: {words}"
    for task in lookups.tasks(config):
        own = config["evaluate"][task]
        asked = own["recipes"] if lookups.null_arms(config, task) else ()
        for recipe in [name for name in asked if not arms(config, name)]:
            message = f"is true, but {recipe!r} has no null arm"
            allowed = "recipes of evaluate.synthesis or control, of generators that claim a network"
            yield f"evaluate.{task}.untrained: {message}; allowed: {allowed}"


def advice(settings: Settings) -> list[str]:
    """Return a warning for each task whose null arms cannot have as many samples as other arms.

    A finding is taught by cases with and without it: twice the task's `added` are needed, or all
    that the recipe draws where that is fewer; and of a lesion too, which not every sample shows.
    """
    lines = []
    for recipe, task in lookups.comparisons(settings):
        if not (lookups.null_arms(settings, task) and arms(settings, recipe)):
            continue
        section, drawn = next(_asking(settings, recipe))
        added = settings["evaluate"][task]["added"]
        kinds = catalogue.stated("tasks", task, "KINDS", 2)
        count = settings["recipes"][recipe]["sample"]["count"]
        needed = min(2 * added, count)
        more = f", or {count} where fewer than half of the samples show it" * (needed < count)
        if drawn["samples"] < needed:
            each = "of each kind, with and without a finding," if kinds > 1 else "with a lesion"
            lines.append(
                f"evaluate.{section}.untrained.samples: is {drawn['samples']}, but {task} adds up "
                f"to {added} samples {each} of {recipe}'s "
                f"{count}; arms of unequal numbers are not compared: write {needed}{more}"
            )
    return lines


def _asking(settings: Settings, recipe: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the sections of `evaluate` that ask for a recipe's null arm, each with how."""
    for name in LOOKING:
        own = settings["evaluate"].get(name)
        if own and recipe in own["recipes"] and own[ARM]:
            yield name, own[ARM]


def beside(settings: Settings) -> dict[str, Any]:
    """Return a checked config with the null arms among its recipes."""
    derived = {
        arm: _derived(settings, name) for name in _judged(settings) for arm in arms(settings, name)
    }
    return {**settings, "recipes": {**settings["recipes"], **derived}}


def _derived(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return the recipe of a null arm.

    Claimed networks are as their trainer states them, but of 0 steps and of no start: one that
    begins with another's weights is not untrained. The others are borrowed of whoever trains them.
    No more is drawn than of the recipe, and of no question that needs a channel given.
    """
    entry, owners = settings["recipes"][recipe], lookups.networks(settings, recipe)
    claimed = [name for name in _claimed(entry["generator"]) if name in owners]
    train = {**entry["train"]}
    for network in claimed:
        own = lookups.training_options(settings, owners[network], network)
        train |= own | {network: {**(own.get(network) or {}), "steps": 0}}
        train["seed"] = settings["recipes"][owners[network]]["train"]["seed"]
    train.pop("start", None)
    lent = {name: owner for name, owner in owners.items() if name not in claimed}
    own = {"train": train, "networks": lent, "sample": _asked(settings, recipe), "filter": {}}
    return {**entry, **own}


def _asked(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return the `sample:` of a null arm: the first of the recipe's requests, and few probes."""
    own = settings["recipes"][recipe]["sample"]
    _, few = next(_asking(settings, recipe))
    sample = {**own, "count": min(own["count"], few["samples"])}
    if lookups.takes_prompts(settings, recipe):
        counts = lookups.probe_options(settings, recipe)["probes"]
        sample["probes"] = {name: min(count, few.get(name, 0)) for name, count in counts.items()}
    return sample


def _claimed(generator: str) -> tuple[str, ...]:
    return tuple(catalogue.stated("generators", generator, "CLAIMED", ()))
