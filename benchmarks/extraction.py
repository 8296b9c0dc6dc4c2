"""Lesions per second of our radiomics and of the `pyradiomics` command, on the same files.

python benchmarks/extraction.py [CASES]: volumes of 128^3 at 1 mm, each with a lesion of 30 mm.
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry import radiomics, volume
from radfoundry.volume import Volume

SIDE, DIAMETER_MM, WORKERS = 128, 30, 2
FEW, REPEATS = 2, 2  # lesions of a run that is all start-up; runs of which the best is kept
OWN = f"ours, {WORKERS} workers"
PARAMETERS = """
imageType: {Original: {}}
featureClass: {shape: , firstorder: , glcm: , glrlm: , glszm: , gldm: , ngtdm: }
setting: {binWidth: 25, interpolator: null, additionalInfo: false}
"""


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return correlated noise in whole HU, and a lobed lesion of the given diameter."""
    voxels = ndimage.gaussian_filter(rng.normal(0, 800, (SIDE,) * 3), 1.5).astype(np.int16)
    center = rng.uniform(DIAMETER_MM, SIDE - DIAMETER_MM, 3)
    grid = np.moveaxis(np.indices(voxels.shape), 0, -1) - center
    lobes = 1 + 0.1 * np.sin(grid / 4).sum(-1) / 3
    return voxels, np.linalg.norm(grid, axis=-1) < DIAMETER_MM / 2 * lobes


def write_cases(folder: Path, count: int) -> list[tuple[str, str, str]]:
    """Write images, masks and the command's table; return case, image and mask."""
    rng, rows = np.random.default_rng(0), []
    for number in range(count):
        voxels, lesion = drawn(rng)
        paths = [str(folder / f"{number:03d}_{part}.nii.gz") for part in ("image", "mask")]
        for path, content in zip(paths, (voxels, lesion), strict=True):
            volume.write(Volume(content, np.eye(4)), path)
        rows.append((f"c{number:03d}", *paths))
    (folder / "parameters.yaml").write_text(PARAMETERS)
    return rows


def write_table(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """Write what the command reads its cases from."""
    with (folder / "cases.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("ID", "Image", "Mask"), *rows])


def read_case(image: str, mask: str) -> tuple[Volume, dict[str, np.ndarray]]:
    """Return a case as a worker reads it."""
    return volume.read(image), {"tumour_core": volume.read(mask).voxels == 1}


def ours(folder: Path) -> None:
    """Measure the cases of a folder in worker processes and write ours.csv."""
    rows = pd.read_csv(folder / "cases.csv")
    loads = {row.ID: partial(read_case, row.Image, row.Mask) for row in rows.itertuples()}
    frame = radiomics.extract_cases(loads, {"binWidth": 25}, WORKERS)
    frame.to_csv(folder / "ours.csv", index=False)


def timed(command: list[str]) -> tuple[float, float]:
    """Return the wall seconds and CPU seconds of a command with all its children."""
    threads = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | threads, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, sum(after[:2]) - sum(before[:2])


def peers(folder: Path, jobs: int) -> list[str]:
    """Return the command line of pyradiomics."""
    program = str(Path(sys.executable).with_name("pyradiomics"))
    files = [str(folder / "cases.csv"), "-o", str(folder / f"peer{jobs}.csv"), "-f", "csv"]
    how = ["-p", str(folder / "parameters.yaml"), "-j", str(jobs), "-v", "1"]
    return [program, *files, *how]


def difference(folder: Path) -> tuple[float, int]:
    """Return the largest relative difference from the command, and over how many values."""
    mine = pd.read_csv(folder / "ours.csv", index_col="case")
    # the command adds its rows again at every run
    other = pd.read_csv(folder / "peer1.csv").drop_duplicates("ID").set_index("ID")
    names = list(radiomics.vector_names(3))
    a, b = mine[names].to_numpy(float), other.loc[mine.index, names].to_numpy(float)
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1e-12)).max()), a.size


def alone(rows: list[tuple[str, str, str]]) -> float:
    """Return the median CPU seconds of one lesion in memory, in this process."""
    spent = []
    for _, image, mask in rows[:8]:
        image, masks = read_case(image, mask)
        begun = time.process_time()
        radiomics.extract_many(image, masks, {"binWidth": 25})
        spent.append(time.process_time() - begun)
    return float(np.median(spent))


def measured(folder: Path, rows: list, commands: dict[str, list[str]]) -> dict[str, list[float]]:
    """Return of each command: wall and CPU seconds of all cases, and wall seconds of FEW."""
    found: dict[str, list[float]] = {}
    for count in (FEW, len(rows)):
        write_table(folder, rows[:count])
        for title, command in commands.items():
            # taken in turns and the best kept, since others may use the machine
            found[title] = [*min(timed(command) for _ in range(REPEATS)), *found.get(title, [])]
    return found


def report(found: dict[str, list[float]], count: int) -> list[str]:
    """Return the table, and how many times faster ours is."""
    lines = ["| command | wall s | CPU s | lesions per second | after start-up | CPU s a lesion |"]
    lines.append("|---|---|---|---|---|---|")
    rates = {}
    for title, (wall, cpu, few_wall, few_cpu) in found.items():
        each = (cpu - few_cpu) / (count - FEW)
        cores = WORKERS if title == OWN else 1
        rates[title] = count / wall, (count - FEW) / (wall - few_wall), cores / each
        shown = f"{wall:.2f} | {cpu:.2f} | {rates[title][0]:.1f} | {rates[title][1]:.1f}"
        lines.append(f"| {title} | {shown} | {each:.3f} |")
    own = rates.pop(OWN)
    times = [own[n] / max(rate[n] for rate in rates.values()) for n in range(3)]
    lines.append(f"\n{count} lesions: {times[0]:.1f} times the better command as a whole,")
    lines.append(f"{times[1]:.1f} times after start-up, {times[2]:.1f} times by CPU seconds after")
    lines.append("start-up: what free cores give, one to the command and two to our workers.")
    return lines


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = write_cases(folder, count)
        commands = {f"pyradiomics -j {jobs}": peers(folder, jobs) for jobs in (1, 2)}
        commands[OWN] = [sys.executable, __file__, "--ours", name]
        lines = report(measured(folder, rows, commands), count)
        apart, values = difference(folder)
        lines.append(f"{values} values differ by at most {apart:.1e} (relative).")
        lines.append(f"One lesion in memory, in this process: {alone(rows):.3f} CPU s (median).")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    ours(Path(sys.argv[2])) if sys.argv[1:2] == ["--ours"] else main()
