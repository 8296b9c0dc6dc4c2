"""Hand the dataset over: images, masks, card, checksums, scorecard and the report.

reads   everything above
writes  results/{release,bundles}/{recipe}/  {recipe}/pseudonyms.tsv  scorecard.tsv  report.html  differences.tsv
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


rule write_scorecard:
    """Gather every headline number into one table."""
    input:
        comparisons=comparisons(),
        syntheses=[*syntheses(), *CONTROLS],
        round_trips=ROUND_TRIPS,
        labels=label_measurements("labels"),
        clinical=label_measurements("clinical"),
        findings=label_measurements("findings"),
        memorisation=[path for path in AUDITED if path.endswith("memorisation.tsv")],
        acceptance=per_recipe(name="acceptance.tsv"),
        groups=per_recipe(name="acceptance_by_group.tsv"),
        coverage=per_recipe(name="coverage.tsv"),
    output:
        scorecard=report(
            "results/scorecard.tsv",
            caption="../report/scorecard.rst",
            category="Publish",
        ),
    log:
        "logs/publish/write_scorecard.log",
    conda:
        "../../envs/core.yaml"
    params:
        recipes=list(RECIPES),
        audited=memorisation.recipes(settings),
        latent=autoencoders.recipes(settings),
        compared=[recipe for recipe, _ in lookups.comparisons(settings)],
        published={recipe: lookups.published(settings, recipe) for recipe in RECIPES},
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/seeds"),
        code=code("write_scorecard"),
    script:
        "../../scripts/write_scorecard.py"


rule write_report:
    """Write the page a radiologist reads."""
    input:
        scorecard="results/scorecard.tsv",
        releases=expand("results/release/{recipe}", recipe=RECIPES),
        samples=per_recipe(name="samples.tsv"),
        verdicts=per_recipe(name="verdicts.tsv"),
        thresholds=per_recipe(name="thresholds.tsv"),
        experts=expert_tables(),
        accepted=per_recipe(name="acceptance_by_group.tsv"),
        alone=per_recipe(name="leave_one_out.tsv"),
        coverage=per_recipe(name="coverage.tsv"),
        thumbnails=per_recipe(name="thumbnails.webp"),
        clinical=label_measurements("clinical"),
        subgroups=SUBGROUPS,
        nearest=[path for path in AUDITED if path.endswith("nearest.tsv")],
        untrained=per_recipe(name="samples.tsv", recipe=untrained.all_arms(settings)),
        opinions=second_opinions(),
        radiomics=expand("results/cohorts/{cohort}/radiomics.parquet", cohort=COHORTS),
        splits=expand("results/cohorts/{cohort}/splits.tsv", cohort=COHORTS),
        images=per_cohort("results/cohorts/{cohort}/batches/{batch}.tsv"),
        labels=per_cohort("results/cohorts/{cohort}/labels/{method}/{batch}.tsv"),
        compared=releases.files(settings),
    output:
        page=report(
            "results/report.html",
            caption="../report/report.rst",
            category="Publish",
        ),
        differences=releases.differences(settings),
    log:
        "logs/publish/write_report.log",
    conda:
        "../../envs/core.yaml"
    params:
        settings=stated,
        code=code("write_report"),
    script:
        "../../scripts/write_report.py"


rule publish:
    input:
        expand("results/release/{recipe}", recipe=RECIPES),
        expand("results/bundles/{recipe}", recipe=settings["publish"]["bundles"]),
        "results/scorecard.tsv",
        "results/report.html",
        READER_STUDY,
        releases.differences(settings),
