"""Mark the anatomy of every case with a segmenter instead of a radiologist.

reads   results/cohorts/{cohort}/batches/{batch}/
writes  results/pseudolabel/{method}/network/
        results/cohorts/{cohort}/labels/{method}/{batch}/  {batch}.tsv
"""


rule fit_segmenter:
    """Train a segmenter that learns from phantoms alone."""
    output:
        network=directory("results/pseudolabel/{method}/network"),
    log:
        "logs/pseudolabel/fit_segmenter/{method}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=240,
    params:
        method=option("pseudolabel/{method}"),
        code=code_with("fit_segmenter", segmenter_training_code),
    script:
        "../../scripts/fit_segmenter.py"


rule segment_batch:
    """Label a batch of cases and say of each structure what became of it."""
    input:
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        folder="results/cohorts/{cohort}/batches/{batch}",
        network=network_of_method,
    output:
        folder=directory("results/cohorts/{cohort}/labels/{method}/{batch}"),
        table="results/cohorts/{cohort}/labels/{method}/{batch}.tsv",
    log:
        "logs/pseudolabel/segment_batch/{cohort}/{method}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    params:
        method=option("pseudolabel/{method}"),
        code=code_with("segment_batch", method_code),
    script:
        "../../scripts/segment_batch.py"


rule pseudolabel:
    input:
        per_cohort("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
