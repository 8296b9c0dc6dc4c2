"""Show what sacct recorded of a run, and fail where it is not what the profile promises.

Every job must have completed; jobs of the rules that the profile sends to the partition `gpu` must
have run there with a GPU allocated, all others in `cpu` without one.
"""

import csv
import subprocess
import sys
from pathlib import Path

import yaml

FIELDS = ["JobID", "Comment", "Partition", "AllocTRES", "State", "Elapsed"]


def gpu_rules(profile: str) -> set[str]:
    """Return the rules that a profile (YAML text) sends to the partition `gpu`."""
    rules = yaml.safe_load(profile).get("set-resources", {})
    return {name for name, asked in rules.items() if asked.get("slurm_partition") == "gpu"}


def rule_of(job: dict[str, str], rules: set[str]) -> str:
    """Return which of these rules a job ran, by the executor's comment, or ""."""
    comment = job["Comment"].removeprefix("rule_").split("_wildcards_")[0]
    return comment if comment in rules else ""


def complaints(jobs: list[dict[str, str]], on_gpu: set[str]) -> list[str]:
    """Return one sentence for each thing that is not as promised; none is good."""
    said = [] if jobs else ["sacct knows of no job"]
    for job in jobs:
        name = f"job {job['JobID']} ({job['Comment']})"
        wanted = "gpu" if rule_of(job, on_gpu) else "cpu"
        if job["State"] != "COMPLETED":
            said.append(f"{name} ended {job['State']}, not COMPLETED")
        if job["Partition"] != wanted:
            said.append(f"{name} ran in partition {job['Partition']}, not {wanted}")
        if ("gres/gpu=1" in job["AllocTRES"].split(",")) != (wanted == "gpu"):
            said.append(f"{name} got {job['AllocTRES']!r}, partition {wanted}")
    if jobs and not any(rule_of(job, on_gpu) for job in jobs):
        said.append(f"no job of a GPU rule was seen: {', '.join(sorted(on_gpu))}")
    return said


def recorded() -> list[dict[str, str]]:
    """Return all jobs that sacct knows, one row each."""
    command = ["sacct", "-X", "-P", "-a", f"--format={','.join(FIELDS)}"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(text.splitlines(), delimiter="|"))


def main(profile: Path) -> int:
    """Print the table, then every complaint; return how many complaints there are."""
    jobs = recorded()
    widths = [max([len(field), *(len(job[field]) for job in jobs)]) for field in FIELDS]
    for row in [dict(zip(FIELDS, FIELDS, strict=True)), *jobs]:
        cells = (row[field].ljust(width) for field, width in zip(FIELDS, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    found = complaints(jobs, gpu_rules(profile.read_text()))
    done = sum(job["State"] == "COMPLETED" for job in jobs)
    sys.stdout.write("\n".join([*found, f"{done} of {len(jobs)} jobs COMPLETED", ""]))
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
