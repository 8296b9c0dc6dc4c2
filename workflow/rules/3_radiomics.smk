"""Measure every case with pyradiomics, under settings that are written down.

reads   results/cohorts/{cohort}/batches/{batch}/  labels/{method}/{batch}/
writes  results/cohorts/{cohort}/radiomics/{batch}.parquet
        results/cohorts/{cohort}/radiomics.parquet  vectors.parquet  radiomics.json
"""


rule extract_radiomics:
    """Measure the regions of a batch of cases."""
    input:
        images="results/cohorts/{cohort}/batches/{batch}.tsv",
        labels=of_cohort_batch("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        folder="results/cohorts/{cohort}/batches/{batch}",
    output:
        table=temp("results/cohorts/{cohort}/radiomics/{batch}.parquet"),
    log:
        "logs/radiomics/extract_radiomics/{cohort}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1  # batches run beside each other; `--set-threads extract_radiomics=8` for long ones
    params:
        modality=option("cohorts/{cohort}/modality"),
        radiomics=option("cohorts/{cohort}/radiomics"),
        code=code("extract_radiomics"),
    script:
        "../../scripts/extract_radiomics.py"


rule collect_radiomics:
    """Join the batches, scale on the train split; write units and settings beside the tables."""
    input:
        splits="results/cohorts/{cohort}/splits.tsv",
        tables=each_batch("results/cohorts/{cohort}/radiomics/{batch}.parquet"),
    output:
        table="results/cohorts/{cohort}/radiomics.parquet",
        vectors="results/cohorts/{cohort}/vectors.parquet",
        settings="results/cohorts/{cohort}/radiomics.json",
    log:
        "logs/radiomics/collect_radiomics/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        modality=option("cohorts/{cohort}/modality"),
        radiomics=option("cohorts/{cohort}/radiomics"),
        code=code("collect_radiomics"),
    script:
        "../../scripts/collect_radiomics.py"


rule radiomics:
    input:
        expand("results/cohorts/{cohort}/radiomics.parquet", cohort=COHORTS),
