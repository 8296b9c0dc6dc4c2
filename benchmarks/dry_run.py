"""Time the planning of a large cohort: `snakemake --dry-run all` on a table of many images."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def main(count: int) -> None:
    """Print wall time and peak memory of one dry run."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["cohorts"]["site_a"] = {"table": "cases.tsv", "batch": 100}
    config["recipes"]["artasyn"] |= {"sample": {"count": count}, "batch": 200}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "benchmarks").symlink_to(ROOT / "benchmarks")  # where its bundle lies
        (folder / "images").mkdir()
        rows = ["case\tpatient\timage"]
        for number in range(count):
            (folder / f"images/{number:06d}.png").touch()
            rows.append(f"c{number:06d}\tp{number:06d}\timages/{number:06d}.png")
        (folder / "cases.tsv").write_text("\n".join(rows) + "\n")
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-n", "-q", "all"]
        begun = time.monotonic()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        wall = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    sys.stdout.write("| cases | wall s | peak MB |\n|---|---|---|\n")
    sys.stdout.write(f"| {count} | {wall:.1f} | {peak:.0f} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
