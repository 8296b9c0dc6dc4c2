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
    names = catalogue.constant("generators", RECIPES[recipe]["generator"], "NETWORKS")
    return expand(
        "results/recipes/{recipe}/networks/{network}", recipe=recipe, network=names
    )
