"""Ask whether drawn images copy those that were learned from.

reads   real cases of a cohort and their splits; samples, requests and verdicts of its recipes
writes  results/cohorts/{cohort}/audit/copies/  patients/
        results/recipes/{recipe}/evaluate/memorisation.tsv  nearest.tsv
"""

from radfoundry.config import memorisation

of_audited = partial(_where, memorisation.audited)
AUDITED = expand(
    "results/recipes/{recipe}/evaluate/{table}.tsv",
    recipe=memorisation.recipes(settings),
    table=["memorisation", "nearest"],
)


rule fit_audit_networks:
    """Train what finds copies and what recognizes patients, on the training split alone."""
    input:
        splits="results/cohorts/{cohort}/splits.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        copies=directory("results/cohorts/{cohort}/audit/copies"),
        patients=directory("results/cohorts/{cohort}/audit/patients"),
    log:
        "logs/evaluate/fit_audit_networks/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.reading_mb),
        runtime=1440,
    params:
        options=option("evaluate/memorisation/network"),
        seed=option("evaluate/memorisation/seed"),
        code=trained.code_of_script(ROOT / "scripts/fit_audit_networks.py"),
    script:
        "../../scripts/fit_audit_networks.py"


rule audit_memorisation:
    """Compare every sample with the whole training split, beside planted copies of it."""
    input:
        leakage="results/recipes/{recipe}/leakage.tsv",
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        verdicts="results/recipes/{recipe}/verdicts.tsv",
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        copies=of_source("results/cohorts/{cohort}/audit/copies"),
        patients=of_source("results/cohorts/{cohort}/audit/patients"),
    output:
        table="results/recipes/{recipe}/evaluate/memorisation.tsv",
        nearest="results/recipes/{recipe}/evaluate/nearest.tsv",
    log:
        "logs/evaluate/audit_memorisation/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.judging_mb),
        runtime=1440,
    params:
        options=looked_up(memorisation.options),
        seed=option("evaluate/memorisation/seed"),
        code=code("audit_memorisation"),
    script:
        "../../scripts/audit_memorisation.py"
