"""Images to labels: the factory against a plain serial script, one process per case and stage."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import harness

TITLE = "24 CT and 48 films, files to labels"
PEER = "a serial script of the same library functions, one process per case and stage"
PAIRS = 1
FULL, SMALL = {"films": 48, "ct": 24}, {"films": 1, "ct": 1}
CLAIMS = (
    harness.ratio("wall of the script over the factory", "wall_s", 5),
    harness.ratio("CPU of the script over the factory", "cpu_s", None),
)
SEGMENTERS = {"films": "pbtseg", "ct": "threshold"}
OPTIONS = {"films": {"size": 64}, "ct": {"grid": [64, 64, 64]}}
MODALITIES = {"films": "CXR", "ct": "CT"}


def prepare(folder: Path, small: bool) -> None:
    """Draw phantoms into files, as if they came from a hospital."""
    import numpy as np

    from radfoundry import volume
    from radfoundry.config.catalogue import load

    counts = SMALL if small else FULL
    (folder / "cases.json").write_text(json.dumps(counts))
    for name, kind in (("films", "chest_xray"), ("ct", "chest_ct")):
        phantom = load("phantoms", kind)
        asked = {**phantom.OPTIONS, "patients": counts[name], "exams": [1, 1], "size": 64}
        rows = ["case\tpatient\timage"]
        planned = phantom.plan(asked, np.random.default_rng(5))["parameters"]
        for number, text in enumerate(planned):
            image = phantom.draw(json.loads(text)).image
            case, path = f"c{number}", folder / f"ours/{name}_{number}"
            if name == "ct":
                path = path.with_suffix(".nii.gz")
                volume.write(image.holding(volume.to_int16(image.voxels)), path)
            else:
                path = path.with_suffix(".png")
                volume.write_picture(volume.picture(image.voxels), path)
            rows.append(f"{case}\tp{number}\t{path.name}")
        (folder / f"ours/{name}.tsv").write_text("\n".join(rows) + "\n")


def ours(folder: Path) -> None:
    """Run the workflow from nothing to labels."""
    import shutil

    from bars import _factory

    counts = json.loads((folder / "cases.json").read_text())
    cohorts = {
        name: {
            "table": f"{name}.tsv",
            "modality": MODALITIES[name],
            "preprocess": OPTIONS[name],
            "pseudolabel": SEGMENTERS[name],
            "splits": {"duplicates": "ignore"},
            "batch": max(1, counts[name] // 2),  # one job per core
        }
        for name in counts
    }
    shutil.rmtree(folder / "ours/results", ignore_errors=True)
    shutil.rmtree(folder / "ours/.snakemake", ignore_errors=True)
    _factory.write(folder / "ours", _factory.config(cohorts))
    _factory.run(folder / "ours", "pseudolabel")


def script(folder: Path) -> None:
    """Start a process for each case and each stage, one after the other."""
    for name, count in json.loads((folder / "cases.json").read_text()).items():
        for number in range(count):
            for stage in ("preprocess", "segment"):
                code = (
                    f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path;"
                    f"from bars import end_to_end;"
                    f"end_to_end.{stage}(Path({str(folder)!r}), {name!r}, {number})"
                )
                subprocess.run([sys.executable, "-c", code], check=True)


def preprocess(folder: Path, name: str, number: int) -> None:
    """Bring one case onto its grid."""
    from radfoundry import volume
    from radfoundry.data import gate, preprocess

    ending, modality = (".png" if name == "films" else ".nii.gz"), MODALITIES[name]
    raw = gate.read(folder / f"ours/{name}_{number}{ending}", None, modality)
    if name == "films":
        ready, _ = preprocess.radiograph(raw, OPTIONS[name])
    else:
        ready, _ = preprocess.volumetric(raw, modality, OPTIONS[name])
        ready = ready.holding(volume.to_int16(ready.voxels))
    volume.write(ready, folder / f"script/{name}_{number}.nii.gz")


def segment(folder: Path, name: str, number: int) -> None:
    """Label one case."""
    from radfoundry import volume
    from radfoundry.config.catalogue import load

    image = volume.read(folder / f"script/{name}_{number}.nii.gz")
    labels = load("segmenters", SEGMENTERS[name]).prepare({})(image)
    volume.write(image.holding(labels), folder / f"script/{name}_{number}_labels.nii.gz")


SIDES = {"ours": ours, "script": partial(script)}


def equal(folder: Path) -> str:
    """Compare the digests of all label maps.

    Raises:
        UnequalError: One differs.
    """
    from bars import _factory

    from radfoundry import volume

    total = 0
    for name, count in json.loads((folder / "cases.json").read_text()).items():
        place = f"cohorts/{name}/labels/{SEGMENTERS[name]}/b*.tsv"
        found = _factory.digests(folder / "ours", place, "sha256")
        wanted = {
            f"c{n}": volume.sha256(folder / f"script/{name}_{n}_labels.nii.gz")
            for n in range(count)
        }
        if found != wanted:
            raise harness.UnequalError(f"{name}: label maps differ")
        total += count
    return f"sha256 of the label maps of all {total} cases"
