"""What rules ask for and what jobs read: functions of the config and of wildcards."""

# What is asked of the whole workflow.


def comparisons():
    pattern = "results/recipes/{recipe}/evaluate/{task}.tsv"
    return [
        pattern.format(recipe=r, task=t) for t in TASKS for r in EVALUATE[t]["recipes"]
    ]


def label_measurements():
    pattern = "results/cohorts/{cohort}/evaluate/labels/{method}.tsv"
    return expand(pattern, cohort=COHORTS, method=EVALUATE["labels"]["methods"])


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


# What a job reads: functions of its wildcards, or makers of such functions.


def cohort_table(wildcards):
    return COHORTS[wildcards.cohort].get("table", [])


def cohort_source(wildcards):
    """What decides which cases there are, and in which batch each is."""
    entry = COHORTS[wildcards.cohort]
    return {
        key: entry[key] for key in ("phantom", "table", "root", "batch") if key in entry
    }


def cohort_root(wildcards):
    return cohorts.root_of(COHORTS[wildcards.cohort])


def raw_images(wildcards):
    """What preprocess opens: the files of a table that exist, or a batch of phantoms."""
    if wildcards.cohort in tables:
        return cohorts.files_of_batch(
            COHORTS[wildcards.cohort], tables[wildcards.cohort], wildcards.batch
        )
    return f"results/cohorts/{wildcards.cohort}/phantoms/{wildcards.batch}"


def network_of_method(wildcards):
    """The folder of a method's weights, for the segmenters that need some."""
    segmenter = settings["pseudolabel"][wildcards.method]["segmenter"]
    needed = catalogue.constant("segmenters", segmenter, "NEEDS_WEIGHTS")
    return f"results/pseudolabel/{wildcards.method}/network" if needed else []


def networks_of_recipe(wildcards):
    return networks(wildcards.recipe)


def each_batch(pattern):
    """The pattern for every batch of the cohort in the wildcards."""
    return partial(_each_batch, pattern)


def _each_batch(pattern, wildcards):
    return expand(pattern, batch=batches_of(wildcards.cohort), **dict(wildcards))


def of_cohort_labels(pattern):
    """The pattern with the cohort's own way of pseudo-labelling."""
    return partial(_of_cohort_labels, pattern)


def _of_cohort_labels(pattern, wildcards):
    return pattern.format(
        method=COHORTS[wildcards.cohort]["pseudolabel"], **dict(wildcards)
    )


def of_source(pattern):
    """The pattern for every batch of the cohort that the recipe in the wildcards starts from."""
    return partial(_of_source, pattern)


def _of_source(pattern, wildcards):
    return unique(per_batch(pattern, RECIPES[wildcards.recipe]["cohort"]))


def of_unseen(pattern):
    """The pattern for every batch of the cohorts that tasks test on and nobody trained on."""
    return partial(_of_unseen, pattern)


def _of_unseen(pattern, wildcards):
    tasks = [wildcards.task] if "task" in wildcards.keys() else TASKS
    return unique(
        p for t in tasks for c in EVALUATE[t]["unseen"] for p in per_batch(pattern, c)
    )


def unique(paths):
    return list(dict.fromkeys(paths))


def each_sample_batch(wildcards):
    recipe = RECIPES[wildcards.recipe]
    names = cohorts.names_of_batches(recipe["sample"]["count"], recipe["batch"])
    return expand(
        "results/recipes/{recipe}/samples/{batch}.tsv",
        recipe=wildcards.recipe,
        batch=names,
    )


def each_expert(pattern):
    """The pattern for every expert of the recipe in the wildcards."""
    return partial(_each_expert, pattern)


def _each_expert(pattern, wildcards):
    return expand(
        pattern, recipe=wildcards.recipe, expert=RECIPES[wildcards.recipe]["filter"]
    )


def each_arm(wildcards):
    pattern = "results/recipes/{recipe}/evaluate/{task}/{arm}/{seed}.tsv"
    arms = EVALUATE[wildcards.task]["arms"]
    return expand(pattern, arm=arms, seed=EVALUATE["seeds"], **dict(wildcards))
