"""Train the networks of every recipe; ART-ASyn has none, it composes textures.

reads   the train split of the recipe's cohort: images, labels, reports
        the folder of a local model, where `train: {<network>: {folder: ...}}` names one
writes  results/cohorts/{cohort}/encoded/{batch}/
        results/recipes/{recipe}/networks/{network}/
        checkpoints/{recipe}/{network}/  logs/tensorboard/{recipe}/{network}/  (while training runs)
"""


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
        code=code("encode_cases"),
    script:
        "../../scripts/encode_cases.py"


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
        code=code_with("train_network", lookups.generator_plugins),
    script:
        "../../scripts/train_network.py"


rule train:
    input:
        unique(path for recipe in RECIPES for path in networks(recipe)),
