"""Ask whether drawn radiographs show what was asked for, where it was asked for, and only there.

reads   real films of a cohort; samples of the recipes that start from it
writes  results/cohorts/{cohort}/finding_reader/
        results/cohorts/{cohort}/evaluate/films.tsv
        results/recipes/{recipe}/evaluate/probes.tsv  masks.tsv  synthesis.tsv
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


rule read_films:
    """Read real films of the test split: the ceiling of what is read off drawn ones."""
    input:
        reader="results/cohorts/{cohort}/finding_reader",
        segmenter=network_of_films,
        cases="results/cohorts/{cohort}/cases.tsv",
        splits="results/cohorts/{cohort}/splits.tsv",
        images=each_batch("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_cohort_labels("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/cohorts/{cohort}/evaluate/films.tsv",
    log:
        "logs/evaluate/read_films/{cohort}.log",
    conda:
        "../../envs/segmenters.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.reading_mb),
        runtime=240,
    params:
        segmenter=looked_up(radiographs.segmenter_of_films),
        most=option("evaluate/synthesis/radiographs/count"),
        seed=option("evaluate/synthesis/seed"),
        code=code_with("read_films", radiographs.segmenter_plugins),
    script:
        "../../scripts/read_films.py"


rule measure_radiographs:
    """Segment and read every drawn radiograph afresh and measure what its request asked for."""
    input:
        leakage=of_filtered("results/recipes/{recipe}/leakage.tsv"),
        reader=of_source("results/cohorts/{cohort}/finding_reader"),
        segmenter=network_of_films,
        requests=of_probes("results/recipes/{recipe}/probes/requests.tsv"),
        samples=of_probes("results/recipes/{recipe}/probes/samples.tsv"),
        dataset_requests="results/recipes/{recipe}/requests.tsv",
        dataset="results/recipes/{recipe}/samples.tsv",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/probes.tsv",
    log:
        "logs/evaluate/measure_radiographs/{recipe}.log",
    wildcard_constraints:
        recipe=radiographs.recipes(settings, flat=True),
    conda:
        "../../envs/segmenters.yaml"
    resources:
        gpu=1,
        mem_mb=looked_up_often(resources.judging_mb),
        runtime=240,
    params:
        segmenter=looked_up(radiographs.segmenter_of_recipe),
        code=code_with("measure_radiographs", radiographs.segmenter_plugins_of_recipe),
    script:
        "../../scripts/measure_radiographs.py"


rule measure_masks:
    """Describe the masks of findings of every sample, and those of real films."""
    input:
        leakage=of_filtered("results/recipes/{recipe}/leakage.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        samples="results/recipes/{recipe}/samples.tsv",
    output:
        table="results/recipes/{recipe}/evaluate/masks.tsv",
    log:
        "logs/evaluate/measure_masks/{recipe}.log",
    wildcard_constraints:
        recipe=radiographs.recipes(settings, flat=True),
    conda:
        "../../envs/core.yaml"
    params:
        code=code("measure_masks"),
    script:
        "../../scripts/measure_masks.py"


rule summarize_radiographs:
    """Turn measurements of drawn radiographs into rows of the scorecard with n and interval."""
    input:
        probes="results/recipes/{recipe}/evaluate/probes.tsv",
        films=of_source("results/cohorts/{cohort}/evaluate/films.tsv"),
        distances="results/recipes/{recipe}/evaluate/distances.tsv",
        tuned=of_channels("results/recipes/{recipe}/channels.tsv"),
        channels=of_channels("results/recipes/{recipe}/evaluate/channels.tsv"),
        untrained_probes=of_untrained("results/recipes/{recipe}/evaluate/probes.tsv"),
        untrained_distances=of_untrained(
            "results/recipes/{recipe}/evaluate/distances.tsv"
        ),
        masks="results/recipes/{recipe}/evaluate/masks.tsv",
        untrained_masks=of_untrained("results/recipes/{recipe}/evaluate/masks.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/synthesis.tsv",
    log:
        "logs/evaluate/summarize_radiographs/{recipe}.log",
    wildcard_constraints:
        recipe=radiographs.recipes(settings, flat=True),
    conda:
        "../../envs/core.yaml"
    params:
        published=looked_up(lookups.published),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/synthesis/seed"),
        code=code("summarize_radiographs"),
    script:
        "../../scripts/summarize_radiographs.py"
