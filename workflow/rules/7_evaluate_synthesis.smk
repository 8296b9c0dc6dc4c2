"""Ask whether drawn images follow their prompts and keep what they are given: probes, and CT.

reads   samples and networks of a recipe, how real its samples are; real cases of its cohort
writes  results/recipes/{recipe}/probes/requests.tsv  {batch}/  {batch}.tsv  samples.tsv
        results/recipes/{recipe}/evaluate/probes.tsv  channels.tsv
        results/recipes/{recipe}/evaluate/resolutions.tsv  synthesis.tsv
        all but the last three also in results/recipes/{recipe}.untrained/: the recipe's null arm
"""


use rule plan_requests as plan_probes with:
    output:
        requests="results/recipes/{recipe}/probes/requests.tsv",
    log:
        "logs/evaluate/plan_probes/{recipe}.log",
    params:
        generator=option("recipes/{recipe}/generator"),
        ask="probe",
        options=looked_up(lookups.probe_options),
        seed=option("evaluate/synthesis/seed"),
        batches=option("evaluate/synthesis/batches"),
        code=code_with("plan_requests", lookups.generator_plugins),


use rule draw_samples as draw_probes with:
    input:
        requests="results/recipes/{recipe}/probes/requests.tsv",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        networks=networks_of_recipe,
        channels=of_channels("results/recipes/{recipe}/channels.tsv"),
    output:
        folder=directory("results/recipes/{recipe}/probes/{batch}"),
        table="results/recipes/{recipe}/probes/{batch}.tsv",
    log:
        "logs/evaluate/draw_probes/{recipe}/{batch}.log",


use rule collect_samples as collect_probes with:
    input:
        tables=each_probe_batch,
    output:
        samples="results/recipes/{recipe}/probes/samples.tsv",
    log:
        "logs/evaluate/collect_probes/{recipe}.log",


rule measure_probes:
    """Segment every drawn CT afresh and measure what its request asked for."""
    input:
        requests=of_probes("results/recipes/{recipe}/probes/requests.tsv"),
        samples=of_probes("results/recipes/{recipe}/probes/samples.tsv"),
        dataset_requests="results/recipes/{recipe}/requests.tsv",
        dataset="results/recipes/{recipe}/samples.tsv",
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/probes.tsv",
    log:
        "logs/evaluate/measure_probes/{recipe}.log",
    wildcard_constraints:
        recipe=radiographs.recipes(settings, flat=False),
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=looked_up_often(resources.judging_mb),
    params:
        segmenter=option("evaluate/synthesis/segmenter"),
        code=code_with("measure_probes", lookups.probe_plugins),
    script:
        "../../scripts/measure_probes.py"


use rule calibrate_channels as compare_channels with:
    output:
        table="results/recipes/{recipe}/evaluate/channels.tsv",
    log:
        "logs/evaluate/compare_channels/{recipe}.log",
    params:
        generator=option("recipes/{recipe}/generator"),
        options=looked_up(lookups.sampler),
        seed=option("recipes/{recipe}/train/seed"),
        split="test",
        most=option("evaluate/synthesis/enlarged"),
        code=code_with("calibrate_channels", lookups.generator_plugins),


rule compare_resolutions:
    """Enlarge unseen volumes by the network and by interpolation."""
    input:
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        networks=networks_of_recipe,
    output:
        table="results/recipes/{recipe}/evaluate/resolutions.tsv",
    log:
        "logs/evaluate/compare_resolutions/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=240,
    params:
        generator=option("recipes/{recipe}/generator"),
        network=looked_up(lookups.super_resolution),
        options=looked_up(lookups.sampler),
        enlarged=option("evaluate/synthesis/enlarged"),
        seed=option("evaluate/synthesis/seed"),
        code=code_with("compare_resolutions", lookups.generator_plugins),
    script:
        "../../scripts/compare_resolutions.py"


rule summarize_synthesis:
    """Turn measurements of drawn CT into rows of the scorecard with n and interval."""
    input:
        probes="results/recipes/{recipe}/evaluate/probes.tsv",
        distances="results/recipes/{recipe}/evaluate/distances.tsv",
        resolutions=of_super_resolution(
            "results/recipes/{recipe}/evaluate/resolutions.tsv"
        ),
        tuned=of_channels("results/recipes/{recipe}/channels.tsv"),
        channels=of_channels("results/recipes/{recipe}/evaluate/channels.tsv"),
        untrained_probes=of_untrained("results/recipes/{recipe}/evaluate/probes.tsv"),
        untrained_distances=of_untrained(
            "results/recipes/{recipe}/evaluate/distances.tsv"
        ),
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        clinical=of_source("results/cohorts/{cohort}/evaluate/clinical/{method}.tsv"),
    output:
        table="results/recipes/{recipe}/evaluate/synthesis.tsv",
    log:
        "logs/evaluate/summarize_synthesis/{recipe}.log",
    wildcard_constraints:
        recipe=radiographs.recipes(settings, flat=False),
    conda:
        "../../envs/core.yaml"
    params:
        published=looked_up(lookups.published),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/synthesis/seed"),
        code=code("summarize_synthesis"),
    script:
        "../../scripts/summarize_synthesis.py"
