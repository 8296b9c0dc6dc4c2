"""What sacct recorded is judged: a cluster run passes only when every job is where it belongs."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parent / "slurm/evidence.py"
PROFILE = """
default-resources: {slurm_partition: cpu}
set-resources:
  train: {slurm_partition: gpu}
  other: {mem_mb: 1}
"""


@pytest.fixture(scope="module")
def evidence():
    spec = importlib.util.spec_from_file_location("evidence", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def job(rule, **fields):
    gpu = "cpu=1,gres/gpu=1,mem=9M" if rule == "train" else "cpu=1,mem=9M"
    made = {"JobID": "1", "Comment": f"rule_{rule}_wildcards_a", "AllocTRES": gpu}
    where = "gpu" if rule == "train" else "cpu"
    return made | {"Partition": where, "State": "COMPLETED"} | fields


def test_the_rules_of_the_gpu_partition_are_read_from_the_profile(evidence):
    assert evidence.gpu_rules(PROFILE) == {"train"}


def test_jobs_that_end_where_they_belong_raise_no_complaint(evidence):
    assert evidence.complaints([job("train"), job("judge")], {"train"}) == []


def test_no_job_at_all_is_no_evidence(evidence):
    assert evidence.complaints([], {"train"})


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED by 0"])
def test_a_job_that_did_not_complete_is_a_complaint(evidence, state):
    (said,) = evidence.complaints([job("train"), job("judge", State=state)], {"train"})
    assert state in said


def test_a_gpu_rule_in_the_wrong_partition_is_a_complaint(evidence):
    (said,) = evidence.complaints([job("train", Partition="cpu")], {"train"})
    assert "partition cpu, not gpu" in said


def test_a_gpu_rule_without_a_gpu_is_a_complaint(evidence):
    assert evidence.complaints([job("train", AllocTRES="cpu=1")], {"train"})


def test_a_gpu_that_nobody_asked_for_is_a_complaint(evidence):
    jobs = [job("train"), job("judge", AllocTRES="cpu=1,gres/gpu=1")]
    assert len(evidence.complaints(jobs, {"train"})) == 1


def test_a_run_without_any_gpu_rule_proves_nothing_about_gpus(evidence):
    assert evidence.complaints([job("judge")], {"train"})


def test_a_rule_whose_name_begins_like_another_is_not_mistaken_for_it(evidence):
    named = job("judge", Comment="rule_train_more_wildcards_a")
    assert evidence.complaints([job("train"), named], {"train"}) == []
