"""Turn measurements of drawn volumes into figures of the scorecard: does the text steer the image?

Samples drawn without any channel of a case are independent: the sample is what intervals draw
again. Where a case's lobes or image were given, and for real cases, it is the patient.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry import anatomy
from radfoundry.metrics import effects
from radfoundry.metrics.statistics import Interval, patient_weights, wilson
from radfoundry.scorecard import GAIN, Figure

NAN = float("nan")
REGIONS = ("lungs", *sorted(lobe for lobes in anatomy.LOBES.values() for lobe in lobes))


class Shown(NamedTuple):
    """The measurement that a finding moves, its unit in a note, and the paper's means and SDs."""

    measurement: str
    unit: str
    per_unit: float
    means: tuple[float, float]  # with the finding in the prompt, without
    spreads: tuple[float, float]


# MedSyn (Xu et al. 2024): 32 volumes of each prompt.
FINDINGS: Mapping[str, Shown] = {
    "pleural_effusion": Shown("effusion_volume_ml", " L", 1000, (1.73, 0.00), (0.22, 0.00)),
    "emphysema": Shown("laa_950", " % below -950 HU", 1, (1.4, 0.019), (3.5, 0.018)),
    "cardiomegaly": Shown("cardiothoracic_ratio", "", 1, (0.75, 0.48), (0.24, 0.06)),
}
PAPER_N = 32
AIRWAYS_CM3 = {"medsyn": 33.4, "without_shapes": 19.9, "wgan": 10.7}
REAL_AIRWAYS_CM3 = 45.8
SEGMENTED = {
    "airway": {"with_text": 0.75, "without_text": 0.70},
    "lobes": {"with_text": 0.77, "without_text": 0.69},
    "lung_vessel": {},
}


class _Chance(NamedTuple):
    draws: int
    rng: np.random.Generator

    def mean(self, rows: pd.DataFrame, name: str, unit: str) -> Interval:
        return effects.mean(rows[name].to_numpy(float), rows[unit].to_numpy(str), *self)


def figures(
    probes: pd.DataFrame,
    real: pd.DataFrame,
    recipe: str,
    bootstrap: int,
    rng: np.random.Generator,
    system: str = "",
) -> list[Figure]:
    """Return every figure that the drawn volumes give; a probe without samples gives none.

    Args:
        probes: Rows of the table `probes`.
        real: Rows of the table `clinical` of the real cases, with their findings joined by |.
        recipe: Whose samples they are.
        bootstrap: Draws of an interval.
        rng: Source of chance.
        system: Which published system the recipe is: a key of `AIRWAYS_CM3`; "" if none.
    """
    chance, drawn = _Chance(bootstrap, rng), _wide(probes)
    known = _real(real, "value"), _real(real, "truth")
    return [
        *_effects(drawn, known, recipe, chance),
        *_sides(drawn, recipe),
        *_overlaps(drawn, recipe, chance),
        *_airways(drawn, known[0], recipe, chance, system),
        *_segmentations(drawn, recipe, chance),
    ]


def _wide(probes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sample, one column per measurement."""
    index = ["sample", "patient", "probe", "arm"]
    return probes.set_index([*index, "measurement"])["value"].unstack().reset_index()


def _real(real: pd.DataFrame, column: str) -> pd.DataFrame:
    index = ["case", "patient", "findings"]
    return real.set_index([*index, "measurement"])[column].unstack().reset_index()


def _effects(drawn: pd.DataFrame, real: tuple, recipe: str, chance: _Chance) -> Iterator[Figure]:
    probed = drawn[drawn["probe"] == "prompt"]
    for finding, shown in FINDINGS.items():
        pair = [probed[probed["arm"] == f"{finding}/{arm}"] for arm in ("with", "without")]
        if not all(map(len, pair)):
            continue
        values = _values(pair, shown)
        weights = tuple(patient_weights(own["sample"].to_numpy(), *chance) for own in pair)
        found, p = effects.separation(values, weights), effects.welch(*values)
        told = f"{_means(values, shown)}; paper {_told(shown.means, shown)}"
        n = sum(map(_known, values))
        lost = f"; {sum(map(len, values)) - n} not measurable" if n < sum(map(len, values)) else ""
        yield Figure(recipe, "prompt_effect", found.value, finding, found.low, found.high, n,
                     published=_paper(shown), note=f"{told}{lost}; Hedges' g, the paper's from its "
                     "means and standard deviations")  # fmt: skip
        yield Figure(recipe, "prompt_effect_p", p, finding, n=n,
                     note=f"one-tailed Welch t test{lost}; paper: below 0.05")  # fmt: skip
        yield from _true_effect(real, finding, recipe, chance)


def _true_effect(real: tuple, finding: str, recipe: str, chance: _Chance) -> Iterator[Figure]:
    """Yield the effect of a finding among real cases, by the labels; by the truth in the note."""
    shown = FINDINGS[finding]
    found, pairs = [], []
    for table in real:
        has = np.array([finding in told.split("|") for told in table["findings"]], bool)
        pairs.append(_values([table[has], table[~has]], shown))
        weights = patient_weights(table["patient"].to_numpy(), *chance)
        found.append(effects.separation(pairs[-1], (weights[:, has], weights[:, ~has])))
    labels, truth = found
    if not all(map(_known, pairs[0])):
        return
    note = f"real cases with it against those without: {_means(pairs[0], shown)}"
    note += f"; by the truth {truth.value:.3g}" if np.isfinite(truth.value) else ""
    note += "" if np.isfinite(labels.value) else "; too few for an effect size"
    yield Figure(recipe, "prompt_effect", labels.value, f"{finding}/real", labels.low, labels.high,
                 sum(map(_known, pairs[0])), note=note)  # fmt: skip


def _values(pair, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    first, second = (
        own[shown.measurement].to_numpy(float)
        if shown.measurement in own
        else np.full(len(own), NAN)
        for own in pair
    )
    return first, second


def _known(values: np.ndarray) -> int:
    return int(np.isfinite(values).sum())


def _means(values: tuple[np.ndarray, np.ndarray], shown: Shown) -> str:
    with_it, without = (
        float(np.nanmean(own)) / shown.per_unit if _known(own) else NAN for own in values
    )
    return _told((with_it, without), shown)


def _told(means: tuple[float, float], shown: Shown) -> str:
    return f"{means[0]:.3g} against {means[1]:.3g}{shown.unit}"


def _paper(shown: Shown) -> float:
    """Return Hedges' g of the paper's arms, from their means and standard deviations."""
    means, variances = (
        tuple(np.array(float(v)) for v in values)
        for values in (shown.means, np.square(shown.spreads))
    )
    counts = np.array(float(PAPER_N)), np.array(float(PAPER_N))
    return float(effects.hedges((means[0], means[1]), (variances[0], variances[1]), counts))


def _sides(drawn: pd.DataFrame, recipe: str) -> Iterator[Figure]:
    """Yield how often most fluid lies on the side named; a sample without any is wrong."""
    probed = drawn[drawn["probe"] == "side"]
    if not len(probed):
        return
    right, left = (probed[f"effusion_{side}_volume_ml"] for side in ("right", "left"))
    wet = right.fillna(0) + left.fillna(0) > 0
    named = np.where(probed["arm"] == "right", right > left, left > right) & wet
    for arm in ("", "right", "left"):
        own = probed["arm"].isin([arm] if arm else ["right", "left"])
        if own.any():
            found = wilson(int(named[own].sum()), int(own.sum()))
            yield Figure(recipe, "laterality_accuracy", found.value,
                         "pleural_effusion" + (f"/{arm}" if arm else ""), found.low, found.high,
                         int(own.sum()), note=f"no fluid in {int((own & ~wet).sum())}, counted as "
                         "wrong")  # fmt: skip


def _overlaps(drawn: pd.DataFrame, recipe: str, chance: _Chance) -> Iterator[Figure]:
    """Yield how drawn and given lobes agree with those that are seen in the image."""
    for kind, chosen, unit in (
        ("joint", ("dataset", "prompt"), "sample"),
        ("given", ("given",), "patient"),
    ):
        rows = drawn[drawn["probe"].isin(chosen)]
        for region in REGIONS:
            name, best = f"{kind}_dice_{region}", f"ceiling_dice_{region}"
            if name not in rows or not rows[name].notna().any():
                continue
            found, n = chance.mean(rows, name, unit), int(rows[name].notna().sum())
            note = f"undefined in {len(rows) - n}" if kind == "joint" and n < len(rows) else ""
            if kind == "given":
                note = f"in the real image of the same cases {rows[best].mean():.3f}"
            yield Figure(recipe, f"{kind}_lobe_dice", found.value, region, found.low, found.high,
                         n, note=note)  # fmt: skip


def _airways(
    drawn: pd.DataFrame, real: pd.DataFrame, recipe: str, chance: _Chance, system: str
) -> Iterator[Figure]:
    name, rows = "airway_volume_cm3", drawn[drawn["probe"] == "dataset"]
    for arm, table, unit in (("synthetic", rows, "sample"), ("real", real, "patient")):
        if name not in table or not table[name].notna().any():
            continue
        found, known = chance.mean(table, name, unit), table[name].dropna()
        published = REAL_AIRWAYS_CM3 if arm == "real" else AIRWAYS_CM3.get(system, NAN)
        note = f"SD {known.std():.3g}; no airway found in {len(table) - len(known)}"
        yield Figure(recipe, name, found.value, arm, found.low, found.high, len(known),
                     published=published, note=note)  # fmt: skip


def _segmentations(drawn: pd.DataFrame, recipe: str, chance: _Chance) -> Iterator[Figure]:
    probed = drawn[drawn["probe"] == "segment"]
    arms = {arm: probed[probed["arm"] == arm] for arm in ("with_text", "without_text")}
    for structure, paper in SEGMENTED.items():
        name = f"truth_dice_{structure}"
        if name not in probed or not all(own[name].notna().any() for own in arms.values()):
            continue
        for arm, rows in arms.items():
            found, n = chance.mean(rows, name, "patient"), int(rows[name].notna().sum())
            yield Figure(recipe, "segmentation_dice", found.value, f"{structure}/{arm}", found.low,
                         found.high, n, published=paper.get(arm, NAN))  # fmt: skip
        values, units = (
            [rows[column].to_numpy() for rows in arms.values()] for column in (name, "patient")
        )
        gained = effects.gain((values[0], values[1]), (units[0], units[1]), *chance)
        published = paper["with_text"] - paper["without_text"] if paper else NAN
        yield Figure(recipe, "segmentation_dice" + GAIN, gained.value,
                     f"{structure}/with_text-without_text", gained.low, gained.high,
                     probed.loc[probed[name].notna(), "patient"].nunique(),
                     published=published, note="paired by patient; n patients")  # fmt: skip
