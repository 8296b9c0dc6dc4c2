"""Ask how far drawn volumes are from real ones.

reads   real cases of a cohort and their splits; kept samples of the recipes that start from it
writes  results/cohorts/{cohort}/judge/
        results/cohorts/{cohort}/evaluate/descriptions.parquet
        results/recipes/{recipe}/evaluate/distances.tsv
"""

JUDGE = option(
    "evaluate/synthesis/judge/weights", default=""
)  # "" for a network of our own


rule fit_judge:
    """Train the network whose features judge realism, or take a given one, which needs no case."""
    input:
        weights=JUDGE or [],
        cases=[] if JUDGE else "results/cohorts/{cohort}/cases.tsv",
        splits=[] if JUDGE else "results/cohorts/{cohort}/splits.tsv",
        images=(
            [] if JUDGE else each_batch("results/cohorts/{cohort}/batches/{batch}.tsv")
        ),
    output:
        network=directory("results/cohorts/{cohort}/judge"),
    log:
        "logs/evaluate/fit_judge/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=1440,
    params:
        options=option("evaluate/synthesis/judge"),
        seed=option("evaluate/synthesis/seed"),
        code=code("fit_judge"),
    script:
        "../../scripts/fit_judge.py"


rule describe_real:
    """Describe the real volumes that the samples of all recipes of a cohort are compared with."""
    input:
        judge="results/cohorts/{cohort}/judge",
        splits="results/cohorts/{cohort}/splits.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        table="results/cohorts/{cohort}/evaluate/descriptions.parquet",
    log:
        "logs/evaluate/describe_real/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        compared=option("evaluate/synthesis/distances/count"),
        seed=option("evaluate/synthesis/seed"),
        code=code("describe_real"),
    script:
        "../../scripts/describe_real.py"


rule measure_realism:
    """Measure how far the kept samples are from real test cases, beside a floor and a ceiling."""
    input:
        leakage="results/recipes/{recipe}/leakage.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        verdicts="results/recipes/{recipe}/verdicts.tsv",
        judge=of_source("results/cohorts/{cohort}/judge"),
        real=of_source("results/cohorts/{cohort}/evaluate/descriptions.parquet"),
    output:
        table="results/recipes/{recipe}/evaluate/distances.tsv",
    log:
        "logs/evaluate/measure_realism/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        compared=option("evaluate/synthesis/distances/count"),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/synthesis/seed"),
        code=code("measure_realism"),
    script:
        "../../scripts/measure_realism.py"
