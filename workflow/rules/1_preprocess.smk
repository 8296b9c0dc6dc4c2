"""Let every case in through the read gate, onto its cohort's grid, and split by patient.

reads   the cohort's table and the images it names, or the config of its phantoms
writes  results/cohorts/{cohort}/cases.tsv
        results/cohorts/{cohort}/phantoms/{batch}/
        results/cohorts/{cohort}/atlas.nii.gz, where the config asks for one
        results/cohorts/{cohort}/batches/{batch}/  {batch}.tsv
        results/cohorts/{cohort}/splits.tsv  duplicates.tsv
"""


rule plan_cohort:
    """List a cohort's cases; for phantoms, make every random choice and write it down."""
    input:
        table=cohort_table,
    output:
        cases="results/cohorts/{cohort}/cases.tsv",
    log:
        "logs/preprocess/plan_cohort/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        source=looked_up(lookups.cohort_source),
        state=table_state,
        code=code_with("plan_cohort", lookups.phantom_plugins),
    script:
        "../../scripts/plan_cohort.py"


rule draw_phantoms:
    """Draw a batch of bodies whose truth is known."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
    output:
        folder=directory("results/cohorts/{cohort}/phantoms/{batch}"),
    log:
        "logs/preprocess/draw_phantoms/{cohort}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    params:
        kind=option("cohorts/{cohort}/phantom/kind"),
        code=code_with("draw_phantoms", lookups.phantom_plugins),
    script:
        "../../scripts/draw_phantoms.py"


rule build_atlas:
    """Average the lungs of some cases into the shape that all are brought to, or take one."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=images_of_atlas,
    output:
        atlas="results/cohorts/{cohort}/atlas.nii.gz",
    log:
        "logs/preprocess/build_atlas/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        cohort=looked_up(lookups.cohort_reading),
        preprocess=option("cohorts/{cohort}/preprocess"),
        code=code("build_atlas"),
    script:
        "../../scripts/build_atlas.py"


rule preprocess_batch:
    """Read a batch of cases through the gate; a bad case becomes a rejected row."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=raw_images,
        atlas=atlas_of_cohort,
    output:
        folder=directory("results/cohorts/{cohort}/batches/{batch}"),
        table="results/cohorts/{cohort}/batches/{batch}.tsv",
    log:
        "logs/preprocess/preprocess_batch/{cohort}/{batch}.log",
    conda:
        "../../envs/core.yaml"
    params:
        modality=option("cohorts/{cohort}/modality"),
        root=looked_up(lookups.cohort_root),
        state=raw_state,
        reader_labels=option("cohorts/{cohort}/reader_labels"),
        preprocess=option("cohorts/{cohort}/preprocess"),
        code=code("preprocess_batch"),
    script:
        "../../scripts/preprocess_batch.py"


rule assign_splits:
    """Split by patient; stop when too many cases were rejected or a patient leaks."""
    input:
        cases="results/cohorts/{cohort}/cases.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        folders=each_batch("results/cohorts/{cohort}/batches/{batch}"),
    output:
        splits="results/cohorts/{cohort}/splits.tsv",
        duplicates="results/cohorts/{cohort}/duplicates.tsv",
    log:
        "logs/preprocess/assign_splits/{cohort}.log",
    conda:
        "../../envs/core.yaml"
    params:
        splits=option("cohorts/{cohort}/splits"),
        max_rejected=option("max_rejected"),
        code=code("assign_splits"),
    script:
        "../../scripts/assign_splits.py"


rule preprocess:
    input:
        expand("results/cohorts/{cohort}/splits.tsv", cohort=COHORTS),
