"""What the workflow looks up in a checked config: pure functions of it, for inputs and parameters.

A rule is given only what changes its outcome, so that another value elsewhere runs nothing again.
Nothing here knows where files lie, but `network_folder`.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.config import catalogue
from radfoundry.config.consistency import reads

Settings = Mapping[str, Any]
Plugin = tuple[str, str]  # kind and name, as the catalogue has it
MEASURED = {"labels": ("CXR", "CT", "MR"), "clinical": ("CT",)}  # modalities of each measurement
MAKEUP = ("arms", "recipes", "unseen")  # of a task: which models are compared, not how one is made


def tasks(settings: Settings) -> list[str]:
    """Return the downstream tasks that the config asks for."""
    return [task for task in catalogue.names("tasks") if task in settings["evaluate"]]


def comparisons(settings: Settings) -> list[tuple[str, str]]:
    """Return (recipe, task) of every downstream comparison."""
    return [(r, t) for t in tasks(settings) for r in settings["evaluate"][t]["recipes"]]


def label_measurements(settings: Settings, kind: str) -> list[tuple[str, str]]:
    """Return (cohort, method) where labels of a method are measured: each cohort that it reads.

    Args:
        settings: The checked config.
        kind: "labels", against the truth, or "clinical", as a clinician reads them off.
    """
    pairs = [(c, m) for c in settings["cohorts"] for m in settings["evaluate"]["labels"]["methods"]]
    modality = {name: cohort["modality"] for name, cohort in settings["cohorts"].items()}
    return [
        (cohort, method)
        for cohort, method in pairs
        if modality[cohort] in MEASURED[kind] and modality[cohort] in reads(settings, method)
    ]


def networks(settings: Settings, recipe: str) -> dict[str, str]:
    """Return a recipe's networks, each with the recipe that trains it: itself, or a lender."""
    entry = settings["recipes"][recipe]
    names = catalogue.constant("generators", entry["generator"], "NETWORKS")
    return {name: entry["networks"].get(name, recipe) for name in names}


def networks_needed(settings: Settings, recipe: str, network: str) -> dict[str, str]:
    """Return the networks that one is trained on top of, each with the recipe that trains it."""
    needs = catalogue.constant("generators", settings["recipes"][recipe]["generator"], "NEEDS")
    owners = networks(settings, recipe)
    return {name: owners[name] for name in needs.get(network, [])}


def network_folder(owner: str, network: str) -> str:
    """Return where the network of a recipe lies."""
    return f"results/recipes/{owner}/networks/{network}"


def takes_prompts(recipe: Mapping) -> bool:
    """Return whether a recipe's generator follows prompts, and can be probed with some."""
    return "prompts" in (catalogue.options("generators", recipe["generator"]) or {})


def super_resolution(recipe: Mapping) -> str:
    """Return a recipe's own network that draws the full grid from a coarse one; "" for none."""
    network = catalogue.stated("generators", recipe["generator"], "SUPER_RESOLUTION", "")
    return "" if network in recipe["networks"] else network


def training_options(recipe: Mapping, network: str) -> dict[str, Any]:
    """Return what the config says of one network: steps of another one train this one not again."""
    names = catalogue.constant("generators", recipe["generator"], "NETWORKS")
    others = {*names, "seed"} - {network}
    return {key: value for key, value in recipe["train"].items() if key not in others}


def expert_options(recipe: Mapping, expert: str) -> dict[str, Any]:
    """Return the options of an expert; another quantile measures nothing again."""
    options = recipe["filter"][expert]
    return {key: value for key, value in options.items() if key != "quantile"}


def task_options(settings: Settings, task: str) -> dict[str, Any]:
    """Return what trains a downstream model: another arm or test set trains no old one again."""
    options = settings["evaluate"][task]
    return {key: value for key, value in options.items() if key not in MAKEUP}


def probe_options(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return what the recipe says of drawing, and how many probes are drawn: its own first."""
    sample = settings["recipes"][recipe]["sample"]
    counts = {**settings["evaluate"]["synthesis"]["probes"], **sample.get("probes", {})}
    return {**sample, "probes": counts}


def variant(recipe: Mapping) -> str:
    """Return which published system a recipe is: its generator, or an ablation that it states.

    A generator's VARIANTS are names with values that a recipe of it has, by path; the first one
    whose values all match counts.
    """
    for name, values in catalogue.stated("generators", recipe["generator"], "VARIANTS", {}).items():
        if all(_value(recipe, path) == value for path, value in values.items()):
            return name
    return recipe["generator"]


def published(recipe: Mapping) -> Mapping[str, Mapping[str, Any]]:
    """Return what a paper reports of the system that a recipe is, by metric and arm; {} if none."""
    systems = catalogue.stated("generators", recipe["generator"], "PUBLISHED", {})
    return systems.get(variant(recipe), {})


def _value(recipe: Mapping, path: str) -> Any:
    """Return the value at a path such as `train/text/steps`; None where it is not stated."""
    value: Any = recipe
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def phantom_plugins(cohort: Mapping) -> list[Plugin]:
    """Return the plug-in that draws a cohort, if it is drawn."""
    return [("phantoms", cohort["phantom"]["kind"])] if "phantom" in cohort else []


def method_plugins(method: Mapping, training: bool = False) -> list[Plugin]:
    """Return the segmenter of a method of pseudo-labelling, and what it is trained on."""
    segmenter = method["segmenter"]
    drawn = catalogue.constant("segmenters", segmenter, "PHANTOM") if training else None
    return [("segmenters", segmenter), *([("phantoms", drawn)] if drawn else [])]


def expert_plugins(recipe: Mapping, expert: str) -> list[Plugin]:
    """Return an expert, and the segmenter that it looks through, if it has one."""
    options = catalogue.constant("experts", expert, "OPTIONS") | recipe["filter"][expert]
    return [("experts", expert), *(("segmenters", options[k]) for k in options if k == "segmenter")]
