"""The cluster profile fits the rules, and keeps clear of what is known to lose or hang jobs."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROFILE = yaml.safe_load((ROOT / "slurm/profile.yaml").read_text())
RULES = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("[1-9]_*.smk"))
SNAKEMAKE_MB = 350  # Snakemake itself, inside every job


def rules():
    """Return the text of every rule by its name; one that uses another has that one's too."""
    found = {}
    stated = r"^(?:use rule (\w+) as|rule) (.*?)(?=^\S|\Z)"
    for used, text in re.findall(stated, RULES, re.M | re.S):
        found[re.match(r"\w+", text)[0]] = text + found.get(used, "")
    return found


def resources():
    return [PROFILE["default-resources"], *PROFILE["set-resources"].values()]


def test_a_rule_runs_in_the_gpu_partition_exactly_when_it_asks_for_a_gpu():
    asking = {name for name, text in rules().items() if re.search(r"\bgpu=1", text)}
    sent = {n for n, r in PROFILE["set-resources"].items() if r.get("slurm_partition") == "gpu"}
    assert asking == sent


def test_a_rule_whose_script_takes_the_device_of_its_job_asks_for_a_gpu_or_may():
    scripts = {path.stem: path.read_text() for path in (ROOT / "scripts").glob("[!_]*.py")}
    for name, text in rules().items():
        script = re.search(r"scripts/(\w+)\.py", text)
        own_twin = f"{name}_on_gpu" in rules()  # the same script, where there is a GPU
        if script and not own_twin and "device(job)" in scripts[script[1]]:
            assert re.search(r"\bgpu=", text), name


def test_the_profile_speaks_of_existing_rules_alone():
    assert set(PROFILE["set-resources"]) <= set(rules())


@pytest.mark.parametrize("key", ["mem_mb", "runtime"])
def test_a_second_attempt_gets_more(key):
    for asked in (asked for asked in resources() if key in asked):
        first, second = (eval(asked[key], {"attempt": attempt}) for attempt in (1, 2))
        assert second > first


def test_every_job_has_room_for_snakemake_and_its_payload():
    for asked in (asked for asked in resources() if "mem_mb" in asked):
        assert eval(asked["mem_mb"], {"attempt": 1}) >= 2 * SNAKEMAKE_MB


def test_retries_stand_in_the_profile_alone():
    assert PROFILE["retries"] >= 1
    assert not re.search(r"^\s+retries:", RULES, re.M)


def test_jobs_are_never_submitted_as_an_array():
    assert not any("array" in key for key in PROFILE)


def test_a_job_cancelled_from_outside_is_noticed():
    assert PROFILE["slurm-status-command"] == "squeue"


def test_ten_minutes_without_a_controller_are_survived():
    assert PROFILE["slurm-status-attempts"] / PROFILE["max-status-checks-per-second"] >= 600


def test_every_line_of_the_profile_says_why():
    text = (ROOT / "slurm/profile.yaml").read_text()
    for line in text.split("default-resources:")[0].splitlines():
        assert not line or "#" in line, line


def test_a_job_takes_one_core_so_that_any_node_can_take_it():
    assert set(re.findall(r"^\s+threads: (\d+)", RULES, re.M)) <= {"1"}
