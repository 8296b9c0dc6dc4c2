"""Ask what the kept samples are worth to a downstream model.

reads   verdicts, samples, labels and splits; cohorts nobody trained on; samples of null arms
writes  results/recipes/{recipe}/leakage.tsv
        results/recipes/{recipe}/evaluate/{task}/{arm}/{seed}.tsv
        results/recipes/{recipe}/evaluate/{task}.tsv  subgroups/{task}.tsv
"""

SUBGROUPS = [
    f"results/recipes/{recipe}/evaluate/subgroups/{task}.tsv"
    for recipe, task in subgroups.comparisons(settings)
]


rule check_leakage:
    """Fail when a patient or an image of a test split can have reached a model."""
    input:
        requests="results/recipes/{recipe}/requests.tsv",
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        unseen=of_unseen("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        unseen_images=of_unseen("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/leakage.tsv",
    log:
        "logs/evaluate/check_leakage/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("check_leakage"),
    script:
        "../../scripts/check_leakage.py"


rule fit_arm:
    """Train one arm's downstream model with one seed and predict every test case."""
    input:
        leakage="results/recipes/{recipe}/leakage.tsv",
        verdicts="results/recipes/{recipe}/verdicts.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        requests="results/recipes/{recipe}/requests.tsv",
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        unseen_cases=of_unseen("results/cohorts/{cohort}/cases.tsv"),
        unseen=of_unseen("results/cohorts/{cohort}/batches/{batch}.tsv"),
        unseen_labels=of_unseen("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        untrained=of_null_arm("results/recipes/{recipe}/samples.tsv"),
        untrained_requests=of_null_arm("results/recipes/{recipe}/requests.tsv"),
    output:
        predictions="results/recipes/{recipe}/evaluate/{task}/{arm}/{seed}.tsv",
    log:
        "logs/evaluate/fit_arm/{recipe}/{task}/{arm}/{seed}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.arm_mb),
        runtime=1440,
    params:
        task=looked_up(lookups.task_options),
        own=option("recipes/{recipe}/cohort"),
        unseen=looked_up(lookups.unseen),
        code=code_of_arm,
    script:
        "../../scripts/fit_arm.py"


rule compare_arms:
    """Put intervals on every metric of every arm and on the differences between arms."""
    input:
        predictions=each_arm,
    output:
        table="results/recipes/{recipe}/evaluate/{task}.tsv",
    log:
        "logs/evaluate/compare_arms/{recipe}/{task}.log",
    conda:
        "../../envs/core.yaml"
    params:
        own=option("recipes/{recipe}/cohort"),
        task=looked_up(lookups.task_options),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/seeds"),
        code=code_of_comparison,
    script:
        "../../scripts/compare_arms.py"


rule compare_subgroups:
    """Say what every arm reaches in each subgroup of the test patients, from its predictions."""
    input:
        predictions=each_arm,
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        unseen=of_unseen("results/cohorts/{cohort}/cases.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/subgroups/{task}.tsv",
    log:
        "logs/evaluate/compare_subgroups/{recipe}/{task}.log",
    conda:
        "../../envs/core.yaml"
    params:
        own=option("recipes/{recipe}/cohort"),
        unseen=looked_up(lookups.unseen),
        asked=option("evaluate/subgroups"),
        measured=looked_up(subgroups.figures),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/seeds"),
        code=code("compare_subgroups"),
    script:
        "../../scripts/compare_subgroups.py"


rule evaluate:
    input:
        comparisons(),
        SUBGROUPS,
        syntheses(),
        CONTROLS,
        PAIRS,
        ROUND_TRIPS,
        AUDITED,
        label_measurements("labels"),
        label_measurements("clinical"),
        label_measurements("findings"),
        READER_STUDY,
