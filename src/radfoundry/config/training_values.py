"""What values a recipe may set below `train:`: refused while the DAG is drawn, not in a job.

A generator's VALUES is a literal mapping of a key, below any of its networks, to a rule of JSON
Schema, such as `{"type": "integer", "minimum": 1}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from radfoundry.config import catalogue, schema


def found(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for each value that a recipe's generator does not take.

    Args:
        config: With defaults, its keys known to be right.
    """
    for name, recipe in config["recipes"].items():
        values = catalogue.stated("generators", recipe["generator"], "VALUES", {})
        below = {"properties": values}
        rules = {"properties": dict.fromkeys(recipe["train"], below) | {"start": {}, "seed": {}}}
        for line in schema.faults(recipe["train"], rules, {}):
            yield f"recipes.{name}.train.{line}"
        yield from _factors(f"recipes.{name}.train", recipe["train"], recipe)


def _factors(where: str, train: Mapping[str, Any], recipe: Mapping[str, Any]) -> Iterator[str]:
    """Find two networks that are taught of other coarse grids: no sample could be drawn."""
    stated = catalogue.stated("generators", recipe["generator"], "COARSE", {})
    usual = stated.get(recipe["size"])
    given = {n: own.get("factor", usual) for n, own in train.items() if isinstance(own, Mapping)}
    low = str(stated.get("option", "")).split("/")[0]
    high = catalogue.stated("generators", recipe["generator"], "SUPER_RESOLUTION", "")
    pair = [given.get(name, usual) for name in (low, high)]
    if stated and pair[0] != pair[1]:
        message = f"factor is {pair[1]}, that of {low} is {pair[0]}"
        yield f"{where}.{high}: {message}; allowed: the same"
