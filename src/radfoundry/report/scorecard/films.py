"""What a set of radiographs measures to, drawn or real: figures by metric and arm.

The patient of the source is what intervals draw again, for samples of one source share what it
lends. A share of films that are right has Wilson's interval.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from radfoundry.evaluation.metrics import detection
from radfoundry.evaluation.metrics.effects import FEWEST
from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights, wilson
from radfoundry.evaluation.radiographs import MARKED, REGIONS
from radfoundry.report.scorecard import probes

NAN = float("nan")
ALL = "all"
AUROC = "prompt_auroc"
# Films that are told apart: the dataset, which is asked for as its cases are, and real ones. Probes
# ask for some findings far more often, and worse ones; they would not be compared like with like.
ASKED_ALIKE = ("dataset", "real")
SIZES = ("small", "medium", "large")
Bins = Mapping[str, tuple[float, float]]  # by finding: where small and medium masks end
Statistic = Callable[[np.ndarray], np.ndarray]  # of weights (draws, n): (draws,)


@dataclass(frozen=True)
class Figure:
    """One figure of a set of films: `drawn` are its bootstrap draws, where there are any."""

    metric: str
    arm: str
    found: Interval
    n: int
    note: str = ""
    drawn: np.ndarray | None = None


def findings_in(films: pd.DataFrame) -> list[str]:
    """Return the findings that a reader looked for, from the columns of `probes.wide`."""
    return [str(n).removeprefix("asked_") for n in films if str(n).startswith("asked_")]


def bins_of(films: pd.DataFrame) -> Bins:
    """Return the thirds of the masks of each finding, by their share of the film.

    A finding with fewer than three masks has none.
    """
    found = {}
    for name in findings_in(films):
        areas = probes.column(films, f"area_{name}").dropna().to_numpy(float)
        if len(areas) >= len(SIZES):
            low, high = np.quantile(areas, [1 / 3, 2 / 3])
            found[name] = float(low), float(high)
    return found


def figures(films: pd.DataFrame, bootstrap: probes.Bootstrap, bins: Bins) -> Iterator[Figure]:
    """Yield every figure of a set of films.

    Args:
        films: Rows of `probes.wide`; those that failed are counted as wrong where it is known what
            was asked, and else left out and told.
        bootstrap: What intervals are made of.
        bins: As `bins_of` returns them, of the real films.
    """
    if films.empty:
        return
    given = films[films["probe"] == "given"]  # organs of a case as they are, or moved
    for region in REGIONS:
        for kind, arm in (("anatomy", region), ("shuffled", f"{region}/shuffled")):
            yield from _mean(films, f"{kind}_dice_{region}", ("anatomy_dice", arm), bootstrap)
        for how, own in given.groupby("arm"):
            named = "anatomy_dice", f"{region}/given_{how}"
            yield from _mean(own, f"anatomy_dice_{region}", named, bootstrap)
    yield from _mean(films, "outside_fraction", ("outside_fraction", ALL), bootstrap)
    asked_alike = films[films["probe"].isin(ASKED_ALIKE)]
    for name in findings_in(films):
        yield _auroc(asked_alike, name, bootstrap)
        yield from _places(films, name, bootstrap, bins.get(name))
        yield from _sides(films, name)
        yield from _severity(films, name, bootstrap)


def _mean(
    films: pd.DataFrame, column: str, named: tuple[str, str], bootstrap: probes.Bootstrap
) -> Iterator[Figure]:
    """Yield the mean of a measurement; nothing where nobody could take it."""
    values = probes.column(films, column).to_numpy(float)
    if probes.known(values):
        found = bootstrap.mean(films, column, "patient")
        note = "; ".join(probes.lost(films, values))
        yield Figure(*named, found, probes.known(values), note)


def _auroc(films: pd.DataFrame, name: str, bootstrap: probes.Bootstrap) -> Figure:
    """Return how well the reader's score tells films that are to show a finding from the others."""
    scores = probes.column(films, f"score_{name}").to_numpy(float)
    asked = films[f"asked_{name}"].to_numpy(float)
    known = np.isfinite(scores) & np.isfinite(asked)
    ill, scores = asked[known] == 1, scores[known]
    counts = int(ill.sum()), int((~ill).sum())
    note = f"{counts[0]} with it against {counts[1]} without"
    value = detection.image_auroc(ill, scores)
    if not all(counts):
        return Figure(AUROC, name, Interval(NAN, NAN, NAN), sum(counts), f"{note}: none")
    weights = patient_weights(films["patient"].to_numpy()[known], *bootstrap)
    drawn = detection.weighted_auroc(ill, scores, weights)
    found = interval(value, drawn) if min(counts) >= FEWEST else Interval(value, NAN, NAN)
    return Figure(AUROC, name, _around(found), sum(counts), note, drawn)


def with_area(figures: Iterable[Figure]) -> set[str]:
    """Return the findings whose area under the curve is defined."""
    return {one.arm for one in figures if one.metric == AUROC and np.isfinite(one.found.value)}


def together(figures: Iterable[Figure], findings: Collection[str]) -> Iterator[Figure]:
    """Yield the mean of the areas of two or more findings, with the draws of all.

    Args:
        figures: Of one set of films, among them those areas; where one is not defined there is no
            mean, for it would be of other findings than those of the sets it is compared with.
        findings: The same for all these sets.
    """
    known = [one for one in figures if one.metric == AUROC and one.arm in findings]
    draws = [one.drawn for one in known if one.drawn is not None]
    if len(draws) == len(findings) > 1:
        drawn = np.mean(draws, axis=0)
        value = float(np.mean([one.found.value for one in known]))
        note = "mean of " + ", ".join(one.arm.replace("_", " ") for one in known)
        found = _around(interval(value, drawn))
        yield Figure(AUROC, ALL, found, max(one.n for one in known), note, drawn)


def _places(
    films: pd.DataFrame,
    name: str,
    bootstrap: probes.Bootstrap,
    ends: tuple[float, float] | None,
) -> Iterator[Figure]:
    """Yield whether a finding is where its mask is: by side, and by size of the mask."""
    area = probes.column(films, f"area_{name}")
    right = probes.column(films, f"right_{name}")
    parts = {"": pd.Series(True, films.index), "right": right == 1, "left": right == 0}
    if ends:
        small, large = area <= ends[0], area > ends[1]
        parts |= dict(zip(SIZES, (small, ~small & ~large & area.notna(), large), strict=True))
    asked = films[f"asked_{name}"] == 1
    for part, chosen in parts.items():
        own, arm = films[chosen & asked], f"{name}/{part}" if part else name
        hits = probes.column(own, f"pointing_{name}").dropna()
        if hits.empty:
            continue
        lost = int(own["failed"].sum())
        note = f"{lost} not drawn, counted as wrong" if lost else ""
        found = wilson(int(hits.sum()), len(hits) + lost)
        yield Figure("pointing_accuracy", arm, found, len(hits) + lost, note)
        yield from _mean(own, f"finding_dice_{name}", ("finding_dice", arm), bootstrap)


def _sides(films: pd.DataFrame, name: str) -> Iterator[Figure]:
    """Yield how often the side that was asked for is read as the likelier one."""
    right, hits = (probes.column(films, f"{kind}_{name}") for kind in ("right", "side"))
    lost = films["failed"] & right.notna()
    for arm, chosen in (
        (name, right.notna()),
        (f"{name}/right", right == 1),
        (f"{name}/left", right == 0),
    ):
        own = chosen & (hits.notna() | lost)
        if own.any():
            found = wilson(int(hits[own].fillna(0).sum()), int(own.sum()))
            count = int((lost & own).sum())
            note = f"{count} not drawn, counted as wrong" if count else ""
            yield Figure("laterality_accuracy", arm, found, int(own.sum()), note)


def _severity(films: pd.DataFrame, name: str, bootstrap: probes.Bootstrap) -> Iterator[Figure]:
    """Yield the rank correlation of the severity asked for with the extent that is read."""
    pair = [probes.column(films, f"{k}_{name}").to_numpy(float) for k in ("severity", "extent")]
    known = np.isfinite(pair).all(0)
    asked, extent = (values[known] for values in pair)
    if len(asked) < FEWEST or len(set(asked)) < 2:
        return
    owners = films["patient"].to_numpy()[known]
    weights = patient_weights(owners, *bootstrap)
    places = (np.repeat(np.arange(len(asked)), own) for own in weights)
    drawn = np.array([spearman(asked[at], extent[at]) for at in places])
    found = _around(interval(spearman(asked, extent), drawn))
    note = "severity asked for against the share of the film that the map covers"
    arm = f"{name}/severity"
    yield Figure("requested_measured_spearman", arm, found, len(asked), note, drawn)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return the rank correlation of two sets of numbers; NaN where either is all alike."""
    ranks = [rankdata(values) for values in (first, second)]
    if len(first) < 2 or any(np.ptp(own) == 0 for own in ranks):
        return NAN
    return float(np.corrcoef(*ranks)[0, 1])


def shows(films: pd.DataFrame, kind: str) -> np.ndarray:
    """Return (n, k) which film shows which finding: by its masks, or as it is read.

    Args:
        films: Those that were drawn.
        kind: "masks" or "read".
    """
    column = {"masks": "area", "read": "score"}[kind]
    values = [probes.column(films, f"{column}_{name}") for name in findings_in(films)]
    found = [(one.notna() if kind == "masks" else one >= MARKED).to_numpy(bool) for one in values]
    return np.reshape(np.array(found, bool), (len(found), len(films))).T


def cooccurrence(
    pair: tuple[pd.DataFrame, pd.DataFrame], kind: str, bootstrap: probes.Bootstrap
) -> Interval:
    """Return how far two sets differ in which findings occur together: mean over pairs of findings.

    Each pair counts by how many films show both: the absolute difference of the two shares.
    """
    shares = []
    for films in pair:
        seen = shows(films, kind)
        both = [seen[:, i] & seen[:, j] for i, j in combinations(range(seen.shape[1]), 2)]
        if not both or films.empty:
            return Interval(NAN, NAN, NAN)
        weights = patient_weights(films["patient"].to_numpy(), *bootstrap)
        whole = np.vstack([np.ones((1, len(films))), weights])
        shares.append(whole @ np.array(both, float).T / np.maximum(whole.sum(1, keepdims=True), 1))
    apart = np.abs(shares[0] - shares[1]).mean(1)
    return _around(interval(float(apart[0]), apart[1:]))


def _around(found: Interval) -> Interval:
    """Return an interval that holds its value: few cases drawn again may lie to one side of it."""
    low, high = min(found.low, found.value), max(found.high, found.value)
    return found if np.isnan(found.low) else Interval(found.value, low, high)
