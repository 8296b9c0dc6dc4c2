"""Say what was made and how good it is: one table of figures, one page for people.

reads   everything above, and what each job cost (logs/**/*.cost.tsv, those that are there)
writes  results/scorecard.tsv  results/report.html  results/differences.tsv
"""

from radfoundry.config import headlines


report: "../report/overview.rst"


ON_GPU = sorted(each.name for each in workflow.rules if "gpu" in each.resources)


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
        headlines={recipe: headlines.unmeasured(settings, recipe) for recipe in RECIPES},
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
        on_gpu=ON_GPU,
        code=code("write_report"),
    script:
        "../../scripts/write_report.py"
