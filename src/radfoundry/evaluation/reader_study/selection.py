"""Which real cases and which samples readers see: chosen by chance, as many of each.

A real case is of the test split, one for each patient, and no sample that is shown counts as the
patient of a real one: whoever sees both would know the pair.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radfoundry import seeds
from radfoundry.evaluation.reader_study.questions import REAL, SYNTHETIC

COLUMNS = ["task", "item", "slot", "recipe", "arm", "name", "patient"]


class Pool(NamedTuple):
    """What may be shown of a recipe.

    Attributes:
        real: Columns name, patient: accepted cases of the test split of its cohort.
        samples: Columns name, patient: samples that the experts kept.
    """

    real: pd.DataFrame
    samples: pd.DataFrame


def choose(study: Mapping[str, Any], pools: Mapping[str, Pool]) -> pd.DataFrame:
    """Return every picture that is shown: one row each, in the order in which they were chosen.

    Args:
        study: `count`, items of each kind; `seed`; recipes of `origin`, `ranking`, `overlay`.
        pools: By recipe.

    Returns:
        `COLUMNS`. `item` counts what is asked about, through all tasks; of a ranking it has one
        row for each of its pictures, told apart by `slot`: `arm` is then the recipe, or "real".

    Raises:
        ValueError: A recipe with no sample or no real case to show.
    """
    rows = [row for task in ("origin", "overlay") for row in _singles(task, study, pools)]
    sets = list(_sets(study, pools)) if study["ranking"] else []
    found = pd.DataFrame([*rows, *sets], columns=["task", "set", *COLUMNS[2:]])
    order = found.groupby(["task", "recipe", "arm", "set"], sort=False).ngroup()
    order = order.where(found["task"] != "ranking", len(found) + found["set"])
    return found.assign(item=pd.factorize(order)[0])[COLUMNS]


def _singles(task: str, study: Mapping[str, Any], pools: Mapping[str, Pool]) -> Iterator[tuple]:
    for recipe in study[task]:
        rng = np.random.default_rng(seeds.seed(study["seed"], "reader_study", f"{task}/{recipe}"))
        real, samples = _drawn(task, {recipe: pools[recipe]}, study["count"], rng)
        for arm, rows in ((REAL, real), (SYNTHETIC, samples[recipe])):
            for place, row in enumerate(rows.itertuples()):
                yield task, place, 0, recipe, arm, row.name, row.patient


def _sets(study: Mapping[str, Any], pools: Mapping[str, Pool]) -> Iterator[tuple]:
    """Yield sets of one sample of each recipe and one real case, of the first recipe's cohort."""
    first, names = study["ranking"][0], study["ranking"]
    rng = np.random.default_rng(seeds.seed(study["seed"], "reader_study", "ranking"))
    real, samples = _drawn("ranking", {name: pools[name] for name in names}, study["count"], rng)
    for slot, (recipe, arm, rows) in enumerate(
        [(first, REAL, real), *((name, name, samples[name]) for name in names)]
    ):
        for place, row in enumerate(rows.itertuples()):
            yield "ranking", place, slot, recipe, arm, row.name, row.patient


def _drawn(
    task: str, pools: Mapping[str, Pool], count: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return `count` real cases, of the first pool, and samples of each, or what there is."""
    first = next(iter(pools.values()))
    real = _shuffled(first.real, rng).drop_duplicates("patient").head(count)
    samples = {
        name: _shuffled(pool.samples[~pool.samples["patient"].isin(real["patient"])], rng)
        for name, pool in pools.items()
    }
    there = {"real cases of the test split": len(real)}
    there |= {f"kept samples of {name} of other patients": len(s) for name, s in samples.items()}
    if not min(there.values()):
        told = ", ".join(f"{n} {what}" for what, n in there.items())
        raise ValueError(f"reader_study.{task}: there are {told}; allowed: at least 1 of each")
    n = min(count, *there.values())
    return real.head(n), {name: rows.head(n) for name, rows in samples.items()}


def _shuffled(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows in an order of chance that does not hang on the order they came in."""
    ordered = rows.sort_values("name", ignore_index=True)
    return ordered.iloc[rng.permutation(len(ordered))]
