"""Time the embedded default from nothing, or say where the seconds of a run of it went.

`python benchmarks/demo.py` runs `snakemake --cores 2 all` in a folder of its own. With a run's
folder of logs and a page, docs/performance.md, it writes what each rule cost into the page's last
part: `python benchmarks/demo.py logs docs/performance.md`.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks/versus"), str(ROOT / "src")]


def timed() -> None:
    """Print wall time, CPU time and the memory of the largest process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(ROOT / "config.yaml", name)
        Path(name, "benchmarks").symlink_to(ROOT / "benchmarks")  # where its bundle lies
        command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-c", "2", "all"]
        begun = time.monotonic()
        subprocess.run(command, cwd=name, check=True, capture_output=True, env=environment)
        wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20
    sys.stdout.write("| wall s | CPU s | largest process GB |\n|---|---|---|\n")
    sys.stdout.write(f"| {wall:.0f} | {cpu:.0f} | {peak:.2f} |\n")


def told(logs: str, name: str) -> None:
    """Write the costs of the run that left these logs into a page, in place of its last part."""
    import page

    from radfoundry.report import costs

    jobs, path = costs.of_run(logs), Path(name)
    if jobs.empty:
        raise SystemExit(f"{logs}: allowed: a folder of a run's logs")
    before = path.read_text().removesuffix(page.last_part(path))
    words = (
        f"By `python benchmarks/demo.py {Path(logs).name} {name}` on {datetime.now(UTC).date()},"
        " after `make demo`. CPU seconds are the jobs' own account, those of the interpreter's"
        " start and of imports among them; memory is what Snakemake saw. Two jobs run at a time."
    )
    path.write_text(f"{before.rstrip()}\n\n{page.DEMO}\n\n{words}\n\n{costs.text(jobs)}")


if __name__ == "__main__":
    told(*sys.argv[1:]) if len(sys.argv) > 1 else timed()
