"""What the jobs of a recipe read: functions of wildcards, or makers of such functions."""


def networks_of_recipe(wildcards):
    return networks(wildcards.recipe)


def networks_needed(wildcards):
    """The networks that the one in the wildcards is trained on top of."""
    names = needs(wildcards.recipe).get(wildcards.network, [])
    return [network_of(wildcards.recipe, name) for name in names]


def files_started_from(wildcards):
    """A local model's files: others under the same names train again."""
    return configuration.start_files(RECIPES[wildcards.recipe], wildcards.network)


def of_source(pattern):
    """The pattern for every batch of the cohort that the recipe in the wildcards starts from."""
    return partial(_of_source, pattern)


def _of_source(pattern, wildcards):
    return unique(per_batch(pattern, RECIPES[wildcards.recipe]["cohort"]))


def each_sample_batch(wildcards):
    recipe = RECIPES[wildcards.recipe]
    names = cohorts.names_of_batches(recipe["sample"]["count"], recipe["batch"])
    return expand(
        "results/recipes/{recipe}/samples/{batch}.tsv",
        recipe=wildcards.recipe,
        batch=names,
    )


def each_probe_batch(wildcards):
    names = cohorts.names_of_batches(EVALUATE["synthesis"]["batches"], 1)
    return expand(
        "results/recipes/{recipe}/probes/{batch}.tsv",
        recipe=wildcards.recipe,
        batch=names,
    )


def of_probes(pattern):
    """The pattern for a recipe whose generator takes prompts, and can be probed with some."""
    return partial(_where, pattern, takes_prompts)


def of_own_super_resolution(pattern):
    """The pattern for a recipe with a super-resolution network of its own."""
    return partial(_where, pattern, has_own_super_resolution)


def _where(pattern, holds, wildcards):
    recipe = wildcards.recipe
    return expand(pattern, recipe=recipe) if holds(RECIPES[recipe]) else []


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
