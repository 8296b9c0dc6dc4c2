"""Where samples are lost on the way from a request to the dataset, and to which expert alone."""

import pandas as pd

from radfoundry.evaluation.metrics.statistics import wilson
from radfoundry.verdicts import KEPT, REJECTED, REPEATS, UNDECIDED
from radfoundry.verdicts.groups import standings

WITHOUT = (
    *("images", "expert", "accepted", "accepted_without", "refused_alone"),
    *("undecided_alone", "n", "fraction", "low", "high"),
)


def leave_one_out(images: str, scores: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """Return what would be accepted without each expert: columns `WITHOUT`, one row for each.

    `refused_alone` counts what this expert refuses and all others accept, `undecided_alone` what
    they accept and it has no evidence on. The others' thresholds stay as they are, also where they
    were chosen together; `fraction` with its 95 % Wilson interval is of `accepted_without`.

    Args:
        images: What is judged, such as "samples" or "real".
        scores: Columns sample, expert, score.
        limits: What `verdicts.thresholds` returns.
    """
    stands, rows = standings(scores, limits), []
    for expert in limits["expert"]:
        others = (stands.drop(columns=expert) == KEPT).all(axis=1)
        own = stands.loc[others, expert].value_counts()
        accepted, refused, unknown = (int(own.get(v, 0)) for v in (KEPT, REJECTED, UNDECIDED))
        counts = accepted, int(others.sum()), refused, unknown, len(stands)
        rows.append((images, expert, *counts, *wilson(counts[1], len(stands))))
    return pd.DataFrame(rows, columns=list(WITHOUT))


def waterfall(
    samples: pd.DataFrame, verdicts: pd.DataFrame, scores: pd.DataFrame, limits: pd.DataFrame
) -> pd.DataFrame:
    """Return the steps from what was asked for to what is kept: columns step, lost, left.

    Each sample is lost once: where it cannot be drawn, repeats another, to the first expert (in
    the order of `limits`) that refuses it, or for lack of evidence. The last row is what is kept.

    Args:
        samples: Columns sample, status; one row for each request.
        verdicts: Columns sample, verdict, reason.
        scores: Columns sample, expert, score.
        limits: What `verdicts.thresholds` returns.
    """
    left = pd.Index(samples["sample"])
    rows: list[tuple[str, int, int]] = [("asked for", 0, len(left))]
    stands = standings(scores, limits).reindex(left)
    known = verdicts.set_index("sample").reindex(left)
    repeated = known["reason"].astype(str).str.startswith(f"{REPEATS} ")
    steps = {
        "could not be drawn": samples.set_index("sample")["status"].eq("failed"),
        "repeats another": repeated & known["verdict"].eq(REJECTED),
        **{f"refused by {expert}": stands[expert].eq(REJECTED) for expert in limits["expert"]},
        "lacks evidence": known["verdict"].eq(UNDECIDED),
    }
    for step, lost in steps.items():
        kept = left[~lost.reindex(left).fillna(False).to_numpy(bool)]
        rows.append((step, len(left) - len(kept), len(kept)))
        left = kept
    return pd.DataFrame(
        [*rows, ("kept", 0, int(known["verdict"].eq(KEPT).sum()))],
        columns=["step", "lost", "left"],
    )
