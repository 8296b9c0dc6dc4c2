"""What the workflow looks up in a checked config: pure functions of it, for inputs and parameters.

A rule is given only what changes its outcome, so that another value elsewhere runs nothing again.
Nothing here knows where files lie.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.config import catalogue, cohorts
from radfoundry.config.consistency import reads

Settings = Mapping[str, Any]
Plugin = tuple[str, str]  # kind and name, as the catalogue has it
MEASURED = {
    "labels": ("CXR", "CT", "MR"),
    "clinical": ("CT",),
    "findings": ("CXR",),
}  # modalities of each measurement
JUDGED = ("quantile", "device")  # of an expert: what follows from scores, and where they are made
MAKEUP = (
    "arms",
    "untrained",
    "recipes",
    "seeds",
    "unseen",
)  # of a task: which models are compared, not how


def tasks(settings: Settings) -> list[str]:
    """Return the downstream tasks that the config asks for."""
    return [task for task in catalogue.names("tasks") if task in settings["evaluate"]]


def unseen(settings: Settings, task: str | None = None) -> list[str]:
    """Return the cohorts that a task, or any task, tests on and nobody trained on."""
    asked = [task] if task else tasks(settings)
    return list(dict.fromkeys(c for t in asked for c in settings["evaluate"][t]["unseen"]))


def comparisons(settings: Settings) -> list[tuple[str, str]]:
    """Return (recipe, task) of every downstream comparison."""
    return [(r, t) for t in tasks(settings) for r in settings["evaluate"][t]["recipes"]]


def seeds(settings: Settings, task: str) -> list[int]:
    """Return the seeds that each arm of a task is trained with: its own, or those of all tasks."""
    return settings["evaluate"][task].get("seeds", settings["evaluate"]["seeds"])


def arms(settings: Settings, task: str) -> list[str]:
    """Return the arms of a task: those that it names, and its null arms where it asks for them."""
    return [*settings["evaluate"][task]["arms"], *null_arms(settings, task)]


def null_arms(settings: Settings, task: str) -> list[str]:
    """Return the arms of a task that samples of a recipe's null arm teach; [] unless asked for."""
    asked = settings["evaluate"][task].get("untrained", False)
    return list(catalogue.stated("tasks", task, "NULL_ARMS", ())) if asked else []


def label_measurements(settings: Settings, kind: str) -> list[tuple[str, str]]:
    """Return (cohort, method) where labels of a method are measured: each cohort that it reads.

    Args:
        settings: The checked config.
        kind: "labels", against the truth; "clinical", as a clinician reads them off; "findings",
            the masks of those methods that mark some.
    """
    pairs = [(c, m) for c in settings["cohorts"] for m in settings["evaluate"]["labels"]["methods"]]
    modality = {name: cohort["modality"] for name, cohort in settings["cohorts"].items()}
    return [
        (cohort, method)
        for cohort, method in pairs
        if modality[cohort] in MEASURED[kind]
        and modality[cohort] in reads(settings, method)
        and (kind != "findings" or kind in settings["pseudolabel"][method])
    ]


def networks(settings: Settings, recipe: str) -> dict[str, str]:
    """Return a recipe's networks, each with the recipe that trains it: itself, or a lender.

    A pinned network is the recipe's own: it lies where a trained one would.
    """
    entry = settings["recipes"][recipe]
    lent = {name: lender for name, lender in entry["networks"].items() if isinstance(lender, str)}
    return {name: lent.get(name, recipe) for name in catalogue.networks_of(entry)}


def pinned(settings: Settings, recipe: str) -> dict[str, dict[str, str]]:
    """Return the networks that a recipe takes from a folder: `folder` and `sha256` of each."""
    stated = settings["recipes"][recipe]["networks"].items()
    return {name: dict(pin) for name, pin in stated if isinstance(pin, Mapping)}


def all_pinned(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the pinned networks of all recipes, by "recipe/networks/network"."""
    return {
        f"{recipe}/networks/{network}": pin
        for recipe in settings["recipes"]
        for network, pin in pinned(settings, recipe).items()
    }


def networks_needed(settings: Settings, recipe: str, network: str) -> dict[str, str]:
    """Return the networks that one is trained on top of, each with the recipe that trains it."""
    needs = catalogue.constant("generators", settings["recipes"][recipe]["generator"], "NEEDS")
    owners = networks(settings, recipe)
    return {name: owners[name] for name in needs.get(network, []) if name in owners}


def takes_prompts(settings: Settings, recipe: str) -> bool:
    """Return whether a recipe's generator follows prompts, and can be probed with some."""
    return "prompts" in (catalogue.options("generators", _generator(settings, recipe)) or {})


def super_resolution(settings: Settings, recipe: str) -> str:
    """Return a recipe's own network that draws the full grid from a coarse one; "" for none."""
    name = catalogue.stated("generators", _generator(settings, recipe), "SUPER_RESOLUTION", "")
    return "" if networks(settings, recipe).get(name) != recipe else name


def read_at_thresholds(settings: Settings, recipe: str) -> str:
    """Return the network that is told at which thresholds its channels are read; "" for none."""
    name = catalogue.stated("generators", _generator(settings, recipe), "THRESHOLDS", "")
    return name if name in networks(settings, recipe) else ""


def sampler(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return how a recipe samples, and nothing of what: steps, method, spacing, where stated."""
    stated = settings["recipes"][recipe]["sample"]
    return {k: stated[k] for k in ("steps", "method", "timestep_spacing") if k in stated}


def training_options(settings: Settings, recipe: str, network: str) -> dict[str, Any]:
    """Return what the config says of one network: steps of another one train this one not again.

    `start` is not among it: the bundle's file is an input, and its content is what counts.
    """
    names = catalogue.constant("generators", _generator(settings, recipe), "NETWORKS")
    others = {*names, "seed", "start"} - {network}
    stated = settings["recipes"][recipe]["train"]
    return {key: value for key, value in stated.items() if key not in others}


def coarse_factors(settings: Settings, cohort: str) -> list[int]:
    """Return the factors of the coarse grids that networks trained on a cohort are taught on.

    A generator's COARSE names the option that holds the factor, and its value by size.
    """
    found = set()
    for recipe in settings["recipes"].values():
        stated = catalogue.stated("generators", recipe["generator"], "COARSE", {})
        if recipe["cohort"] == cohort and stated:
            given = catalogue.value_at(recipe, f"train/{stated['option']}")
            found.add(int(given or stated[recipe["size"]]))
    return sorted(found)


def expert_options(settings: Settings, recipe: str, expert: str) -> dict[str, Any]:
    """Return the options of an expert; another quantile, or device, measures nothing again."""
    options = settings["recipes"][recipe]["filter"][expert]
    return {key: value for key, value in options.items() if key not in JUDGED}


def quantiles(settings: Settings, recipe: str) -> dict[str, float]:
    """Return the share of real cases that each expert may refuse."""
    experts = settings["recipes"][recipe]["filter"]
    return {expert: options["quantile"] for expert, options in experts.items()}


def accept_real(settings: Settings, recipe: str) -> float | None:
    """Return the share of real cases that all experts together must accept, if it is stated."""
    return settings["recipes"][recipe].get("accept_real")


def modality(settings: Settings, recipe: str) -> str:
    """Return what a recipe draws: "CXR", "CT" or "MR"."""
    return settings["cohorts"][settings["recipes"][recipe]["cohort"]]["modality"]


def task_options(settings: Settings, task: str) -> dict[str, Any]:
    """Return what trains a downstream model: another arm or test set trains no old one again."""
    options = settings["evaluate"][task]
    return {key: value for key, value in options.items() if key not in MAKEUP}


def sample_options(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return what the recipe says of drawing a dataset; other probes draw no dataset again."""
    sample = settings["recipes"][recipe]["sample"]
    return {key: value for key, value in sample.items() if key != "probes"}


def probe_options(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return what the recipe says of drawing, and how many probes are drawn: its own first."""
    sample = settings["recipes"][recipe]["sample"]
    counts = {**settings["evaluate"]["synthesis"]["probes"], **sample.get("probes", {})}
    return {**sample, "probes": counts}


def is_phantom(settings: Settings, recipe: str) -> bool:
    """Return whether a recipe starts from phantoms."""
    return "phantom" in settings["cohorts"][settings["recipes"][recipe]["cohort"]]


def terms(settings: Settings) -> dict[str, Any]:
    """Return on which terms a dataset or a bundle is published, and by whom."""
    return {key: settings["publish"][key] for key in ("licence", "authors")}


def bundle_settings(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return the part of the config that a recipe's bundle is made from: a config of one recipe."""
    own, name = settings["recipes"][recipe], settings["recipes"][recipe]["cohort"]
    named = [lender for lender in own["networks"].values() if isinstance(lender, str)]
    lenders = {lender: settings["recipes"][lender] for lender in named}
    return {
        "cohorts": {name: settings["cohorts"][name]},
        "recipes": {**lenders, recipe: own},
        "publish": terms(settings),
    }


def variant(settings: Settings, recipe: str) -> str:
    """Return which published system a recipe is: its generator, or an ablation that it states.

    A generator's VARIANTS are names with values that a recipe of it has, by path; the first one
    whose values all match counts. A network that is named matches `true`.
    """
    generator, own = _generator(settings, recipe), settings["recipes"][recipe]
    named = {f"train/{name}" for name in catalogue.asked_for(generator)}
    for name, values in catalogue.stated("generators", generator, "VARIANTS", {}).items():
        found = {path: catalogue.value_at(own, path) for path in values}
        found |= {path: isinstance(found[path], Mapping) for path in found if path in named}
        if all(found[path] == value for path, value in values.items()):
            return name
    return generator


def published(settings: Settings, recipe: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a paper reports of the system that a recipe is, by metric and arm; {} if none."""
    systems = catalogue.stated("generators", _generator(settings, recipe), "PUBLISHED", {})
    return systems.get(variant(settings, recipe), {})


def cohort_source(settings: Settings, cohort: str) -> dict[str, Any]:
    """Return what decides which cases there are, and in which batch each is."""
    entry = settings["cohorts"][cohort]
    return {key: entry[key] for key in ("phantom", "table", "root", "batch") if key in entry}


def cohort_reading(settings: Settings, cohort: str) -> dict[str, str]:
    """Return how a cohort's files are found and read."""
    entry = settings["cohorts"][cohort]
    return {"root": cohorts.root_of(entry), "modality": entry["modality"]}


def cohort_root(settings: Settings, cohort: str) -> str:
    """Return the folder that the paths of a cohort's table start from; "" for phantoms."""
    return cohorts.root_of(settings["cohorts"][cohort])


def phantom_plugins(settings: Settings, cohort: str) -> list[Plugin]:
    """Return the plug-in that draws a cohort, if it is drawn."""
    drawn = settings["cohorts"][cohort].get("phantom")
    return [("phantoms", drawn["kind"])] if drawn else []


def method_plugins(settings: Settings, method: str) -> list[Plugin]:
    """Return the segmenter of a method of pseudo-labelling."""
    return [("segmenters", settings["pseudolabel"][method]["segmenter"])]


def method_training_plugins(settings: Settings, method: str) -> list[Plugin]:
    """Return the segmenter of a method, and the phantom that it is trained on."""
    segmenter = settings["pseudolabel"][method]["segmenter"]
    phantom = catalogue.constant("segmenters", segmenter, "PHANTOM")
    return [("segmenters", segmenter), ("phantoms", phantom)]


def generator_plugins(settings: Settings, recipe: str) -> list[Plugin]:
    """Return the generator of a recipe."""
    return [("generators", _generator(settings, recipe))]


def expert_plugins(settings: Settings, recipe: str, expert: str) -> list[Plugin]:
    """Return an expert, and the segmenter that it looks through, if it has one."""
    options = catalogue.constant("experts", expert, "OPTIONS")
    segmenter = (options | settings["recipes"][recipe]["filter"][expert]).get("segmenter")
    return [("experts", expert), *([("segmenters", segmenter)] if segmenter else [])]


def probe_plugins(settings: Settings) -> list[Plugin]:
    """Return the segmenter that drawn volumes are measured with."""
    return [("segmenters", settings["evaluate"]["synthesis"]["segmenter"])]


def _generator(settings: Settings, recipe: str) -> str:
    return settings["recipes"][recipe]["generator"]
