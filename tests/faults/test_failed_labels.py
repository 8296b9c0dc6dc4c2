"""Nothing learns, and nothing is drawn, from a case whose labels failed."""

import logging
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import _lasting
import pandas as pd
import planted
import pytest
import train_network
from _cases import trusted

from radfoundry import tables, volume

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "0" * 64


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(_lasting, "code", planted.code)
    before = logging.getLogger().handlers[:]
    yield tmp_path
    logging.getLogger().handlers[:] = before


@pytest.fixture
def given(place):
    return planted.cohort(place)


def labeled(place, **failed):
    """Write labels of the planted cases; of those named the structure failed."""
    rows = []
    for case in planted.IMAGES:
        for structure in ("heart", "lung_left"):
            bad = failed.get(case.replace("-", "_")) == structure
            row = {"case": case, "structure": structure, "by": "m", "sha256": DIGEST}
            rows.append(row | {"status": "failed" if bad else "present"})
    table = place / "c/labels/m/b0000.tsv"
    tables.write(pd.DataFrame(rows).reindex(columns=tables.columns("labels")), table, "labels")
    return [str(table)]


def test_a_network_never_learns_from_a_case_whose_labels_failed(given, place):
    given.labels = labeled(place, case_1="heart", case_2="heart")
    told = train_network.case_facts(planted.job(given, "line"))
    assert told["case"].tolist() == ["case-0", "case-3"]


def test_what_was_learned_from_other_cases_is_not_gone_on_with(given, place):
    given.labels = labeled(place)
    before = train_network.facts(planted.job(given, "line"))
    given.labels = labeled(place, case_3="lung_left")
    assert train_network.facts(planted.job(given, "line"))["data"] != before["data"]


def test_a_cohort_whose_labels_all_failed_is_told(given, place):
    labels = labeled(place, **{f"case_{i}": "heart" for i in range(4)})
    with pytest.raises(ValueError, match="labels failed in each of 4 cases"):
        trusted(pd.DataFrame({"case": list(planted.IMAGES)}), labels)


def run(script, inputs, files, **params):
    """Run a script as the workflow does, its plug-in the planted one."""
    job = SimpleNamespace(input=inputs, output=SimpleNamespace(**files), log=["log.txt"])
    job.params, job.rule = Params(seed=3, generator="artasyn", **params), script
    job.config = {"allow_cpu": True}
    job.wildcards = SimpleNamespace(recipe="r", batch="b0000")
    runpy.run_path(str(ROOT / f"scripts/{script}.py"), {"snakemake": job})


class Params(SimpleNamespace):
    """Parameters as Snakemake hands them: by name, or with a default."""

    def get(self, name, default=None):
        return getattr(self, name, default)


def requests(sources):
    known = {"split": "train", "seed": 1, "parameters": "{}", "batch": "b0000"}
    return pd.DataFrame([{"request": f"syn-{s}-0", "source": s} | known for s in sources])


def test_a_request_whose_source_has_failed_labels_is_not_drawn(given, place):
    given.labels = labeled(place, case_1="heart")
    for case, voxels in planted.IMAGES.items():
        image = volume.Volume((0 * voxels).astype("uint8"), planted.np.eye(4))
        digest = volume.write(image, place / f"c/labels/m/b0000/{case}.nii.gz")
        text = Path(given.labels[0]).read_text().splitlines()
        kept = [t.replace(DIGEST, digest) if t.startswith(f"{case}\t") else t for t in text]
        Path(given.labels[0]).write_text("\n".join([*kept, ""]))
    tables.write(requests(["case-1"]), place / "requests.tsv", "requests")
    inputs = SimpleNamespace(**{**vars(given), "requests": "requests.tsv", "networks": []})
    inputs.channels, files = [], {"folder": "drawn", "table": "samples.tsv"}
    run("draw_samples", inputs, files, told="", together=1)
    row = tables.read("samples.tsv", "samples").iloc[0]
    assert (row["status"], row["message"]) == ("failed", "labels of its source failed: heart")
