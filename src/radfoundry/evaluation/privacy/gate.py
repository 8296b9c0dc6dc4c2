"""Whether an audit lets a release go, and if not, why not."""

from collections.abc import Iterator

import pandas as pd

from radfoundry.evaluation.privacy.names import FLAGGED, FRACTIONS, NEEDED, RECALL

LEAST_RECALL = 0.95  # of copies that any audit must find
NONE = "none: no copy of a training image was looked for"
SAYS = (
    "The audit found no more copies of training images than its limit allows, and found the copies "
    "planted for it. It does not follow that nothing of a patient can be learned from the samples: "
    "copies of parts, and what many samples say together, are not looked for."
)


def reasons(table: pd.DataFrame, most: float) -> Iterator[str]:
    """Yield what an audit holds against a release.

    Args:
        table: Rows of the table `memorisation`.
        most: The largest fraction of released samples that may be copies.
    """
    rows = {(row["metric"], row["arm"]): row for row in table.to_dict("records")}
    for kind in NEEDED:
        found = rows.get((RECALL, f"{kind}{FLAGGED}"))
        if found is None or pd.isna(found["value"]):
            why = "none was planted" if found is None else found["note"]
            yield f"recall of {kind} copies is not known ({why})"
        elif found["value"] < LEAST_RECALL:
            share = f"{found['value']:.3f} of {found['n']}"
            yield f"recall of {kind} copies is {share}; allowed: {LEAST_RECALL} or more"
    found = rows.get((FRACTIONS["image"], "kept"))
    if found is not None and found["n"] and found["value"] > most:
        share = f"{found['value']:.4f} of {found['n']} kept samples"
        yield f"memorised_fraction is {share}; allowed: max_copied_fraction {most:g}"


def passed(table: pd.DataFrame) -> str:
    """Return what a card says of an audit that lets a release go, and what that does not prove.

    Args:
        table: Rows of the table `memorisation`.
    """
    rows = {(row["metric"], row["arm"]): row for row in table.to_dict("records")}
    found = rows[FRACTIONS["image"], "kept"]
    recall = [(kind, rows[RECALL, f"{kind}{FLAGGED}"]) for kind in NEEDED]
    told = ", ".join(f"{kind} {row['value']:.2f} of {row['n']}" for kind, row in recall)
    share = f"{found['value']:.4f} of {found['n']} kept samples" if found["n"] else "of no sample"
    return f"Copies of whole training images: {share}. Planted copies found: {told}. {SAYS}"
