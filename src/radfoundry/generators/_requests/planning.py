"""Plan what is asked of a generator, so that drawing makes no choice of its own.

A request is one row: the case it edits, its own seed and its parameters. Seeds depend on the
recipe's seed, the stage and the sample alone, never on how many samples there are, their order or
their batch.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from radfoundry.seeds import seed

COLUMNS = ("request", "source", "split", "seed", "parameters")
LONGEST_ID = 64
EXCLUDED = {
    "split": "its split {split!r} is not among those asked for: {splits}",
    "findings": "it shows findings ({findings}); only healthy cases are edited",
    "status": "its {structure} is {status!r}; it must be 'present' to be edited",
}


def request_id(source: str, replica: int) -> str:
    """Return the id of one sample of a case, at most 64 characters long.

    >>> request_id("case-1", 0)
    'syn-case-1-0'
    """
    name = f"syn-{source}-{replica}"
    if len(name) <= LONGEST_ID:
        return name
    short = hashlib.sha256(source.encode()).hexdigest()[:12]
    return f"syn-{source[:40]}-{short}-{replica}"


def exclusion(case: Mapping, splits: Sequence[str], structures: Sequence[str]) -> str:
    """Return why a case cannot be edited as a healthy source, or "" if it can.

    Args:
        case: A row with split, findings, and for every structure a column of its own that holds
            the label's status; a column that is missing counts as status "unknown".
        splits: Splits that sources may come from.
        structures: Regions of `labels.yaml` that must have been found.
    """
    if case["split"] not in splits:
        return EXCLUDED["split"].format(split=case["split"], splits=", ".join(splits))
    if str(case["findings"]):
        return EXCLUDED["findings"].format(findings=case["findings"])
    for structure in structures:
        status = case.get(structure, "unknown")
        if status != "present":
            return EXCLUDED["status"].format(structure=structure, status=status)
    return ""


def exclusions(
    cases: pd.DataFrame, splits: Sequence[str], structures: Sequence[str]
) -> pd.DataFrame:
    """Return the cases that are not edited: columns case and reason, one row each."""
    reasons = [exclusion(row, splits, structures) for row in cases.to_dict("records")]
    table = pd.DataFrame({"case": cases["case"].astype(str).tolist(), "reason": reasons})
    return table[table["reason"] != ""].reset_index(drop=True)


def per_source(
    sources: pd.DataFrame,
    counts: int | Sequence[int],
    recipe_seed: int,
    choose: Callable[[np.random.Generator], Mapping],
) -> pd.DataFrame:
    """Return requests for every source, each row planned from its own seed alone.

    Args:
        sources: Rows with case and split.
        counts: Samples of each case, or the fewest and the most, then drawn per case.
        recipe_seed: The recipe's seed.
        choose: Draws the parameters of one request; what it returns is stored as JSON.
    """
    low, high = (counts, counts) if isinstance(counts, int) else counts
    if not 0 < low <= high:
        raise ValueError(f"samples per case are {counts}; at least 1, and the range not empty")
    rows = []
    for source, split in zip(sources["case"].astype(str), sources["split"], strict=True):
        own = np.random.default_rng(seed(recipe_seed, "plan", source))
        for replica in range(int(own.integers(low, high + 1))):
            number = seed(recipe_seed, "sample", f"{source}/{replica}")
            # A stream apart from the one that `draw` starts from the same number.
            parameters = choose(np.random.default_rng([number, 1]))
            text = json.dumps(parameters, sort_keys=True)
            rows.append((request_id(source, replica), source, split, number, text))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def first(requests: pd.DataFrame, count: int | None) -> pd.DataFrame:
    """Return at most that many of the requests, as evenly over the sources as can be.

    One of each source first, then a second: within a round their seeds decide, so that fewer are a
    subset of more. All are returned if there are too few, or no count is given.
    """
    if count is None or count >= len(requests):
        return requests
    order = requests.assign(replica=requests.groupby("source").cumcount())
    chosen = order.sort_values(["replica", "seed"]).index[:count]
    return requests.loc[chosen.sort_values()].reset_index(drop=True)
