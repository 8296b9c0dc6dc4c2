"""Let every expert measure every sample, then keep what all of them accept.

reads   results/recipes/{recipe}/samples.tsv, images and labels of the recipe's cohort
writes  results/recipes/{recipe}/experts/{expert}.json  {expert}.tsv
        results/recipes/{recipe}/scores/{expert}.tsv
        results/recipes/{recipe}/verdicts.tsv  thresholds.tsv  acceptance.tsv
        results/recipes/{recipe}/acceptance_by_group.tsv  leave_one_out.tsv  coverage.tsv
"""


rule calibrate_expert:
    """Learn what real images look like (train split) and score unseen real ones (tune split)."""
    input:
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        reference="results/recipes/{recipe}/experts/{expert}.json",
        scores="results/recipes/{recipe}/experts/{expert}.tsv",
    log:
        "logs/filter/calibrate_expert/{recipe}/{expert}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=looked_up(resources.expert_gpus),
        mem_mb=looked_up_often(resources.judging_mb),
    params:
        options=looked_up(lookups.expert_options),
        code=code_with("calibrate_expert", lookups.expert_plugins),
    script:
        "../../scripts/calibrate_expert.py"


rule judge_samples:
    """Let one expert measure every sample."""
    input:
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        reference="results/recipes/{recipe}/experts/{expert}.json",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        scores="results/recipes/{recipe}/scores/{expert}.tsv",
    log:
        "logs/filter/judge_samples/{recipe}/{expert}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=looked_up(resources.expert_gpus),
        mem_mb=looked_up_often(resources.judging_mb),
    params:
        options=looked_up(lookups.expert_options),
        code=code_with("judge_samples", lookups.expert_plugins),
    script:
        "../../scripts/judge_samples.py"


rule decide_verdicts:
    """Turn scores into kept, rejected or undecided, at quantiles of the real scores."""
    input:
        samples="results/recipes/{recipe}/samples.tsv",
        scores=each_expert("results/recipes/{recipe}/scores/{expert}.tsv"),
        real=each_expert("results/recipes/{recipe}/experts/{expert}.tsv"),
    output:
        verdicts=report(
            "results/recipes/{recipe}/verdicts.tsv",
            caption="../report/verdicts.rst",
            category="Filter",
            labels={"recipe": "{recipe}"},
        ),
        thresholds="results/recipes/{recipe}/thresholds.tsv",
        acceptance="results/recipes/{recipe}/acceptance.tsv",
    log:
        "logs/filter/decide_verdicts/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        quantiles=looked_up(lookups.quantiles),
        accept_real=looked_up(lookups.accept_real),
        code=code("decide_verdicts", ("experts", "novelty")),
    script:
        "../../scripts/decide_verdicts.py"


rule measure_acceptance:
    """Count what experts accept of samples and of real cases, by group, and what it covers."""
    input:
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        verdicts="results/recipes/{recipe}/verdicts.tsv",
        thresholds="results/recipes/{recipe}/thresholds.tsv",
        scores=each_expert("results/recipes/{recipe}/scores/{expert}.tsv"),
        real=each_expert("results/recipes/{recipe}/experts/{expert}.tsv"),
    output:
        groups="results/recipes/{recipe}/acceptance_by_group.tsv",
        alone="results/recipes/{recipe}/leave_one_out.tsv",
        coverage="results/recipes/{recipe}/coverage.tsv",
    log:
        "logs/filter/measure_acceptance/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        quantiles=looked_up(lookups.quantiles),
        accept_real=looked_up(lookups.accept_real),
        code=code("measure_acceptance"),
    script:
        "../../scripts/measure_acceptance.py"


rule filter:
    input:
        expand("results/recipes/{recipe}/verdicts.tsv", recipe=RECIPES),
        expand("results/recipes/{recipe}/acceptance_by_group.tsv", recipe=RECIPES),
