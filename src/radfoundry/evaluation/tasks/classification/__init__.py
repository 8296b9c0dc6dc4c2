"""Tell which findings a chest CT shows, taught by real cases, by drawn samples or by both.

The paper's data augmentation (MedSyn, section 5.5): as many samples with a finding as without are
added to the training set of each fold. Folds are made of cases that no generator was trained on;
all arms have the same folds, network, steps and batches. One network answers for all findings.
"""

import math
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.evaluation.learners import classifier
from radfoundry.evaluation.learners.classifier import Pool, pooled
from radfoundry.evaluation.metrics import utility
from radfoundry.evaluation.tasks import _folds, _options
from radfoundry.text import labeler
from radfoundry.training.loop import Callbacks

MODALITIES = ("CT",)
PICTURES = {"phantom": (32, 32, 32), "workstation": (96, 96, 96), "paper": (128, 128, 128)}
ARMS: Mapping[str, Mapping[str, bool]] = {
    "real": {"real": True, "samples": False},
    "real_synthetic": {"real": True, "samples": True},
    "synthetic": {"real": False, "samples": True},
}
BASELINE = "real"  # what the others are compared to
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("utility_auroc",), "baseline": "real", "claimed": "real_synthetic",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "findings": ("pleural_effusion", "consolidation"),
    "folds": 5,
    "size": "phantom",
    "steps": None,
    "batch": 16,
    "learning_rate": 3e-3,
    "precision": "float32",
    "samples": 100,
    "threshold": 0.5,
    "augment": {"shift": 2, "flip": 0.5, "offset": 0.05, "noise": 0.05},
    "bootstrap": 1000,
}
# Table 6 of the paper: RADChest alone, and with 200 samples.
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "pleural_effusion": {
        "utility_accuracy": {"real": 0.907, "real_synthetic": 0.940},
        "utility_f1": {"real": 0.79, "real_synthetic": 0.84},
    },
    "opacity": {
        "utility_accuracy": {"real": 0.610, "real_synthetic": 0.620},
        "utility_f1": {"real": 0.72, "real_synthetic": 0.75},
    },
}
NEAREST = {"consolidation": "opacity", "ground_glass": "opacity"}  # of what the paper has


class FoldData(NamedTuple):
    """What one fold is trained on; (k,) samples of either kind, and why a finding cannot be."""

    images: Tensor
    labels: np.ndarray
    samples: np.ndarray
    reasons: list[str]


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm fold by fold and return what it says of every case held out.

    Args:
        arm: A name in `ARMS`.
        cases: See `evaluation.tasks`. The splits tune and test are divided into folds, the split
            train is not used: the generator knows it. Samples of a held-out patient teach nothing.
        options: See `OPTIONS`. `samples` is the most that are added of each kind.
        rng: Source of all chance but the folds, which depend on the cases alone.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it; called anew for each fold.

    Returns:
        One row per case and finding: case, patient, cohort, findings, finding, truth (1, 0, NaN if
        the report is in doubt or states nothing), score (NaN where it could not be learned),
        threshold, samples, note and fold. A case of an unseen cohort has the mean score of all
        folds; its fold is 0.
    """
    options = merged(options)
    _options.check(arm, ARMS, options["size"], classifier.SIZES)
    size, read = options["size"], partial(labeler.labels_of, findings=options["findings"])
    own = pooled(chain(cases["tune"], cases["test"]), size, read)
    unseen = pooled(cases["unseen"], size, read)
    samples = pooled(cases["samples"] if ARMS[arm]["samples"] else (), size, read, real=False)
    folds = _folds.folds_of(own.labels, list(own.facts["patient"]), options["folds"])
    rows: list[pd.DataFrame] = []
    elsewhere: list[pd.DataFrame] = []
    chances = rng.integers(2**62, size=folds.max(initial=0) + 1)  # before what arms differ in
    for fold, chance in enumerate(chances):
        data = _fold_data(arm, (own, samples), folds == fold, options, rng)
        generator = torch.Generator().manual_seed(int(chance))
        callbacks = Callbacks(progress=progress)
        trained = classifier.fit(*data[:2], options, generator, device, callbacks)
        for pool, kept in ((own.at(folds == fold), rows), (unseen, elsewhere)):
            scores = classifier.predict(trained, pool.images, device)
            kept.append(_predictions(pool, scores, data, options).assign(fold=fold + 1))
    return pd.concat([*rows, _averaged(elsewhere)], ignore_index=True)


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the figures of all arms and seeds, with intervals; see `utility.summarised`.

    Args:
        predictions: Rows of `run` for every arm and seed, with the columns arm and seed.
        options: See `OPTIONS`: bootstrap.
        own: The recipe's cohort; other cohorts were seen by no training as well.
        rng: Source of chance for the bootstrap.
    """
    draws = int(merged(options or {})["bootstrap"])
    found = utility.summarised(predictions, BASELINE, draws, rng)
    pairs = [
        _published(*row)
        for row in zip(found["metric"], found["arm"], found["findings"], strict=True)
    ]
    published = pd.Series([value for value, _ in pairs], index=found.index, dtype=float)
    return found.assign(published=published, note=found["note"] + [more for _, more in pairs])


def _published(metric: str, arm: str, finding: str) -> tuple[float, str]:
    """Return the paper's figure, and a note where the paper has one of a wider finding only."""
    base, arms = metric.removesuffix("_gain"), arm.split("-")
    name = finding if finding in PUBLISHED else NEAREST.get(finding, "")
    values = [PUBLISHED.get(name, {}).get(base, {}).get(each, math.nan) for each in arms]
    value = round(values[0] - sum(values[1:]), 4)
    if math.isnan(value) or name == finding:
        return value, ""
    return math.nan, f"; the paper has {value:g} for lung {name}"


def merged(options: Mapping) -> dict[str, Any]:
    """Return `OPTIONS` with some changed, single entries of `augment` too; others are left out."""
    return _options.merged(OPTIONS, options)


def _fold_data(
    arm: str,
    pools: tuple[Pool, Pool],
    held: np.ndarray,
    options: Mapping,
    rng: np.random.Generator,
) -> FoldData:
    """Return what an arm is trained on while some of its own cases are held out."""
    own, samples = pools
    known = samples.facts["patient"].isin(own.facts["patient"][held]).to_numpy(bool)
    drawn = samples.at(~known)
    chosen = _folds.balanced(drawn.labels, options["samples"], rng)
    real = own.at(~held & ARMS[arm]["real"])
    labels, counts = np.concatenate([real.labels, chosen]), (chosen == 1).sum(0)
    reasons = ["" for _ in counts]
    for k, name in enumerate(options["findings"]):
        if ARMS[arm]["samples"] and not counts[k]:
            reasons[k] = f"no kept samples both with and without {name}"
        elif len(set(labels[np.isfinite(labels[:, k]), k])) < 2:
            reasons[k] = f"a fold trains on no cases both with and without {name}"
    labels[:, [bool(reason) for reason in reasons]] = np.nan
    used = np.isfinite(labels).any(1)
    images = torch.cat([real.images, drawn.images])[torch.from_numpy(used)]
    return FoldData(images, labels[used], counts, reasons)


def _predictions(pool: Pool, scores: np.ndarray, data: FoldData, options: Mapping) -> pd.DataFrame:
    """Return one row for each case and finding."""
    each = zip(options["findings"], pool.labels.T, scores.T, *data[2:], strict=True)
    parts = [
        pool.facts.assign(finding=name, truth=truth, score=score, samples=count, note=reason)
        for name, truth, score, count, reason in each
    ]
    return pd.concat(parts).assign(threshold=options["threshold"])


def _averaged(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of the first fold with the mean score of all; NaN where one fold has none."""
    scores = np.mean([rows["score"].to_numpy(float) for rows in folds], axis=0)
    each = zip(*(rows["note"] for rows in folds), strict=True)
    notes = ["; ".join(sorted(set(of_folds) - {""})) for of_folds in each]
    return folds[0].assign(score=scores, note=notes, fold=0)
