"""Train the networks of every recipe, or take those that it pins; ART-ASyn has none.

reads   the train split of the recipe's cohort: images, labels, reports
        the folder of a local model, where `train: {<network>: {folder: ...}}` names one
        the folder of a pinned network: `networks: {<network>: {folder: ..., sha256: ...}}`
        reports without images: `train: {<network>: {reports: ...}}`
writes  results/cohorts/{cohort}/encoded/{batch}/
        results/recipes/{recipe}/reports/{network}.tsv
        results/recipes/{recipe}/networks/{network}/
        results/recipes/{recipe}/evaluate/round_trip.tsv  (of recipes with an autoencoder)
        results/recipes/{recipe}/networks/previous/{network}/  (every one that was trained)
        checkpoints/{recipe}/{network}/  logs/tensorboard/{recipe}/{network}/  (while training runs)
"""

if workflow.is_main_process:  # read whole, so once
    reports.check(settings)


rule encode_cases:
    """Encode a batch's training cases once, as arrays that training reads pieces of."""
    input:
        splits="results/cohorts/{cohort}/splits.tsv",
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        labels=of_cohort_batch("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        folder=directory("results/cohorts/{cohort}/encoded/{batch}"),
    log:
        "logs/train/encode_cases/{cohort}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=looked_up_often(resources.encoding_mb),
    params:
        factors=looked_up(lookups.coarse_factors),
        code=code_of_encoding,
    script:
        "../../scripts/encode_cases.py"


rule collect_reports:
    """Collect the reports without images that a network may learn from."""
    input:
        reports=looked_up(reports.files),
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        unseen=of_unseen("results/cohorts/{cohort}/cases.tsv"),
    output:
        reports="results/recipes/{recipe}/reports/{network}.tsv",
    log:
        "logs/train/collect_reports/{recipe}/{network}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("collect_reports"),
    script:
        "../../scripts/collect_reports.py"


rule train_network:
    """Train one network of a generator on the train split."""
    input:
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        encoded=of_source("results/cohorts/{cohort}/encoded/{batch}"),
        needs=networks_needed,
        start=files_started_from,
        reports=of_reports("results/recipes/{recipe}/reports/{network}.tsv"),
    output:
        network=directory("results/recipes/{recipe}/networks/{network}"),
    log:
        "logs/train/train_network/{recipe}/{network}.log",
    conda:
        "../../envs/core.yaml"
    threads: looked_up(resources.training_threads)
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.training_mb),
        runtime=1440,
    params:
        generator=option("recipes/{recipe}/generator"),
        options=looked_up(lookups.training_options),
        size=option("recipes/{recipe}/size"),
        seed=option("recipes/{recipe}/train/seed"),
        code=code_of_training,
    script:
        "../../scripts/train_network.py"


rule take_network:
    """Take a network that the config pins; nothing is trained."""
    input:
        files=looked_up(trained.files_of_pin),
    output:
        network=directory("results/recipes/{pinned}"),
    log:
        "logs/train/take_network/{pinned}.log",
    conda:
        "../../envs/core.yaml"
    params:
        sha256=looked_up(trained.sha256_of_pin),
        code=code("take_network"),
    script:
        "../../scripts/take_network.py"


ruleorder: take_network > train_network


rule measure_round_trip:
    """Encode and decode unseen cases, before anything is drawn on their latents."""
    input:
        networks=autoencoder_of_recipe,
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/round_trip.tsv",
    log:
        "logs/train/measure_round_trip/{recipe}.log",
    priority: 10  # before what stands on it
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.round_trip_mb),
    params:
        generator=option("recipes/{recipe}/generator"),
        segmenter=looked_up(autoencoders.segmenter),
        asked=option("evaluate/round_trip"),
        seed=option("recipes/{recipe}/train/seed"),
        code=code_with("measure_round_trip", autoencoders.plugins),
    script:
        "../../scripts/measure_round_trip.py"


ROUND_TRIPS = expand(
    "results/recipes/{recipe}/evaluate/round_trip.tsv",
    recipe=autoencoders.recipes(settings),
)


rule train:
    input:
        unique(path for recipe in RECIPES for path in networks(recipe)),
        ROUND_TRIPS,
