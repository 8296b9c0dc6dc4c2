"""What is asked of the whole workflow: lists of files that the config decides."""


def comparisons():
    pattern = "results/recipes/{recipe}/evaluate/{task}.tsv"
    return [
        pattern.format(recipe=r, task=t) for t in TASKS for r in EVALUATE[t]["recipes"]
    ]


def label_measurements(kind):
    """Each way of labelling on each cohort that it can read; clinical measures need a CT."""
    pattern = "results/cohorts/{cohort}/evaluate/{kind}/{method}.tsv"
    pairs = [(c, m) for c in COHORTS for m in EVALUATE["labels"]["methods"]]
    modalities = {"labels": ("CXR", "CT", "MR"), "clinical": ("CT",)}[kind]
    return [
        pattern.format(cohort=c, kind=kind, method=m)
        for c, m in pairs
        if COHORTS[c]["modality"] in modalities
        and COHORTS[c]["modality"] in configuration.reads(settings, m)
    ]


def second_opinions():
    asked = [c for c in COHORTS if "second_opinion" in COHORTS[c]]
    return expand("results/cohorts/{cohort}/second_opinion.tsv", cohort=asked)


def expert_tables():
    pattern = "results/recipes/{recipe}/{kind}/{expert}.tsv"
    kinds = ("scores", "experts")
    return [
        pattern.format(recipe=r, kind=k, expert=e)
        for r in RECIPES
        for k in kinds
        for e in RECIPES[r]["filter"]
    ]


def networks(recipe):
    """The recipe's networks: its own, and those that it borrows of another recipe."""
    names = catalogue.constant("generators", RECIPES[recipe]["generator"], "NETWORKS")
    return [network_of(recipe, name) for name in names]


def network_of(recipe, name):
    owner = RECIPES[recipe]["networks"].get(name, recipe)
    return f"results/recipes/{owner}/networks/{name}"


def takes_prompts(recipe):
    return "prompts" in catalogue.options("generators", recipe["generator"])


def has_own_super_resolution(recipe):
    networks = catalogue.constant("generators", recipe["generator"], "NETWORKS")
    return "super_resolution" in {*networks} - {*recipe["networks"]}


def syntheses():
    return expand(
        "results/recipes/{recipe}/evaluate/synthesis.tsv",
        recipe=EVALUATE["synthesis"]["recipes"],
    )
