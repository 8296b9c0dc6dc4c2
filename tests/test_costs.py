"""What a run cost: Snakemake's benchmarks of jobs, summed by stage and rule."""

import subprocess
import sys
from pathlib import Path

import pytest

from radfoundry.__main__ import main
from radfoundry.report import costs, page

ROOT = Path(__file__).parents[1]
HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
JOBS = {
    "train/train_network/xreal/text": "100.0\t0:01:40\t2000.0\t1\t1\t1\t0\t0\t90\t90.0",
    "train/train_network/xreal/diffusion": "300.0\t0:05:00\t3500.0\t1\t1\t1\t0\t0\t90\t280.0",
    "train/encode_cases/films/b0000": "0.2\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA",
    "publish/write_report": "20.0\t0:00:20\t900.0\t1\t1\t1\t0\t0\t90\t18.0",
    "preprocess/plan_cohort/films": "4.0\t0:00:04\t180.0\t1\t1\t1\t0\t0\t90\t2.0",
}


FILES = {f"{job}.cost.tsv": f"{HEAD}{row}\n" for job, row in JOBS.items()}


@pytest.fixture
def logs(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_jobs_are_summed_by_rule_in_the_order_of_the_stages():
    rules = costs.summed(costs.read(FILES, {}), "rule", ["train_network"])
    told = rules.set_index("rule")
    assert list(told.index) == ["plan_cohort", "encode_cases", "train_network", "write_report"]
    trained = told.loc["train_network"]
    assert trained[["jobs", "wall_seconds", "cpu_seconds"]].tolist() == [2, 400, 370]
    assert trained["peak_gb"] == 3.5, "of the largest job"
    assert told["gpu_seconds"].tolist() == [0, 0, 400, 0]


def test_a_job_too_short_to_be_measured_has_a_wall_time_and_no_memory():
    short = costs.read(FILES, {}).set_index("rule").loc["encode_cases"]
    assert short["wall_seconds"] == 0.2
    assert short[["cpu_seconds", "peak_gb"]].isna().all()


def test_what_a_job_itself_says_it_spent_goes_before_what_was_seen_of_it(tmp_path):
    name, log = "train/train_network/xreal/text", tmp_path / "text.log"
    busy = f"""
import sys
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT / "scripts")!r})
import _job
_job.start(SimpleNamespace(log=[{str(log)!r}]))
"""
    subprocess.run([sys.executable, "-c", busy], check=True, timeout=300)
    seen = costs.read(
        {f"{name}.cost.tsv": FILES[f"{name}.cost.tsv"]}, {f"{name}.log": log.read_text()}
    )
    assert 0 < seen["startup_seconds"].item() <= seen["cpu_seconds"].item() < 60, "not the 90 seen"
    assert seen["peak_gb"].item() == 2.0


def test_a_job_too_short_to_be_seen_has_what_it_says_itself():
    said = "12:00:00 spent: 1.25 CPU s, 0.75 of them before it began\n"
    own = {"train/encode_cases/films/b0000.log": said}
    short = costs.read(FILES, own).set_index("rule").loc["encode_cases"]
    assert short[["cpu_seconds", "startup_seconds"]].tolist() == [1.25, 0.75]


def test_the_page_shows_every_stage_and_its_rules():
    html = page.render({"costs": costs.read(FILES, {}), "on_gpu": ["train_network"]})
    part = html[html.index('id="costs"') : html.index('id="provenance"')]
    assert (
        part.index("<b>preprocess</b>") < part.index("<b>train</b>") < part.index("train_network")
    )
    assert '<td class="number">400</td>' in part
    assert "nan" not in part.lower()


def test_the_command_says_the_dearest_rule_first_and_the_sum(logs, capsys):
    (logs / "publish/write_report.log").write_text(
        "12:00:00 spent: 19.00 CPU s, 4.00 of them before it began\n"
    )
    (logs / "publish/other.log").write_bytes(b"\xff nobody reads this")
    assert main(["costs", str(logs)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[2] == "| train | train_network | 2 | 400 | 370 | 0 | 3.50 |"
    assert said[-1] == "| all |  | 5 | 424 | 391 | 4 | 3.50 |"


def test_a_folder_without_benchmarks_is_refused(tmp_path, capsys):
    assert main(["costs", str(tmp_path)]) == 2
    assert "allowed: a folder with .cost.tsv of jobs" in capsys.readouterr().err


def test_a_file_that_is_no_benchmark_is_named():
    with pytest.raises(ValueError, match=r"train/x/wrong\.cost\.tsv: columns case, dice; allowed"):
        costs.read({"train/x/wrong.cost.tsv": "case\tdice\n1\t.9\n"}, {})
