"""What a run cost: Snakemake's benchmarks of its jobs, summed by stage and by rule.

Snakemake looks at a job every half second at first and every 30 s later, so the processor time that
it has seen may lack the last 30 s: a job's own account, the last line of its log, goes before. A
job that ran again replaced its own figures; one that ended before it could be measured and that
left no account has a wall time alone.
"""

import csv
import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from radfoundry import tables

ENDING = ".cost.tsv"
FILES = f"*/**/*{ENDING}"  # below the folder of logs
SPENT = re.compile(r"spent: ([\d.]+) CPU s, ([\d.]+) of them before it began$", re.MULTILINE)
COLUMNS = ("stage", "rule", "job", "wall_seconds", "cpu_seconds", "startup_seconds", "peak_gb")
MEASURED = {"s": "wall_seconds", "cpu_time": "cpu_seconds", "max_rss": "peak_gb"}
MB_IN_GB = 1000
# In the order of the stages; a stage that is not named here comes last.
STAGES = (
    "preprocess", "pseudolabel", "radiomics", "train", "sample", "filter", "evaluate", "publish",
)  # fmt: skip


def of_run(folder: str) -> pd.DataFrame:
    """Return what each job cost whose log lies below a run's folder of logs: see `read`."""
    files, logs = tables.texts(folder, FILES), dict[str, str]()
    for name in files:
        logs |= tables.texts(folder, _log_of(name))
    return read(files, logs)


def read(files: Mapping[str, str], logs: Mapping[str, str]) -> pd.DataFrame:
    """Return what each job cost, one row each.

    Args:
        files: Names "stage/rule/job.cost.tsv", or "stage/rule.cost.tsv", to texts.
        logs: The jobs' logs, "stage/rule/job.log" to texts; those without an account may lack.

    Returns:
        `COLUMNS`; startup_seconds are CPU seconds of the interpreter's start and the imports, and
        peak_gb is the most that the job's processes were seen to hold together. The last is NaN
        where the job ended before anybody looked, startup_seconds where it left no account, and
        cpu_seconds where both are.

    Raises:
        ValueError: If a file is not a benchmark of Snakemake's.
    """
    rows = [_row(name, files[name], logs.get(_log_of(name), "")) for name in sorted(files)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _log_of(name: str) -> str:
    return f"{name.removesuffix(ENDING)}.log"


def _row(name: str, text: str, log: str) -> dict[str, Any]:
    stage, rule, *rest = name.removesuffix(ENDING).split("/")  # a rule of one job has no more
    first = next(csv.DictReader(text.splitlines(), delimiter="\t"), {})
    if not set(MEASURED) <= set(first):
        raise ValueError(
            f"{name}: columns {', '.join(first)}; allowed: a benchmark with {', '.join(MEASURED)}"
        )
    seen = {new: pd.to_numeric(first[old], errors="coerce") for old, new in MEASURED.items()}
    if told := SPENT.findall(log):
        seen["cpu_seconds"], seen["startup_seconds"] = map(float, told[-1])
    seen["peak_gb"] /= MB_IN_GB
    return {"stage": stage, "rule": rule, "job": "/".join(rest), **seen}


def summed(jobs: pd.DataFrame, by: str, on_gpu: Collection[str] = ()) -> pd.DataFrame:
    """Return the costs by `stage` or by `rule`, in the order of the stages.

    Args:
        jobs: What `read` returned.
        by: "stage" or "rule".
        on_gpu: Rules that ask for a GPU.

    Returns:
        Columns stage, rule (where it is asked for), jobs, wall_seconds, cpu_seconds,
        startup_seconds, peak_gb (the largest job's) and gpu_seconds: wall seconds of jobs that ask
        for a GPU, had or not.
    """
    order = {name: number for number, name in enumerate(STAGES)}
    own = jobs.assign(
        gpu_seconds=jobs["wall_seconds"].where(jobs["rule"].isin(list(on_gpu)), 0.0),
        order=jobs["stage"].map(order).fillna(len(order)),
    )
    keys = ["order", *dict.fromkeys(("stage", by))]
    sums = own.groupby(keys, as_index=False).agg(
        jobs=("job", "size"), wall_seconds=("wall_seconds", "sum"),
        cpu_seconds=("cpu_seconds", "sum"), startup_seconds=("startup_seconds", "sum"),
        peak_gb=("peak_gb", "max"),
        gpu_seconds=("gpu_seconds", "sum"),
    )  # fmt: skip
    return sums.drop(columns="order")


def section(jobs: pd.DataFrame, on_gpu: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the stages' costs as words for the page, each with its rules'; [] of no job."""
    if jobs.empty:
        return []
    rules = summed(jobs, "rule", on_gpu)
    stages = summed(jobs, "stage", on_gpu).to_dict("records")
    return [
        {"of": _words(stage), "rules": [
            _words(rule) for rule in rules[rules["stage"] == stage["stage"]].to_dict("records")
        ]}
        for stage in stages
    ]  # fmt: skip


def _words(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a row as the page shows it: times as whole seconds, memory to a tenth of a GB."""
    times = {name: round(row[name]) for name in row if str(name).endswith("_seconds")}
    peak = None if pd.isna(row["peak_gb"]) else round(row["peak_gb"], 1)
    return {**row, **times, "peak_gb": peak}


def text(jobs: pd.DataFrame) -> str:
    """Return the costs by rule as a Markdown table, the dearest rule first, and their sum."""
    rules = summed(jobs, "rule").sort_values("wall_seconds", ascending=False)
    names = ("stage", "rule", "jobs", "wall s", "CPU s", "of them start and imports", "peak GB")
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
    return head + "".join(
        f"| {row.stage} | {row.rule} | {row.jobs} | {row.wall_seconds:.0f} "
        f"| {row.cpu_seconds:.0f} | {row.startup_seconds:.0f} | {row.peak_gb:.2f} |\n"
        for row in [*rules.itertuples(), _all(rules)]
    )


def _all(rules: pd.DataFrame) -> Any:
    sums = rules[["jobs", "wall_seconds", "cpu_seconds", "startup_seconds"]].sum()
    own = {"stage": "all", "rule": "", "jobs": int(sums.pop("jobs")), **sums}
    return pd.Series(own | {"peak_gb": rules["peak_gb"].max()})
