"""Draw a synthetic dataset: choose everything, write it down, then draw what is written.

reads   splits, images and labels of the recipe's cohort; the recipe's networks
writes  results/recipes/{recipe}/channels.tsv
        results/recipes/{recipe}/requests.tsv
        results/recipes/{recipe}/samples/{batch}/  {batch}.tsv
        results/recipes/{recipe}/samples.tsv  thumbnails.webp
"""


rule plan_requests:
    """Make every random choice of a recipe and write it as one request per sample."""
    input:
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        requests="results/recipes/{recipe}/requests.tsv",
    log:
        "logs/sample/plan_requests/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        generator=option("recipes/{recipe}/generator"),
        ask="plan",
        options=looked_up(lookups.sample_options),
        seed=option("recipes/{recipe}/seed"),
        batch=option("recipes/{recipe}/batch"),
        code=code_with("plan_requests", lookups.generator_plugins),
    script:
        "../../scripts/plan_requests.py"


rule calibrate_channels:
    """Compare shapes drawn beside images of the tune split with their labels, at all thresholds."""
    input:
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        networks=networks_of_recipe,
    output:
        table="results/recipes/{recipe}/channels.tsv",
    log:
        "logs/sample/calibrate_channels/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=240,
    params:
        generator=option("recipes/{recipe}/generator"),
        options=looked_up(lookups.sampler),
        seed=option("recipes/{recipe}/train/seed"),
        split="tune",
        code=code_with("calibrate_channels", lookups.generator_plugins),
    script:
        "../../scripts/calibrate_channels.py"


rule draw_samples:
    """Draw a batch of requests; each has its own seed, so batches change nothing."""
    input:
        requests="results/recipes/{recipe}/requests.tsv",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        networks=networks_of_recipe,
        channels=of_channels("results/recipes/{recipe}/channels.tsv"),
    output:
        folder=directory("results/recipes/{recipe}/samples/{batch}"),
        table="results/recipes/{recipe}/samples/{batch}.tsv",
    log:
        "logs/sample/draw_samples/{recipe}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.drawing_mb),
        runtime=240,
    params:
        generator=option("recipes/{recipe}/generator"),
        told=looked_up(lookups.read_at_thresholds),
        together=looked_up(resources.drawn_together),
        code=code_with("draw_samples", lookups.generator_plugins),
    script:
        "../../scripts/draw_samples.py"


rule collect_samples:
    """List all samples of a recipe."""
    input:
        tables=each_sample_batch,
    output:
        samples="results/recipes/{recipe}/samples.tsv",
    log:
        "logs/sample/collect_samples/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("collect_samples"),
    script:
        "../../scripts/collect_samples.py"


rule draw_thumbnails:
    """Draw a small picture of every sample; the report shows them all."""
    input:
        samples="results/recipes/{recipe}/samples.tsv",
    output:
        sprite="results/recipes/{recipe}/thumbnails.webp",
    log:
        "logs/sample/draw_thumbnails/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        modality=looked_up(lookups.modality),
        code=code("draw_thumbnails"),
    script:
        "../../scripts/draw_thumbnails.py"


rule sample:
    input:
        ROUND_TRIPS,
        expand("results/recipes/{recipe}/samples.tsv", recipe=RECIPES),
