"""Every sample as a small picture that can be put in the order of a score, without a script.

A radio button chooses the order; the style sheet holds the place of each sample in each. All
pictures lie in one sheet (`thumbnails`), of which each sample shows its part.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from radfoundry.report import thumbnails
from radfoundry.report.scorecard.formatting import NOT_AVAILABLE, shown

DRAWN, BY_VERDICT = "as drawn", "verdict"
VERDICTS = {"rejected": "refused", "undecided": "open", "kept": "kept"}  # in the order shown


def strip(
    number: int, samples: pd.DataFrame, verdicts: pd.DataFrame, scores: pd.DataFrame, sheet: bytes
) -> dict[str, Any]:
    """Return what the page shows of every sample of a recipe; {} without pictures.

    Args:
        number: Of the recipe on the page: ids start with it.
        samples: Columns sample, status, of all samples in the order of the sheet.
        verdicts: Columns sample, verdict.
        scores: Columns sample, expert, score.
        sheet: WebP, as `thumbnails.sheet` makes it.
    """
    drawn = samples.loc[samples["status"] == "ok", "sample"] if len(samples) else samples
    names = list(drawn)[: thumbnails.MOST]
    if not names or not sheet:
        return {}
    side, columns = thumbnails.side_of(len(names)), thumbnails.columns_of(len(names))
    table = scores.pivot_table(index="sample", columns="expert", values="score", dropna=False)
    table = table.reindex(index=names, columns=list(pd.unique(scores["expert"])))
    decided = verdicts.set_index("sample")["verdict"].reindex(names).fillna("undecided")
    keys = [DRAWN, BY_VERDICT, *table.columns]
    items = [
        {
            "id": f"t{number}-{n}",
            "view": f"{n % columns * side} {n // columns * side} {side} {side}",
            "verdict": verdict,
            "word": VERDICTS[verdict],
            "name": name,
            "scores": [(k, _score(table.at[name, key])) for k, key in enumerate(keys) if k > 1],
        }
        for n, (name, verdict) in enumerate(zip(names, decided, strict=True))
    ]
    return {
        "number": number,
        "keys": keys,
        "orders": [_order(key, table, list(decided)) for key in keys],
        "items": items,
        "left_out": len(drawn) - len(names),
        "wide": columns * side,
        "high": -(-len(names) // columns) * side,
        "sheet": base64.b64encode(sheet).decode(),
    }


def css(strips: Sequence[Mapping[str, Any]]) -> str:
    """Return the style that puts each sample in its place in each order of each strip."""
    lines = []
    for one in strips:
        for k, order in enumerate(one["orders"]):
            chosen = f"#s{one['number']}-{k}:checked~ol"
            lines.append(f"{chosen} .k{k}{{display:block}}")
            lines += [f"{chosen}>#t{one['number']}-{n}{{order:{place}}}"
                      for n, place in enumerate(order) if k]  # fmt: skip
    return "\n".join(lines)


def _order(key: str, table: pd.DataFrame, decided: Sequence[str]) -> list[int]:
    """Return the place of each sample: lowest score first, those without one last."""
    if key == DRAWN:
        return list(range(len(table)))
    words = list(VERDICTS)
    values = pd.Series([words.index(v) for v in decided]) if key == BY_VERDICT else table[key]
    ranks = values.reset_index(drop=True).rank(method="first", na_option="bottom")
    return [int(rank) for rank in ranks]


def _score(value: Any) -> str:
    return NOT_AVAILABLE if pd.isna(value) else shown(float(value))
