"""Ask how good labels are: against the truth where there is one, and as a clinician reads them.

reads   labels, reader's or phantom's truth
writes  results/cohorts/{cohort}/evaluate/labels/{method}.tsv  clinical/{method}.tsv
        results/cohorts/{cohort}/evaluate/findings/{method}.tsv, of methods that mark findings
"""


rule measure_labels:
    """Compare pseudo-labels with the truth, where there is one."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=each_batch("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/cohorts/{cohort}/evaluate/labels/{method}.tsv",
    log:
        "logs/evaluate/measure_labels/{cohort}/{method}.log",
    conda:
        "../../envs/core.yaml"
    params:
        by=option("evaluate/labels/by"),
        code=code("measure_labels"),
    script:
        "../../scripts/measure_labels.py"


rule measure_clinical:
    """Measure volumes, emphysema, effusion and heart as a clinician reads them off the labels."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=each_batch("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/cohorts/{cohort}/evaluate/clinical/{method}.tsv",
    log:
        "logs/evaluate/measure_clinical/{cohort}/{method}.log",
    conda:
        "../../envs/core.yaml"
    params:
        by=option("evaluate/labels/by"),
        code=code("measure_clinical"),
    script:
        "../../scripts/measure_clinical.py"


rule measure_findings:
    """Compare the masks that a detector would give with readers' masks and boxes."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_anatomy("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        network="results/pseudolabel/{method}/detector",
    output:
        table="results/cohorts/{cohort}/evaluate/findings/{method}.tsv",
    log:
        "logs/evaluate/measure_findings/{cohort}/{method}.log",
    wildcard_constraints:
        method=finding_methods.methods(settings),
    conda:
        "../../envs/core.yaml"
    params:
        by=option("evaluate/labels/by"),
        findings=option("pseudolabel/{method}/findings"),
        code=code_with("measure_findings", finding_methods.detecting_plugins),
    script:
        "../../scripts/measure_findings.py"
