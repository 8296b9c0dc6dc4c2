"""What jobs see of the config: only what changes their outcome."""


def training_options(wildcards):
    """What the config says of one network: steps of another one train this one not again."""
    recipe = RECIPES[wildcards.recipe]
    names = catalogue.constant("generators", recipe["generator"], "NETWORKS")
    others = {*names, "seed"} - {wildcards.network}
    return {key: value for key, value in recipe["train"].items() if key not in others}


def expert_options(wildcards):
    """What an expert sees of the config; another quantile measures nothing again."""
    options = RECIPES[wildcards.recipe]["filter"][wildcards.expert]
    return {key: value for key, value in options.items() if key != "quantile"}


def task_options(wildcards):
    """What trains a downstream model: another arm or test set trains no old one again."""
    makeup = ("arms", "recipes", "unseen")
    return {
        key: value
        for key, value in EVALUATE[wildcards.task].items()
        if key not in makeup
    }


def published_system(wildcards):
    """The system whose published figures stand beside a recipe's; none where it departs from it."""
    recipe = RECIPES[wildcards.recipe]
    train = recipe["train"]
    if train.get("shapes") is False:
        return "without_shapes"
    if not (train.get("low_resolution") or {}).get("text", True):
        return ""
    learns = (train.get("text") or {}).get("steps", 1) > 0
    return recipe["generator"] if learns else "generic_text"


def probe_options(wildcards):
    """What the recipe says of drawing, and how many probes are drawn: its own numbers first."""
    sample = RECIPES[wildcards.recipe]["sample"]
    return {
        **sample,
        "probes": {**EVALUATE["synthesis"]["probes"], **sample.get("probes", {})},
    }


def is_phantom(wildcards):
    return "phantom" in COHORTS[RECIPES[wildcards.recipe]["cohort"]]


def quantiles(wildcards):
    experts = RECIPES[wildcards.recipe]["filter"]
    return {expert: options["quantile"] for expert, options in experts.items()}
