"""Ask whether drawn radiographs show what was asked for, where it was asked for, and only there.

reads   real films of a cohort; samples of the recipes that start from it
writes  results/cohorts/{cohort}/finding_reader/
"""


rule fit_finding_reader:
    """Train what reads findings off radiographs, on the split that no generator sees."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        splits="results/cohorts/{cohort}/splits.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        network=directory("results/cohorts/{cohort}/finding_reader"),
    log:
        "logs/evaluate/fit_finding_reader/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=1440,
    params:
        options=option("evaluate/synthesis/finding_reader"),
        seed=option("evaluate/synthesis/seed"),
        code=trained.code_of_script(ROOT / "scripts/fit_finding_reader.py"),
    script:
        "../../scripts/fit_finding_reader.py"
