"""Turn measurements of drawn volumes into rows of the scorecard: does the text steer the image?

Samples drawn without any channel of a case are independent: the sample is what intervals draw
again. Where a case's lobes or image were given, and for real cases, it is the patient.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import Interval, patient_weights, wilson
from radfoundry.report.scorecard import probes, shapes
from radfoundry.report.scorecard.card import Row
from radfoundry.report.scorecard.published import Published, figure

NAN = float("nan")


class ProbedMeasurement(NamedTuple):
    """The measurement that a finding moves, its unit in a note, and how many of its own that is."""

    measurement: str
    unit: str
    per_unit: float


FINDINGS: Mapping[str, ProbedMeasurement] = {
    "pleural_effusion": ProbedMeasurement("effusion_volume_ml", " L", 1000),
    "emphysema": ProbedMeasurement("laa_950", " % below -950 HU", 1),
    "cardiomegaly": ProbedMeasurement("cardiothoracic_ratio", "", 1),
}


def rows(
    table: pd.DataFrame,
    real: pd.DataFrame,
    recipe: str,
    draws: int,
    rng: np.random.Generator,
    paper: Published = MappingProxyType({}),
) -> list[Row]:
    """Return every row that the drawn volumes give; a probe without samples gives none.

    A draw that failed has no measurement; the note of each row that it would have entered
    counts it, and on the side that a prompt names it is wrong.

    Args:
        table: Rows of the table `probes`.
        real: Rows of the table `clinical` of the real cases, with their findings joined by |.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
        paper: What the paper reports of the system that the recipe is.
    """
    bootstrap, drawn = probes.Bootstrap(draws, rng), probes.wide(table)
    known = probes.wide_real(real, "value"), probes.wide_real(real, "truth")
    return [
        *_effects(drawn, known, recipe, bootstrap, paper),
        *_sides(drawn, recipe),
        *shapes.of_lobes(drawn, recipe, bootstrap),
        *shapes.of_airways(drawn, known[0], recipe, bootstrap, paper),
        *shapes.of_segmentations(drawn, recipe, bootstrap, paper),
    ]


def _effects(
    drawn: pd.DataFrame, real: tuple, recipe: str, bootstrap: probes.Bootstrap, paper: Published
) -> Iterator[Row]:
    for finding in FINDINGS:
        pair = pair_of(drawn, finding)
        if all(map(len, pair)):
            yield from _effect(pair, finding, recipe, bootstrap, paper)
            yield from _true_effect(real, finding, recipe, bootstrap)


def pair_of(drawn: pd.DataFrame, finding: str) -> list[pd.DataFrame]:
    """Return the volumes whose prompt names a finding, and those whose prompt names none."""
    probed = drawn[drawn["probe"] == "prompt"]
    return [probed[probed["arm"] == f"{finding}/{arm}"] for arm in ("with", "without")]


def _effect(
    pair: list[pd.DataFrame],
    finding: str,
    recipe: str,
    bootstrap: probes.Bootstrap,
    paper: Published,
) -> Iterator[Row]:
    """Yield the effect of naming a finding, and its p, beside the paper's if there is one."""
    measured = FINDINGS[finding]
    values = values_of(pair, measured)
    weights = tuple(patient_weights(own["sample"].to_numpy(), *bootstrap) for own in pair)
    found, p = effects.separation(values, weights), effects.welch(*values)
    lost = probes.lost(pd.concat(pair), np.concatenate(values), "not measurable")
    if effects.alike(values):
        found, p = Interval(0.0, NAN, NAN), 1.0
        lost.append("all of both arms alike")
    elif not np.isfinite(found.value):
        lost.append("no effect size: too few, or no spread in either arm")
    notes = [_means(values, measured), *lost, "Hedges' g"]
    tests = ["one-tailed Welch t test", *lost]
    if groups := paper.get("prompt_effect", {}).get(finding):
        notes[1:1] = [f"paper {_compared(groups['means'], measured)}"]
        notes[-1] += ", the paper's from its means and standard deviations"
        tests += ["paper: below 0.05"] if groups["below_005"] else []
    n = sum(map(probes.known, values))
    yield Row(
        recipe,
        "prompt_effect",
        found.value,
        finding,
        found.low,
        found.high,
        n,
        published=figure(paper, "prompt_effect", finding),
        note="; ".join(notes),
    )
    yield Row(recipe, "prompt_effect_p", p, finding, n=n, note="; ".join(tests))


def _true_effect(
    real: tuple, finding: str, recipe: str, bootstrap: probes.Bootstrap
) -> Iterator[Row]:
    """Yield the effect of a finding against none, by the labels; by the truth in the note."""
    measured = FINDINGS[finding]
    found, pairs = [], []
    for table in real:
        has = np.array([finding in names.split("|") for names in table["findings"]], bool)
        well = (table["findings"] == "").to_numpy()  # as in the prompts of the other arm
        pairs.append(values_of([table[has], table[well]], measured))
        weights = patient_weights(table["patient"].to_numpy(), *bootstrap)
        found.append(effects.separation(pairs[-1], (weights[:, has], weights[:, well])))
    labels, truth = found
    labels = Interval(0.0, NAN, NAN) if effects.alike(pairs[0]) else labels
    counts = [probes.known(values) for values in pairs[0]]
    if not all(counts):
        return
    note = f"{counts[0]} real cases with it against {counts[1]} without any finding: "
    note += _means(pairs[0], measured)
    note += f"; by the truth {truth.value:.3g}" if np.isfinite(truth.value) else ""
    note += "; all of both groups alike" if effects.alike(pairs[0]) else ""
    note += "" if np.isfinite(labels.value) else "; no effect size: too few, or no spread"
    yield Row(
        recipe,
        "prompt_effect",
        labels.value,
        f"{finding}/real",
        labels.low,
        labels.high,
        sum(counts),
        note=note,
    )


def values_of(
    pair: Sequence[pd.DataFrame], measured: ProbedMeasurement
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a finding moves, (n,) with it and (m,) without; NaN where it was not measured."""
    first, second = (probes.column(own, measured.measurement).to_numpy(float) for own in pair)
    return first, second


def _means(values: tuple[np.ndarray, np.ndarray], measured: ProbedMeasurement) -> str:
    with_it, without = (
        float(np.nanmean(own)) / measured.per_unit if probes.known(own) else NAN for own in values
    )
    return _compared((with_it, without), measured)


def _compared(means: tuple[float, float], measured: ProbedMeasurement) -> str:
    return f"{means[0]:.3g} against {means[1]:.3g}{measured.unit}"


def _sides(drawn: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield how often most fluid lies on the side named; a sample without any is wrong."""
    probed = drawn[drawn["probe"] == "side"]
    right, left = (
        probes.column(probed, f"effusion_{side}_volume_ml") for side in ("right", "left")
    )
    wet = right.fillna(0) + left.fillna(0) > 0
    named = np.where(probed["arm"] == "right", right > left, left > right) & wet
    for arm in ("", "right", "left"):
        own = probed["arm"].isin([arm] if arm else ["right", "left"])
        if not own.any():
            continue
        found, failed = wilson(int(named[own].sum()), int(own.sum())), probed["failed"]
        note = f"no fluid in {int((own & ~wet & ~failed).sum())}, counted as wrong"
        lost = int((own & failed).sum())
        yield Row(
            recipe,
            "laterality_accuracy",
            found.value,
            "pleural_effusion" + (f"/{arm}" if arm else ""),
            found.low,
            found.high,
            int(own.sum()),
            note=note + (f"; so are {lost} not drawn" if lost else ""),
        )
