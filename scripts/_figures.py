"""Which figures a release carries."""

import pandas as pd

from radfoundry import tables
from radfoundry.report.scorecard import stages
from radfoundry.report.scorecard.card import build


def followed(job) -> pd.DataFrame:
    """Return the rows of the scorecard that a release follows from: acceptance and audit."""
    recipe = job.wildcards.recipe
    rows = [*stages.of_acceptance(tables.read(job.input.acceptance, "acceptance"), recipe)]
    for path in job.input.memorisation:
        rows += stages.of_audit(tables.read(path, "memorisation"), recipe)
    return build(rows)


def told(job) -> pd.DataFrame:
    """Return the rows of `figures.tsv`: all of the recipe's, where the scorecard was asked for."""
    for path in job.input.scorecard:
        card = tables.read(path, "scorecard")
        return card[card["recipe"] == job.wildcards.recipe]
    return followed(job)
