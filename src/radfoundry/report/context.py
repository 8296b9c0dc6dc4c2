"""What the page is given: each part may be missing, and is then said to be not available."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

from radfoundry.report import sliders, subgroups, viewer
from radfoundry.report.cohorts import Picture, Volumes


class Recipe(TypedDict, total=False):
    """What one recipe made.

    Attributes:
        name: As in the config.
        modality: "CXR", "CT" or "MR"; "CXR" where it is missing.
        edited: Whether its radiographs are their sources' images, changed; True where it is
            missing.
        description: One sentence on how its images are made.
        samples: Columns sample, status, message: one row for each request.
        verdicts: Columns sample, verdict, reason.
        scores: Columns sample, expert, score.
        thresholds: Columns expert, quantile, threshold, n, note.
        accepted: Rows of the table `acceptance_by_group`.
        alone: Rows of the table `leave_one_out`.
        coverage: Rows of the table `coverage`.
        thumbnails: WebP, see `thumbnails.sheet`.
        sliders: Samples on their sources, see `sliders`.
        volumes: What the viewer shows, see `viewer`.
        kept: Montages of accepted samples, by shape.
        rejected: Montages of rejected samples.
        undecided: Montages of undecided samples.
        experts: Histograms.
        metrics: Metric to its chart.
        subgroups: What downstream tasks reach in subgroups of patients.
        nearest: Samples beside the training images that they are nearest to; none without an audit.
        untrained: What the null arm draws, beside what the recipe does.
        untrained_said: What the null arm says of the recipe, in words.
    """

    name: str
    modality: str
    edited: bool
    description: str
    samples: pd.DataFrame
    verdicts: pd.DataFrame
    scores: pd.DataFrame
    thresholds: pd.DataFrame
    accepted: pd.DataFrame
    alone: pd.DataFrame
    coverage: pd.DataFrame
    thumbnails: bytes
    sliders: Sequence[sliders.Slider]
    volumes: Sequence[viewer.Viewed]
    kept: Sequence[Picture]
    rejected: Sequence[Picture]
    undecided: Sequence[Picture]
    experts: Sequence[Picture]
    metrics: Mapping[str, Picture]
    subgroups: Sequence[subgroups.Compared]
    nearest: Sequence[Picture]
    untrained: Sequence[Picture]
    untrained_said: str


class Context(TypedDict, total=False):
    """All that the page shows; each part may be missing, and is then said to be not available.

    Attributes:
        title: Title of the page.
        date: When it was made, as text.
        cohorts: Columns cohort, origin ("phantom" or "real"), cases, patients, rejected, train,
            tune, test, findings; further columns are shown too.
        cases: Columns cohort, case, status, code, message.
        labels: Columns cohort, by, structure, status: one row per case and structure.
        volumes: What is shown of each cohort of CT or MR.
        recipes: What each recipe made.
        scorecard: As `scorecard.card.build` returns it.
        differences: The table of this name; None where no old release is compared with.
        costs: What each job cost, as `costs.read` returns it.
        on_gpu: Rules that ask for a GPU.
        provenance: Group (versions, seeds, digests ...) to label to text.
    """

    title: str
    date: str
    cohorts: pd.DataFrame
    cases: pd.DataFrame
    labels: pd.DataFrame
    volumes: Sequence[Volumes]
    recipes: Sequence[Recipe]
    scorecard: pd.DataFrame
    differences: pd.DataFrame | None
    costs: pd.DataFrame
    on_gpu: Sequence[str]
    provenance: Mapping[str, Mapping[str, str]]
