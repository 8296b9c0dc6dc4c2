"""Gather every headline number into one table."""

import numpy as np
import pandas as pd
from _cases import read_all
from _job import start

from radfoundry import tables
from radfoundry.report.scorecard import absent, latents, pseudo_masks, stages
from radfoundry.report.scorecard.card import build, check
from radfoundry.report.scorecard.published import beside

job = start(snakemake)
rng = np.random.default_rng(job.params.seed)

labels = read_all(job.input.labels, "label_dice")
rows = list(stages.of_labels(labels, job.params.bootstrap, rng))
clinical = read_all(job.input.clinical, "clinical")
rows += stages.of_clinical(clinical, job.params.bootstrap, rng)
for recipe, path in zip(job.params.recipes, job.input.acceptance, strict=True):
    rows += stages.of_acceptance(tables.read(path, "acceptance"), recipe)
for name, kind, said in (
    ("groups", "acceptance_by_group", stages.of_joint_acceptance),
    ("coverage", "coverage", stages.of_coverage),
):
    for recipe, path in zip(job.params.recipes, getattr(job.input, name), strict=True):
        rows += said(tables.read(path, kind), recipe)
for recipe, path in zip(job.params.compared, job.input.comparisons, strict=True):
    rows += stages.of_comparison(tables.read(path, "comparison"), recipe)
for recipe, path in zip(job.params.latent, job.input.round_trips, strict=True):
    table = tables.read(path, "round_trip")
    rows += latents.of_round_trip(table, recipe, job.params.bootstrap, rng)
for recipe, path in zip(job.params.audited, job.input.memorisation, strict=True):
    rows += stages.of_audit(tables.read(path, "memorisation"), recipe)
made = [tables.read(path, "scorecard") for path in job.input.syntheses]
found = read_all(job.input.findings, "finding_masks")
rows += pseudo_masks.rows(found, job.params.bootstrap, rng)
card = pd.concat([build(beside(rows, job.params.published)), *made], ignore_index=True)
lacking = build(absent.rows(card, job.params.headlines))
card = pd.concat([card, lacking], ignore_index=True) if len(lacking) else card
check(card)
tables.write(card, job.output.scorecard, "scorecard")
