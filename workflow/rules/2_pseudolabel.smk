"""Mark the anatomy of every case with a segmenter instead of a radiologist.

reads   results/cohorts/{cohort}/batches/{batch}/
writes  results/pseudolabel/{method}/network/  or  weights.tsv
        results/cohorts/{cohort}/labels/{method}/{batch}/  {batch}.tsv
        results/cohorts/{cohort}/second_opinion.tsv
"""


rule check_weights:
    """List every weight file that a segmenter needs; stop in seconds where one is missing."""
    input:
        files=weight_files_there,
    output:
        table="results/pseudolabel/{method}/weights.tsv",
    log:
        "logs/pseudolabel/check_weights/{method}.log",
    priority: 100
    conda:
        "../../envs/core.yaml"
    params:
        method=option("pseudolabel/{method}"),
        code=code_with("check_weights", lookups.method_plugins),
    script:
        "../../scripts/check_weights.py"


rule fit_segmenter:
    """Train a segmenter that learns from phantoms alone."""
    output:
        network=directory("results/pseudolabel/{method}/network"),
    log:
        "logs/pseudolabel/fit_segmenter/{method}.log",
    conda:
        "../../envs/segmenters.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=240,
    params:
        method=option("pseudolabel/{method}"),
        code=code_with("fit_segmenter", lookups.method_training_plugins),
    script:
        "../../scripts/fit_segmenter.py"


rule segment_batch:
    """Label a batch of cases and say of each structure what became of it."""
    input:
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        folder="results/cohorts/{cohort}/batches/{batch}",
        network=network_of_method,
        weights=weight_files_of_method,
    output:
        folder=directory("results/cohorts/{cohort}/labels/{method}/{batch}"),
        table="results/cohorts/{cohort}/labels/{method}/{batch}.tsv",
    log:
        "logs/pseudolabel/segment_batch/{cohort}/{method}/{batch}.log",
    wildcard_constraints:
        method=resources.methods_on(settings, "cpu"),
    conda:
        "../../envs/segmenters.yaml"
    params:
        modality=option("cohorts/{cohort}/modality"),
        method=option("pseudolabel/{method}"),
        code=code_with("segment_batch", lookups.method_plugins),
    script:
        "../../scripts/segment_batch.py"


use rule segment_batch as segment_batch_on_gpu with:
    wildcard_constraints:
        method=resources.methods_on(settings, "gpu"),
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=240,


rule compare_methods:
    """Ask a second segmenter about every case and say where the two disagree."""
    input:
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        first=of_cohort_labels("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        second=of_second_labels("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/cohorts/{cohort}/second_opinion.tsv",
    log:
        "logs/pseudolabel/compare_methods/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        agree_dice=option("evaluate/labels/agree_dice"),
        code=code("compare_methods"),
    script:
        "../../scripts/compare_methods.py"


rule pseudolabel:
    input:
        per_cohort("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        second_opinions(),
