"""Prove that an evaluation is fair: nothing that is tested has been learned from.

The rules that call this fail when it is not so; what comes back is the proof, as a table.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from radfoundry.config import cohorts
from radfoundry.data.splits import SplitError, check


def check_rejected(images: pd.DataFrame, most: float) -> None:
    """Refuse to go on when more than a fraction of the cases was rejected at the gate.

    Args:
        images: Columns case, status, code, message.
        most: Largest fraction, in [0, 1].

    Raises:
        SplitError: gate.rejected, with the count of every reason and the first cases of each.
    """
    bad = images[images["status"] == "rejected"]
    if len(bad) <= most * len(images):
        return
    reasons = [
        f"  {code}: {len(rows)}, as {rows['case'].iloc[0]} ({rows['message'].iloc[0]})"
        for code, rows in bad.groupby("code")
    ]
    summary = f"{len(bad)} of {len(images)} cases were rejected, max_rejected is {most:g}:"
    raise SplitError("gate.rejected", "\n".join([summary, *reasons]))


def check_evaluation(
    own: pd.DataFrame, unseen: Sequence[pd.DataFrame], requests: pd.DataFrame
) -> pd.DataFrame:
    """Refuse an evaluation in which a tested patient can have reached a model.

    Args:
        own: Splits of the cohort that was learned from: case, patient, split.
        unseen: Splits of each cohort that is tested and was never learned from.
        requests: The samples asked for: request, source, split.

    Returns:
        What was compared and how many cases were looked at, one row per check.

    Raises:
        SplitError: As `check`, for patients of two splits, samples whose source lies elsewhere, and
            unseen cohorts that share a patient with the cohort learned from.
    """
    whose = dict(zip(own["case"], own["patient"], strict=True))
    drawn = requests.rename(columns={"request": "case"})[["case", "source", "split"]]
    drawn = drawn.assign(patient=drawn["source"].map(whose).fillna(""))
    checked = {
        "patients of one split only": own,
        "samples in the split of their source": pd.concat([own, drawn]),
    }
    for number, tested in enumerate(unseen, 1):
        foreign = tested.assign(split="test", case="unseen:" + tested["case"])
        learned = own[own["split"] != "test"]
        checked[f"unseen cohort {number} shares no patient"] = pd.concat([learned, foreign])
    for cases in checked.values():
        check(cases, needed=())
    rows = [{"check": name, "cases": len(cases), "leaks": 0} for name, cases in checked.items()]
    return pd.DataFrame(rows)


def check_images(own: pd.DataFrame, unseen: pd.DataFrame) -> pd.DataFrame:
    """Refuse an unseen cohort that holds a file of the cohort learned from.

    Args:
        own: Columns case and source_sha256, of the cohort learned from.
        unseen: The same, of all cohorts that are tested.

    Returns:
        One row for the proof, as `check_evaluation` returns them.

    Raises:
        SplitError: leak.duplicate, naming the first pairs.
    """
    files = own[own["source_sha256"] != ""]
    same = files.merge(unseen, on="source_sha256", suffixes=("", "_unseen"))
    pairs = [f"{a} is {b}" for a, b in zip(same["case"], same["case_unseen"], strict=True)]
    if pairs:
        raise SplitError(
            "leak.duplicate", f"unseen files were learned from: {'; '.join(pairs[:5])}"
        )
    name = "no file of an unseen cohort was learned from"
    return pd.DataFrame([{"check": name, "cases": len(own) + len(unseen), "leaks": 0}])


def reports_to_learn(
    reports: Iterable[Mapping[str, str]], cases: pd.DataFrame
) -> tuple[list[str], dict[str, int]]:
    """Return the reports without images that training may read, and how many were left out.

    Left out are the reports of patients who are known outside the train split, however their
    id is spelled, and texts that are word for word the report of such a case: a row without a
    patient may still be its own.

    Args:
        reports: Rows with `report` and `patient`, "" where it is not known.
        cases: Of the cohort, and of cohorts that are tests alone: patient, split, and `report` if
            they have any.

    Returns:
        Distinct texts in order; counts of what was `given`, `duplicates`, `held_out`, `taken`.
    """
    rows = [(row["report"].strip(), row["patient"]) for row in reports]
    own = cases[cases["split"] != "train"]
    texts = {str(text).strip() for text in own.get("report", ())} - {""}
    kept = {reading for name in own["patient"] for reading in cohorts.readings(str(name))[0]}
    known = {name for name in {name for _, name in rows if name} if _among(name, kept)}
    free = [text for text, name in rows if text not in texts and name not in known]
    taken = list(dict.fromkeys(free))
    counts = {"given": len(rows), "duplicates": len(free) - len(taken)}
    return taken, counts | {"held_out": len(rows) - len(free), "taken": len(taken)}


def _among(patient: str, kept: set) -> bool:
    """Return whether an id may be one of those whose readings are kept."""
    return not cohorts.readings(patient)[1].isdisjoint(kept)
