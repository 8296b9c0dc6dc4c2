"""Ask people which images are real: blinded pages for readers, and what their answers say.

reads   kept samples of recipes, real cases of the test split; files of answers
writes  results/reader_study/packs/{reader}.html  key.json  readings.tsv
"""

from radfoundry.config import reader_study

STUDIED = reader_study.recipes(stated)
OF_STUDY = reader_study.cohorts(stated)
STUDY_IMAGES = "results/cohorts/{cohort}/batches/{batch}.tsv"
STUDY_LABELS = "results/cohorts/{cohort}/labels/{method}/{batch}.tsv"
READER_STUDY = reader_study.files(stated)


rule build_reader_pack:
    """Write one page for each reader, and the key that must not leave the house."""
    input:
        samples=expand("results/recipes/{recipe}/samples.tsv", recipe=STUDIED),
        verdicts=expand("results/recipes/{recipe}/verdicts.tsv", recipe=STUDIED),
        splits=expand("results/cohorts/{cohort}/splits.tsv", cohort=OF_STUDY),
        images=[path for own in OF_STUDY for path in per_batch(STUDY_IMAGES, own)],
        labels=[path for own in OF_STUDY for path in per_batch(STUDY_LABELS, own)],
    output:
        pages=expand(
            "results/reader_study/packs/{reader}.html",
            reader=EVALUATE["reader_study"]["readers"],
        ),
        key="results/reader_study/key.json",
    log:
        "logs/evaluate/build_reader_pack.log",
    conda:
        "../../envs/core.yaml"
    params:
        study=reader_study.pages(stated),
        code=code("build_reader_pack"),
    script:
        "../../scripts/build_reader_pack.py"


rule analyze_readings:
    """Join answers with the key, or refuse them, and say what readers could tell."""
    input:
        key="results/reader_study/key.json",
        answers=EVALUATE["reader_study"]["answers"],
    output:
        table="results/reader_study/readings.tsv",
    log:
        "logs/evaluate/analyze_readings.log",
    conda:
        "../../envs/core.yaml"
    params:
        withdrawn=option("evaluate/reader_study/withdrawn"),
        bootstrap=option("evaluate/bootstrap"),
        seed=option("evaluate/reader_study/seed"),
        code=code("analyze_readings"),
    script:
        "../../scripts/analyze_readings.py"
