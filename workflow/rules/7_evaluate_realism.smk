"""Ask how far drawn images are from real ones.

reads   real cases of a cohort and their splits; kept samples of the recipes that start from it
writes  results/cohorts/{cohort}/feature_network/
        results/cohorts/{cohort}/evaluate/descriptions/{batch}.parquet  descriptions.parquet
        results/recipes/{recipe}/evaluate/distances.tsv
"""

# "" for a network of our own
GIVEN_WEIGHTS = (
    catalogue.value_at(settings, "evaluate/synthesis/feature_network/weights") or ""
)


rule fit_feature_network:
    """Train the network whose features measure realism, or take a given one without any case."""
    input:
        weights=GIVEN_WEIGHTS or [],
        cases=[] if GIVEN_WEIGHTS else "results/cohorts/{cohort}/cases.tsv",
        splits=[] if GIVEN_WEIGHTS else "results/cohorts/{cohort}/splits.tsv",
        images=(
            []
            if GIVEN_WEIGHTS
            else each_batch("results/cohorts/{cohort}/batches/{batch}.tsv")
        ),
    output:
        network=directory("results/cohorts/{cohort}/feature_network"),
    log:
        "logs/evaluate/fit_feature_network/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=1440,
    params:
        options=option("evaluate/synthesis/feature_network"),
        seed=option("evaluate/synthesis/seed"),
        code=trained.code_of_script(ROOT / "scripts/fit_feature_network.py"),
    script:
        "../../scripts/fit_feature_network.py"


rule describe_real:
    """Describe a batch of the real images that samples of all recipes are compared with."""
    input:
        feature_network="results/cohorts/{cohort}/feature_network",
        splits="results/cohorts/{cohort}/splits.tsv",
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        segmenter=network_of_films,
    output:
        table="results/cohorts/{cohort}/evaluate/descriptions/{batch}.parquet",
    log:
        "logs/evaluate/describe_real/{cohort}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.reading_mb),
        runtime=240,
    params:
        compared=option("evaluate/synthesis/distances/count"),
        seed=option("evaluate/synthesis/seed"),
        lungs=looked_up(radiographs.segmenter),
        code=code_with("describe_real", radiographs.segmenter_plugins),
    script:
        "../../scripts/describe_real.py"


rule collect_descriptions:
    """Put what was described of all batches of a cohort into one table."""
    input:
        tables=each_batch(
            "results/cohorts/{cohort}/evaluate/descriptions/{batch}.parquet"
        ),
    output:
        table="results/cohorts/{cohort}/evaluate/descriptions.parquet",
    log:
        "logs/evaluate/collect_descriptions/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("collect_descriptions"),
    script:
        "../../scripts/collect_descriptions.py"


rule measure_realism:
    """Measure how far the kept samples are from real test cases, beside a floor and a ceiling."""
    input:
        leakage=of_filtered("results/recipes/{recipe}/leakage.tsv"),
        samples="results/recipes/{recipe}/samples.tsv",
        verdicts=of_filtered("results/recipes/{recipe}/verdicts.tsv"),
        feature_network=of_source("results/cohorts/{cohort}/feature_network"),
        real=of_source("results/cohorts/{cohort}/evaluate/descriptions.parquet"),
        segmenter=network_of_films,
    output:
        table="results/recipes/{recipe}/evaluate/distances.tsv",
    log:
        "logs/evaluate/measure_realism/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.judging_mb),
        runtime=240,
    params:
        compared=option("evaluate/synthesis/distances/count"),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/synthesis/seed"),
        lungs=looked_up(radiographs.segmenter_of_recipe),
        code=code_with("measure_realism", radiographs.segmenter_plugins_of_recipe),
    script:
        "../../scripts/measure_realism.py"
