"""Time `snakemake --cores 2 all` on the embedded default, from nothing, in a folder of its own."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
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


if __name__ == "__main__":
    main()
