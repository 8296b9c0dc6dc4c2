"""What jobs read: functions of the config and of wildcards, or makers of such functions."""


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


def cohort_reading(wildcards):
    """How a cohort's files are found and read."""
    entry = COHORTS[wildcards.cohort]
    return {"root": cohort_root(wildcards), "modality": entry["modality"]}


def all_raw_images(wildcards):
    """What preprocess opens of the whole cohort."""
    names = batches_of(wildcards.cohort)
    return unique(path for b in names for path in raw_of(wildcards.cohort, b))


def atlas_of_cohort(wildcards):
    asked = COHORTS[wildcards.cohort]["preprocess"].get("atlas", False)
    return f"results/cohorts/{wildcards.cohort}/atlas.nii.gz" if asked else []


def raw_images(wildcards):
    """What preprocess opens: the files of a table that exist, or a batch of phantoms."""
    return raw_of(wildcards.cohort, wildcards.batch)


def raw_of(cohort, batch):
    if cohort in tables:
        return cohorts.files_of_batch(COHORTS[cohort], tables[cohort], batch)
    return [f"results/cohorts/{cohort}/phantoms/{batch}"]


def network_of_method(wildcards):
    """The folder of a method's weights, for the segmenters that need some."""
    source = configuration.weights_from(settings["pseudolabel"][wildcards.method])
    fitted = source == "phantoms"
    return f"results/pseudolabel/{wildcards.method}/network" if fitted else []


def each_weight_file(wildcards):
    """The files themselves: others under the same names label again."""
    return weight_files.there(settings["pseudolabel"][wildcards.method])


def weight_files_of_method(wildcards):
    """The list of a method's weight files, for the segmenters that take them by path."""
    source = configuration.weights_from(settings["pseudolabel"][wildcards.method])
    return (
        f"results/pseudolabel/{wildcards.method}/weights.tsv"
        if source == "files"
        else []
    )


def each_batch(pattern):
    """The pattern for every batch of the cohort in the wildcards."""
    return partial(_each_batch, pattern)


def _each_batch(pattern, wildcards):
    return expand(pattern, batch=batches_of(wildcards.cohort), **dict(wildcards))


def of_cohort_labels(pattern):
    """The pattern for every batch with the cohort's own method of pseudo-labelling."""
    return partial(_of_method, pattern, "pseudolabel", None)


def of_second_labels(pattern):
    """The same with the method that is asked for a second opinion."""
    return partial(_of_method, pattern, "second_opinion", None)


def of_cohort_batch(pattern):
    """The pattern for the batch in the wildcards, by the cohort's own method; none without one."""
    return partial(_of_method, pattern, "pseudolabel", "batch")


def _of_method(pattern, key, only, wildcards):
    cohort = wildcards.cohort
    batches = [wildcards.batch] if only else batches_of(cohort)
    method = COHORTS[cohort][key]
    made = [] if method == configuration.NO_METHOD else [method]
    return expand(pattern, cohort=cohort, method=made, batch=batches)


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
