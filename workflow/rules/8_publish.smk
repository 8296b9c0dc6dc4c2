"""Hand the dataset over: images, masks, card, checksums, networks.

reads   everything above
writes  results/{release,bundles}/{recipe}/
        results/recipes/{recipe}/pseudonyms.tsv
        logs/{stage}/{rule}/{job}.cost.tsv, of every job of all stages
"""


rule write_release:
    """Write a recipe's kept samples with a card and the provenance of each."""
    input:
        leakage="results/recipes/{recipe}/leakage.tsv",
        verdicts="results/recipes/{recipe}/verdicts.tsv",
        acceptance="results/recipes/{recipe}/acceptance.tsv",
        scores=each_expert("results/recipes/{recipe}/scores/{expert}.tsv"),
        requests="results/recipes/{recipe}/requests.tsv",
        samples="results/recipes/{recipe}/samples.tsv",
        memorisation=of_audited("results/recipes/{recipe}/evaluate/memorisation.tsv"),
        thresholds="results/recipes/{recipe}/thresholds.tsv",
        networks=networks_of_recipe,
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        scorecard=releases.figures(settings),
    output:
        folder=directory("results/release/{recipe}"),
        names="results/recipes/{recipe}/pseudonyms.tsv",
    log:
        "logs/publish/write_release/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        settings=looked_up(releases.settings_of),
        phantom=looked_up(lookups.is_phantom),
        most_copied=memorisation.most_copied(settings),
        code=code("write_release"),
        made_by=code_with("draw_samples", lookups.generator_plugins),
    script:
        "../../scripts/write_release.py"


rule write_bundle:
    """Write a recipe's networks with all that drawing needs, to be handed on without a patient."""
    input:
        networks=networks_of_recipe,
        channels=of_channels("results/recipes/{recipe}/channels.tsv"),
        cases=of_source("results/cohorts/{cohort}/cases.tsv"),
        splits=of_source("results/cohorts/{cohort}/splits.tsv"),
        images=of_source("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=of_source("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        scorecard="results/scorecard.tsv",
    output:
        folder=directory("results/bundles/{recipe}"),
        archive="results/bundles/{recipe}.zip",
    log:
        "logs/publish/write_bundle/{recipe}.log",
    conda:
        "../../envs/core.yaml"
    params:
        settings=looked_up(lookups.bundle_settings),
        code=code_with("write_bundle", lookups.generator_plugins),
    script:
        "../../scripts/write_bundle.py"


rule publish:
    input:
        expand("results/release/{recipe}", recipe=RECIPES),
        expand("results/bundles/{recipe}", recipe=settings["publish"]["bundles"]),
        "results/scorecard.tsv",
        "results/report.html",
        PAIRS,
        READER_STUDY,
        releases.differences(settings),


# What every job cost lies beside its log. Nothing asks for these files, and none is ever made
# again for its own sake: the report and `radfoundry costs` read those that are there.
for each in workflow.rules:
    if each.log:
        each.benchmark_modifier = each.log_modifier
        each.benchmark = str(each.log[0]).removesuffix(".log") + costs.ENDING
