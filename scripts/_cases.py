"""Which cases and samples there are: tables under results/, and how a script joins them."""

import json
import logging
from collections.abc import Sequence

import pandas as pd

from radfoundry import tables


def joined(paths: Sequence[str], kind: str) -> pd.DataFrame:
    """Return the batches' tables as one, each row with the folder that holds its files."""
    if not paths:
        return pd.DataFrame(columns=[*tables.columns(kind), "folder"])
    parts = [tables.read(path, kind).assign(folder=path.removesuffix(".tsv")) for path in paths]
    return pd.concat(parts, ignore_index=True)


def read_all(paths: Sequence[str], kind: str) -> pd.DataFrame:
    """Return tables of one kind as one; without any, an empty table."""
    parts = [tables.read(path, kind) for path in paths]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(tables.columns(kind)))


def of(name: str, paths: Sequence[str]) -> list[str]:
    """Return the paths that belong to a cohort or a recipe, whatever others are called."""
    own = (f"results/cohorts/{name}/", f"results/recipes/{name}/")
    return [path for path in paths if path.startswith(own)]


def reports_of(plans: Sequence[str]) -> dict[str, str]:
    """Return the report of every case of a cohort, from its table of cases."""
    frame = read_all(plans, "cases")
    return dict(zip(frame["case"], frame["report"], strict=True)) if "report" in frame else {}


def splits_of(paths: Sequence[str]) -> dict[str, str]:
    """Return the split of every case."""
    frame = read_all(paths, "splits")
    return dict(zip(frame["case"], frame["split"], strict=True))


def trusted(rows: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Return the rows of cases none of whose labels failed: nothing learns or starts from those.

    Args:
        rows: Of any table with the column `case`.
        labels: Batch tables of pseudolabel; where there are none, readers' maps are trusted.

    Raises:
        ValueError: No case is left.
    """
    structures = joined(labels, "labels")
    failed = set(structures.loc[structures["status"] == "failed", "case"])
    kept = rows[~rows["case"].isin(failed)]
    if len(rows) and not len(kept):
        raise ValueError(f"labels failed in each of {rows['case'].nunique()} cases: none is usable")
    if len(kept) < len(rows):
        out = sorted(failed & set(rows["case"]))
        logging.warning("left out, for labels failed: %d cases (%s)", len(out), ", ".join(out[:5]))
    return kept


def kept_samples(samples: str, verdicts: str) -> pd.DataFrame:
    """Return the samples that the experts kept."""
    frame, decided = tables.read(samples, "samples"), tables.read(verdicts, "verdicts")
    return frame[frame["sample"].isin(decided.loc[decided["verdict"] == "kept", "sample"])]


def drawn_samples(samples: str) -> pd.DataFrame:
    """Return all samples that could be drawn, whatever experts say of them."""
    frame = tables.read(samples, "samples")
    return frame[frame["status"] == "ok"]


def prompted(samples: pd.DataFrame, requests: str) -> pd.DataFrame:
    """Return samples with the prompt of each, "" where its request has none."""
    asked = tables.read(requests, "requests").set_index("request")["parameters"]
    prompts = [str(json.loads(asked[name]).get("prompt", "")) for name in samples["sample"]]
    return samples.assign(prompt=prompts)


def samples_of(given) -> dict[str, pd.DataFrame]:
    """Return the samples that may teach a model: kept ones, all (column `kept`), the null arm's.

    Args:
        given: Inputs of a job: samples, verdicts, requests; untrained and untrained_requests, lists
            of one path or none.
    """
    kept, drawn = kept_samples(given.samples, given.verdicts), drawn_samples(given.samples)
    drawn = drawn.assign(kept=drawn["sample"].isin(kept["sample"]))
    found = {"samples": (kept, given.requests), "unfiltered": (drawn, given.requests)}
    for samples, requests in zip(given.untrained, given.untrained_requests, strict=True):
        found["untrained"] = (drawn_samples(samples), requests)
    return {name: prompted(*own) for name, own in found.items()}


def summarize(frame: pd.DataFrame, column: str) -> None:
    """Log how often each value occurs."""
    logging.info("%s: %s", column, frame[column].value_counts().to_dict())
