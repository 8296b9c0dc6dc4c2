"""Train the networks of every recipe; ART-ASyn has none, it composes textures.

reads   the train split of the recipe's cohort, images and labels
writes  results/recipes/{recipe}/networks/{network}/
"""


rule train_network:
    """Train one network of a generator on the train split."""
    input:
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        network=directory("results/recipes/{recipe}/networks/{network}"),
    log:
        "logs/train/train_network/{recipe}/{network}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=1440,
    params:
        generator=option("recipes/{recipe}/generator"),
        options=option("recipes/{recipe}/train"),
        size=option("recipes/{recipe}/size"),
        seed=option("recipes/{recipe}/seed"),
        code=code_with("train_network", generator_code),
    script:
        "../../scripts/train_network.py"


rule train:
    input:
        [path for recipe in RECIPES for path in networks(recipe)],
