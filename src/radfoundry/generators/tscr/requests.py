"""What is asked of TSCR: add, edit, remove or move a tumour, here or there, with these features.

Every random choice is made here and written into the request. A feature is asked for as a value in
its own unit (`25.0`), as a z-score among real tumours (`{"z": 1.5}`), or as that of a training
case (`{"as": "case-7"}`); what a value is among real tumours is known when it is drawn.
"""

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.generators._requests.planning import request_id
from radfoundry.generators.tscr.naming import checked_name
from radfoundry.seeds import seed

OPERATIONS = ("add", "edit", "remove", "move")
ON_LESIONS = ("edit", "remove", "move")  # what needs a lesion in its source
COLUMNS = ("request", "source", "split", "seed", "parameters")
CHOSEN = (
    "masks", "texture", "region", "forbidden", "distance_mm", "least_inside", "candidates",
)  # fmt: skip


def plan(cases: pd.DataFrame, options: Mapping[str, Any], seed_of_recipe: int) -> pd.DataFrame:
    """Return the requests of a recipe, the first ones the same however many there are.

    Sources take turns: each case of the splits comes once before any comes twice. Operations take
    turns too, in proportion to their weights; what needs a lesion is asked of cases with one, as
    their `findings` say, and a lesion is added where there is none for it.

    Args:
        cases: Rows with case, split and findings (names joined by |, "" for none).
        options: All of `OPTIONS`.
        seed_of_recipe: The recipe's seed.

    Raises:
        ValueError: No case in the splits; an operation, a feature, a range or a place that is none.
    """
    _check(options)
    sources = cases[cases["split"].isin(options["splits"])]
    if sources.empty:
        message = f"none of {len(cases)} cases is of the splits {', '.join(options['splits'])}"
        raise ValueError(f"{message}: there is nothing to draw from")
    order = sorted(sources["case"].astype(str), key=lambda one: seed(seed_of_recipe, "plan", one))
    by_case = sources.assign(case=sources["case"].astype(str)).set_index("case")
    turns = _turns(options["operations"])
    rows = []
    for number in range(options["count"]):
        replica, place = divmod(number, len(order))
        source = order[place]
        own = seed(seed_of_recipe, "sample", f"{source}/{replica}")
        rng = np.random.default_rng([own, 1])  # a stream apart from what `draw` starts from it
        ill = bool(by_case.loc[source, "findings"])
        operation = turns[(number + replica) % len(turns)]
        asked = chosen(operation if ill else "add", options, rng)
        text = json.dumps(asked, sort_keys=True)
        split = by_case.loc[source, "split"]
        rows.append((request_id(source, replica), source, split, own, text))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def chosen(operation: str, options: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return the parameters of one request, all chance drawn.

    Keys: operation; features by name; `at` in [0, 1), which of the places that are allowed;
    `lesion` in [0, 1), which of the source's; position_mm and size_mm where they are asked for; and
    `CHOSEN` as the options have them.
    """
    varied = {
        name: {"z": round(float(rng.uniform(low, high)), 4)}
        for name, (low, high) in sorted(options["vary"].items())
    }
    asked = {} if operation == "remove" else {**varied, **options["features"]}
    if operation == "move":  # it stays what it is, somewhere else
        asked = dict(options["features"])
    out = {name: options[name] for name in CHOSEN}
    out |= {"at": round(float(rng.random()), 6), "lesion": round(float(rng.random()), 6)}
    for name in ("position_mm", "size_mm"):
        if options[name] is not None and operation != "remove":
            out[name] = options[name]
    return out | {"operation": operation, "features": asked}


def _turns(weights: Mapping[str, float]) -> list[str]:
    """Return operations in the order in which they come, as evenly as their weights allow."""
    least = min(weight for weight in weights.values() if weight > 0)
    counts = {name: max(1, round(weights.get(name, 0) / least)) for name in OPERATIONS}
    counts = {name: n for name, n in counts.items() if weights.get(name, 0) > 0}
    places = [((k + 0.5) / n, name) for name, n in counts.items() for k in range(n)]
    return [name for _, name in sorted(places, key=lambda one: one[0])]


def _check(options: Mapping[str, Any]) -> None:
    weights = options["operations"]
    unknown = sorted(set(weights) - set(OPERATIONS))
    if unknown or not any(weight > 0 for weight in weights.values()):
        message = f"operations are {dict(weights)}; allowed: weights, one above 0, of"
        raise ValueError(f"{message} {', '.join(OPERATIONS)}")
    for name, span in options["vary"].items():
        checked_name(name)
        if not (isinstance(span, Sequence) and len(span) == 2 and span[0] <= span[1]):
            raise ValueError(f"vary: {name} is {span!r}; allowed: the lowest and highest z-score")
    for name, value in options["features"].items():
        checked_name(name)
        _check_value(name, value)
    position = options["position_mm"]
    if position is not None and len(position) != 3:
        raise ValueError(f"position_mm is {position!r}; allowed: three numbers, or none")
    count = options["candidates"]
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"candidates is {count!r}; allowed: a whole number from 1 on")
    if options["size_mm"] is not None and not options["size_mm"] > 0:
        raise ValueError(f"size_mm is {options['size_mm']!r}; allowed: a diameter above 0")


def _check_value(name: str, value: object) -> None:
    if isinstance(value, Mapping) and len(value) == 1:
        ((how, what),) = value.items()
        if (how == "z" and isinstance(what, Real)) or (how == "as" and isinstance(what, str)):
            return
    elif isinstance(value, Real) and not isinstance(value, bool):
        return
    allowed = "a number in its unit, {z: 1.5} among real tumours, or {as: a training case}"
    raise ValueError(f"features: {name} is {value!r}; allowed: {allowed}")
