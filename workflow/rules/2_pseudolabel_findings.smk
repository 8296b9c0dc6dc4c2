"""Mark where stated findings of radiographs lie, on top of a segmenter's anatomy.

reads   results/cohorts/{cohort}/cases.tsv  splits.tsv  batches/{batch}/
        results/cohorts/{cohort}/labels/{the method of the anatomy}/{batch}/
writes  results/pseudolabel/{method}/detector/
        results/cohorts/{cohort}/labels/{method}/{batch}/  {batch}.tsv
        results/cohorts/{cohort}/findings/{method}/{batch}.tsv
"""


rule fit_detector:
    """Train a detector on disease painted into healthy films; learn what unseen ones show."""
    input:
        splits=of_anatomy("results/cohorts/{cohort}/splits.tsv"),
        images=of_anatomy("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_anatomy("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        network=directory("results/pseudolabel/{method}/detector"),
    log:
        "logs/pseudolabel/fit_detector/{method}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=6000,
        runtime=240,
    params:
        findings=looked_up(finding_methods.asked_of),
        code=code_with("fit_detector", finding_methods.training_plugins),
    script:
        "../../scripts/fit_detector.py"


rule mark_findings:
    """Give every stated finding of a batch a reader's mask, a box, the detector's mask, or none."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        splits="results/cohorts/{cohort}/splits.tsv",
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        labels=of_anatomy("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        network="results/pseudolabel/{method}/detector",
    output:
        folder=directory("results/cohorts/{cohort}/labels/{method}/{batch}"),
        table="results/cohorts/{cohort}/labels/{method}/{batch}.tsv",
        findings="results/cohorts/{cohort}/findings/{method}/{batch}.tsv",
    log:
        "logs/pseudolabel/mark_findings/{cohort}/{method}/{batch}.log",
    wildcard_constraints:
        method=finding_methods.methods(settings),
    conda:
        "../../envs/core.yaml"
    params:
        findings=option("pseudolabel/{method}/findings"),
        code=code_with("mark_findings", finding_methods.detecting_plugins),
    script:
        "../../scripts/mark_findings.py"
