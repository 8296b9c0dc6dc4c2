"""A factory of synthetic medical images: eight stages, one rules file each.

Everything, on a cluster      snakemake --profile slurm all
Everything, on this machine   snakemake --cores 2 all
Only the evaluation           snakemake --cores 2 evaluate
"""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/1_preprocess.smk"
include: "workflow/rules/2_pseudolabel.smk"
include: "workflow/rules/2_pseudolabel_findings.smk"
include: "workflow/rules/3_radiomics.smk"
include: "workflow/rules/4_train.smk"
include: "workflow/rules/5_sample.smk"
include: "workflow/rules/6_filter.smk"
include: "workflow/rules/7_evaluate_labels.smk"
include: "workflow/rules/7_evaluate_realism.smk"
include: "workflow/rules/7_evaluate_synthesis.smk"
include: "workflow/rules/7_evaluate_radiographs.smk"
include: "workflow/rules/7_evaluate_control.smk"
include: "workflow/rules/7_evaluate_memorisation.smk"
include: "workflow/rules/7_evaluate_reader_study.smk"
include: "workflow/rules/7_evaluate_tasks.smk"
include: "workflow/rules/8_publish_report.smk"
include: "workflow/rules/8_publish.smk"


rule all:
    default_target: True
    input:
        rules.radiomics.input,
        rules.publish.input,
