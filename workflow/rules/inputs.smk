"""What rules read and are given: functions of wildcards, or makers of such functions.

Each finds files; what the config means is looked up in `radfoundry.config`.
"""


def unique(paths):
    return list(dict.fromkeys(paths))


# A cohort, and its batches.


def batches_of(cohort):
    return cohorts.batch_names(COHORTS[cohort], tables.get(cohort, []))


def per_batch(pattern, cohort, methods=None, batches=None):
    """The pattern for every batch and the cohort's own method; nothing for labels without one."""
    methods = methods or [COHORTS[cohort]["pseudolabel"]]
    made = [method for method in methods if method != NO_METHOD]
    batches = batches or batches_of(cohort)
    return unique(expand(pattern, cohort=cohort, method=made, batch=batches))


def per_cohort(pattern):
    return [path for cohort in COHORTS for path in per_batch(pattern, cohort)]


def each_batch(pattern):
    """The pattern for every batch of the cohort in the wildcards."""
    return lambda w: expand(pattern, batch=batches_of(w.cohort), **dict(w))


def of_cohort_labels(pattern):
    """The pattern for every batch with the cohort's own method of pseudo-labelling."""
    return lambda w: per_batch(pattern, w.cohort)


def of_second_labels(pattern):
    """The same with the method that is asked for a second opinion."""
    return lambda w: per_batch(pattern, w.cohort, [COHORTS[w.cohort]["second_opinion"]])


def of_cohort_batch(pattern):
    """The pattern for the batch in the wildcards, with the cohort's own method; none without one."""
    return lambda w: per_batch(pattern, w.cohort, batches=[w.batch])


def of_source(pattern):
    """The pattern for every batch of the cohort that the recipe in the wildcards starts from."""
    return lambda w: per_batch(pattern, settings["recipes"][w.recipe]["cohort"])


def of_unseen(pattern):
    """The pattern for every batch of the cohorts that tasks test on and nobody trained on."""
    return lambda w: unique(
        path
        for cohort in lookups.unseen(settings, dict(w).get("task"))
        for path in per_batch(pattern, cohort)
    )


# What comes from the user.


def cohort_table(wildcards):
    return COHORTS[wildcards.cohort].get("table", [])


def table_state(wildcards):
    """A digest of where the table's paths lead: names may be spelled otherwise on disk."""
    rows = tables.get(wildcards.cohort)
    return watched.of_table(rows) if rows else ""


def raw_of(cohort, batch):
    """What preprocess opens: the files of a table that exist, or a batch of phantoms."""
    if cohort in tables:
        return cohorts.files_of_batch(COHORTS[cohort], tables[cohort], batch)
    return [f"results/cohorts/{cohort}/phantoms/{batch}"]


def raw_images(wildcards):
    return watched.inputs(raw_of(wildcards.cohort, wildcards.batch))


def raw_state(wildcards):
    """A digest of the user's files that Snakemake cannot watch by itself."""
    known = wildcards.cohort in tables
    return watched.state(raw_of(wildcards.cohort, wildcards.batch)) if known else ""


def all_raw_images(wildcards):
    cohort = wildcards.cohort
    return unique(path for b in batches_of(cohort) for path in raw_of(cohort, b))


def images_of_atlas(wildcards):
    given = COHORTS[wildcards.cohort]["preprocess"].get("atlas", False)
    files = [given] if isinstance(given, str) else all_raw_images(wildcards)
    return watched.inputs(files)


def atlas_of_cohort(wildcards):
    asked = COHORTS[wildcards.cohort]["preprocess"].get("atlas", False)
    return f"results/cohorts/{wildcards.cohort}/atlas.nii.gz" if asked else []


# Methods of pseudo-labelling.


def network_of_method(wildcards):
    """The folder of a method's weights, for the segmenters that are trained on phantoms."""
    trained = weights_from(METHODS[wildcards.method]) == "phantoms"
    return f"results/pseudolabel/{wildcards.method}/network" if trained else []


def network_of_films(wildcards):
    """The weights of the method that reads a cohort's radiographs, drawn ones too, if it has any."""
    method = radiographs.trained_method(settings, **dict(wildcards))
    return f"results/pseudolabel/{method}/network" if method else []


def weight_files_of_method(wildcards):
    """The list of a method's weight files, for the segmenters that take them by path."""
    given = weights_from(METHODS[wildcards.method]) == "files"
    return f"results/pseudolabel/{wildcards.method}/weights.tsv" if given else []


def weight_files_there(wildcards):
    """The files themselves: others under the same names label again."""
    return weight_files.there(METHODS[wildcards.method])


def second_opinions():
    asked = [name for name in COHORTS if "second_opinion" in COHORTS[name]]
    return expand("results/cohorts/{cohort}/second_opinion.tsv", cohort=asked)


def label_measurements(kind):
    pattern = "results/cohorts/{}/evaluate/{}/{}.tsv"
    pairs = lookups.label_measurements(settings, kind)
    return [pattern.format(cohort, kind, method) for cohort, method in pairs]


def of_anatomy(pattern):
    """The pattern, with the method that findings are marked on top of: see `finding_methods.below`."""
    return lambda w: per_batch(pattern, *finding_methods.below(settings, **dict(w)))


# Recipes: their networks, samples, experts.


def network_folders(owners):
    pattern = "results/recipes/{}/networks/{}"
    return [pattern.format(owner, name) for name, owner in owners.items()]


def networks(recipe):
    """The recipe's networks: its own, and those that it borrows of another recipe."""
    return network_folders(lookups.networks(settings, recipe))


def networks_of_recipe(wildcards):
    return networks(wildcards.recipe)


def autoencoder_of_recipe(wildcards):
    recipe = wildcards.recipe
    return network_folders({autoencoders.autoencoder(settings, recipe): recipe})


def networks_needed(wildcards):
    """The networks that the one in the wildcards is trained on top of."""
    return network_folders(looked_up(lookups.networks_needed)(wildcards))


def files_started_from(wildcards):
    """A local model's files: others under the same names train again."""
    return start_files(settings["recipes"][wildcards.recipe], wildcards.network)


def each_sample_batch(wildcards):
    recipe = settings["recipes"][wildcards.recipe]
    names = cohorts.names_of_batches(recipe["sample"]["count"], recipe["batch"])
    pattern = "results/recipes/{recipe}/samples/{batch}.tsv"
    return expand(pattern, recipe=wildcards.recipe, batch=names)


def each_probe_batch(wildcards):
    names = cohorts.names_of_batches(EVALUATE["synthesis"]["batches"], 1)
    pattern = "results/recipes/{recipe}/probes/{batch}.tsv"
    return expand(pattern, recipe=wildcards.recipe, batch=names)


def _where(holds, pattern):
    """The pattern for the recipe in the wildcards, if a look-up of the config holds of it."""
    asked = looked_up(holds)
    return lambda w: expand(pattern, **dict(w)) if asked(w) else []


def _recipes(which, pattern):
    """The pattern for the recipes that a look-up of the config names."""
    names = looked_up(which)
    return lambda w: expand(pattern, recipe=names(w))


of_probes = partial(_where, lookups.takes_prompts)
of_super_resolution = partial(_where, lookups.super_resolution)
of_channels = partial(_where, lookups.read_at_thresholds)
of_reports = partial(_where, reports.files)
of_filtered = partial(_where, untrained.is_filtered)
of_untrained = partial(_recipes, untrained.arms)
of_null_arm = partial(_recipes, untrained.teachers)
per_recipe = partial(expand, "results/recipes/{recipe}/{name}", recipe=RECIPES)


def each_expert(pattern):
    """The pattern for every expert of the recipe in the wildcards."""
    return lambda w: expand(
        pattern, recipe=w.recipe, expert=RECIPES[w.recipe]["filter"]
    )


def each_arm(wildcards):
    pattern = "results/recipes/{recipe}/evaluate/{task}/{arm}/{seed}.tsv"
    arms, seeds = (f(settings, wildcards.task) for f in (lookups.arms, lookups.seeds))
    return expand(pattern, arm=arms, seed=seeds, **dict(wildcards))


def comparisons():
    pattern = "results/recipes/{}/evaluate/{}.tsv"
    return [pattern.format(*pair) for pair in lookups.comparisons(settings)]


def syntheses():
    pattern = "results/recipes/{recipe}/evaluate/synthesis.tsv"
    return expand(pattern, recipe=EVALUATE["synthesis"]["recipes"])


def expert_tables():
    asked = [(r, e) for r in RECIPES for e in RECIPES[r]["filter"]]
    pattern = "results/recipes/{}/{}/{}.tsv"
    return [pattern.format(r, k, e) for k in ("scores", "experts") for r, e in asked]
