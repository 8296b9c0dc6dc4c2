"""Tell findings in chest CT from a few patients: what samples add, measured by what patients add.

At each k a classifier is taught by k patients of each kind, alone, with samples, or with as many
further real patients: the positive control. Where that gains nothing, nothing can be said of
samples; where it gains, samples are measured by its gain (`share_of_real_gain`). All arms of a
draw know the same patients, have networks of one size, as many steps, trials on the tune split and
as much patience, and are tested on the test split and on unseen cohorts. A target has a network of
its own.

Samples know more than k patients: their generator was trained on the whole train split. So what
they add to k patients is no gain from nothing; `extra_real` is what those patients give directly.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks import _classifier, _options
from radfoundry.evaluation.tasks._classifier import Pool, pooled
from radfoundry.evaluation.tasks.few_shot import plateau, regimes, targets
from radfoundry.evaluation.tasks.few_shot.regimes import EXTRA, REAL, SAMPLES, Regime
from radfoundry.seeds import seed

MODALITIES = ("CT",)
# Sources of the cases that teach; `full`: for as many steps as arms to which something is added,
# where `real` alone has as many passes over its cases; `augmented`: shifted, noisy, mirrored.
ARMS: Mapping[str, Mapping[str, Any]] = {
    "real": {"sources": ("real",), "full": False, "augmented": False},
    "real_repeated": {"sources": ("real",), "full": True, "augmented": False},
    "real_augmented": {"sources": ("real",), "full": True, "augmented": True},
    "synthetic_added": {"sources": ("real", "samples"), "full": True, "augmented": False},
    "synthetic_only": {"sources": ("samples",), "full": True, "augmented": False},
    "extra_real": {"sources": ("real", "extra"), "full": True, "augmented": False},
}
OPTIONS: Mapping[str, Any] = {
    "findings": ("pleural_effusion",),
    "sides": ("pleural_effusion",),
    "severities": ("pleural_effusion",),
    "shots": (4, 8, 16, 32, "all"),
    "added": 32,
    "size": "phantom",
    "steps": None,
    "trial": 10,
    "patience": 8,
    "batch": 16,
    "learning_rate": 3e-3,
    "precision": "float32",
    "augment": {"shift": 2, "flip": 0.5, "offset": 0.05, "noise": 0.05},
    "bootstrap": 1000,
}
UNCHANGED = {"shift": 0, "flip": 0, "offset": 0, "noise": 0}
THRESHOLD = 0.5
KNOWING = "the generator of the samples was trained on the whole train split, not on k patients"


class Pools(NamedTuple):
    """All cases, shrunk, with one column of labels for each target."""

    train: Pool
    tune: Pool
    tested: Pool
    samples: Pool


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each target and k, and return what it says of every test case.

    Args:
        arm: A name in `ARMS`.
        cases: See `evaluation.tasks`. Samples of patients of tune, test and unseen teach nothing.
        options: See `OPTIONS`; `seed` (0 if left out) chooses the patients, in all arms the same.
        rng: Source of all other chance.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it; called anew for each training.

    Returns:
        One row per case, target and k: case, patient, cohort, findings, finding (`target/k4`,
        `target/all`), truth, score (NaN where it could not be learned), threshold, samples and
        extra (added cases of each kind), step (whose weights were best on tune), note.

    Raises:
        ValueError: For an unknown arm or size, a case without its facts, and a patient of the
            train or tune split who is tested.
    """
    options = merged(options) | {"seed": int(options.get("seed", 0))}
    _options.check(arm, ARMS, options["size"], _classifier.SIZES)
    options["steps"] = options["steps"] or 2 * _classifier.SIZES[options["size"]].steps
    pools = _pools(cases, options)
    _refuse_shared(pools)
    rows = []
    for place, target in enumerate(targets.names(options)):
        own = dict(options)
        if targets.against(target):  # in a mirror, left is right
            own["augment"] = options["augment"] | {"flip": 0}
        for shots, regime in _regimes(pools, place, target, options):
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            best, reason = _trained(arm, pools, place, regime, (own, generator, device, progress))
            rows.append(_predicted(pools.tested, place, best, device).assign(
                finding=f"{target}/{regimes.name_of(shots)}", note=reason,
                samples=regime.added * (SAMPLES in ARMS[arm]["sources"] and not reason),
                extra=regime.added * (EXTRA in ARMS[arm]["sources"] and not reason),
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the figures of all arms and draws, with intervals; see `metrics.few_shot.summarised`.

    Args:
        predictions: Rows of `run` for every arm and seed, with the columns arm and seed.
        options: See `OPTIONS`: bootstrap.
        own: The recipe's cohort; other cohorts were seen by no training as well.
        rng: Source of chance for the bootstrap.
    """
    draws = int(merged(options or {})["bootstrap"])
    found = few_shot.summarised(predictions, draws, rng)
    against = found["findings"].map(lambda name: targets.against(name.split("/")[0]))
    synthetic = found["arm"].str.contains("synthetic") | (found["metric"] == few_shot.SHARE)
    notes = zip(found["note"], against, np.where(synthetic, KNOWING, ""), strict=True)
    return found.assign(note=["; ".join(filter(None, parts)) for parts in notes])


def merged(options: Mapping) -> dict[str, Any]:
    """Return `OPTIONS` with some changed, single entries of `augment` too; others are left out."""
    return _options.merged(OPTIONS, options)


def _pools(cases: Mapping[str, Iterable[Case]], options: Mapping) -> Pools:
    size, read = options["size"], partial(targets.labels_of, options=options)
    tested = pooled(chain(cases["test"], cases["unseen"]), size, read)
    train, tune = (pooled(cases[part], size, read) for part in ("train", "tune"))
    samples = pooled(cases["samples"], size, read, real=False)
    held = {*tune.facts["patient"], *tested.facts["patient"]}
    free = ~samples.facts["patient"].isin(held).to_numpy(bool)
    return Pools(train, tune, tested, samples.at(free))


def _refuse_shared(pools: Pools) -> None:
    taught = {*pools.train.facts["patient"], *pools.tune.facts["patient"]}
    shared = sorted(taught & {*pools.tested.facts["patient"]})
    if shared:
        raise ValueError(f"patients of train or tune are tested: {', '.join(shared[:5])}")


def _regimes(
    pools: Pools, place: int, target: str, options: Mapping
) -> Iterator[tuple[int | str, Regime]]:
    """Yield each k with its regime; all chance is of the draw and the target alone."""
    chance = np.random.default_rng(seed(options["seed"], "few_shot", target))
    train, samples = pools.train, pools.samples
    patients = regimes.by_kind(train.labels[:, place], list(train.facts["patient"]), chance)
    drawn = regimes.by_kind(samples.labels[:, place], list(samples.facts["case"]), chance)
    for shots in options["shots"]:
        yield shots, regimes.regime(patients, drawn, shots, options["added"])


def _trained(
    arm: str, pools: Pools, place: int, regime: Regime, how: tuple
) -> tuple[plateau.Best | None, str]:
    """Return the best classifier of an arm, or None and why there is none."""
    made, (options, generator, device, progress) = ARMS[arm], how
    reason = regime.reasons[REAL] or "; ".join(
        filter(None, map(regime.reasons.get, made["sources"]))
    )
    if reason:
        return None, reason
    chosen = {REAL: (pools.train, regime.real), EXTRA: (pools.train, regime.extra),
              SAMPLES: (pools.samples, regime.samples)}  # fmt: skip
    taught = plateau.joined([_cases(*chosen[source], place) for source in made["sources"]])
    known = np.flatnonzero(np.isfinite(pools.tune.labels[:, place]))
    tune = pools.tune.images[torch.from_numpy(known)], pools.tune.labels[known, place]
    steps = options["steps"] if made["full"] else _passes(options, regime)
    own = {"steps": steps, "augment": options["augment"] if made["augmented"] else UNCHANGED}
    return plateau.fit(taught, tune, options | own, generator, device, progress), ""


def _cases(pool: Pool, places: list[np.ndarray], column: int) -> tuple[torch.Tensor, np.ndarray]:
    rows = np.concatenate(places)
    return pool.images[torch.from_numpy(rows)], pool.labels[rows, column]


def _passes(options: Mapping, regime: Regime) -> int:
    """Return steps in which k patients are seen as often as in arms to which others are added."""
    own = sum(map(len, regime.real))
    return max(1, round(options["steps"] * own / (own + 2 * regime.added)))


def _predicted(tested: Pool, place: int, best: plateau.Best | None, device: str) -> pd.DataFrame:
    scores = np.full((len(tested.facts), 1), np.nan)
    if best is not None:
        scores = _classifier.predict(best.classifier, tested.images, device)
    return tested.facts.assign(
        truth=tested.labels[:, place], score=scores[:, 0], threshold=THRESHOLD,
        step=best.step if best else 0,
    )  # fmt: skip
