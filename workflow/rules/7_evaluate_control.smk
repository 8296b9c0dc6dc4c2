"""Ask whether drawn lesions measure what was asked for and as real ones do, and whether removed ones are gone.

reads   requests, samples and networks of a recipe; cases of its cohort
writes  results/recipes/{recipe}/evaluate/control.tsv  lesions.parquet  control_figures.tsv
        results/recipes/{recipe}/pairs.tsv
        the first two also in results/recipes/{recipe}.untrained/: the recipe's null arm
"""


rule measure_control:
    """Measure every drawn lesion, and what is left of removed ones, beside what was asked for."""
    input:
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        networks=networks_of_recipe,
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/control.tsv",
    log:
        "logs/evaluate/measure_control/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=looked_up_often(resources.judging_mb),
    params:
        generator=option("recipes/{recipe}/generator"),
        lesion=looked_up(control.lesion),
        seed=option("evaluate/control/seed"),
        code=code_with("measure_control", lookups.generator_plugins),
    script:
        "../../scripts/measure_control.py"


rule measure_lesions:
    """Measure drawn lesions and the tissue around them, and real ones beside them."""
    input:
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/lesions.parquet",
    log:
        "logs/evaluate/measure_lesions/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=looked_up_often(resources.judging_mb),
    params:
        lesion=looked_up(control.lesion),
        modality=looked_up(lookups.modality),
        real=looked_up(untrained.is_filtered),
        code=code("measure_lesions"),
    script:
        "../../scripts/measure_lesions.py"


rule summarize_control:
    """Turn what drawn lesions measure into rows of the scorecard, null arms beside them."""
    input:
        leakage=of_filtered("results/recipes/{recipe}/leakage.tsv"),
        table="results/recipes/{recipe}/evaluate/control.tsv",
        untrained=of_untrained("results/recipes/{recipe}/evaluate/control.tsv"),
        lesions="results/recipes/{recipe}/evaluate/lesions.parquet",
        untrained_lesions=of_untrained(
            "results/recipes/{recipe}/evaluate/lesions.parquet"
        ),
    output:
        table="results/recipes/{recipe}/evaluate/control_figures.tsv",
    log:
        "logs/evaluate/summarize_control/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/control/seed"),
        code=code("summarize_control"),
    script:
        "../../scripts/summarize_control.py"


rule list_pairs:
    """List drawn lesions as pairs of images with and without them."""
    input:
        samples="results/recipes/{recipe}/samples.tsv",
        requests="results/recipes/{recipe}/requests.tsv",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/pairs.tsv",
    log:
        "logs/evaluate/list_pairs/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("list_pairs"),
    script:
        "../../scripts/list_pairs.py"


CONTROLS = expand(
    "results/recipes/{recipe}/evaluate/control_figures.tsv",
    recipe=control.recipes(settings),
)
PAIRS = expand("results/recipes/{recipe}/pairs.tsv", recipe=control.recipes(settings))
