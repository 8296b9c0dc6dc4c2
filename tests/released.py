"""A release of a few drawn films, made by the workflow's own script from tables written here."""

import logging
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from radfoundry import tables, weights
from radfoundry.case import Case
from radfoundry.report.scorecard.card import Row, build
from radfoundry.volume import radiograph

ROOT = Path(__file__).resolve().parents[1]
RECIPE = "results/recipes/r"
CASES = {"MRN-004711-a": "DOE-1902", "MRN-004711-b": "DOE-1902", "MRN-000815-a": "ROE-1911"}
NAME = "DOE^JANE"  # of a patient, where a table of the run might hold it by mistake
TAGS = {"status": "ok", "record": f'{{"PatientName": "{NAME}"}}', "message": NAME}
FORMATS = ["coco", "nnunet", "croissant", "datasheet", "dicom"]


def settings(**publish):
    """Return what a release follows from, as the config says it, paths of a machine included."""
    recipe = {
        "cohort": "c", "generator": "wgan", "seed": 7, "networks": {}, "sample": {"count": 4},
        "train": {"start": "/home/doe/bundles/chest.zip"}, "filter": {"novelty": {"quantile": 0}},
    }  # fmt: skip
    terms = {"licence": "CC0", "authors": [], "formats": FORMATS, "case_ids": "pseudonyms"}
    terms |= {"max_shortfall": 0.95, "burned_in": "block"}
    return {
        "cohorts": {"c": {"modality": "CXR", "pseudolabel": "none", "preprocess": {"size": 16}}},
        "pseudolabel": {},
        "recipes": {"r": recipe},
        "publish": terms | publish,
    }


def written(kind, rows, path=None):
    """Write a table of some columns of its kind; return where."""
    frame = pd.DataFrame(rows).reindex(columns=list(tables.columns(kind)))
    path = path or f"{RECIPE}/{kind}.tsv"
    tables.write(frame, path, kind)
    return path


def film(name, seed):
    rng = np.random.default_rng(seed)
    seen = np.zeros((16, 12), np.uint8)
    seen[3:6, 2:5] = 40
    findings = radiograph(seen).voxels
    return Case(name, radiograph(rng.random((16, 12)), 0.5), np.zeros_like(findings), findings)


def sampled():
    """Write four samples of three cases, the last of them rejected; return the script's inputs."""
    from _images import store

    rows, asked, decided = [], [], []
    for seed, source in enumerate([*CASES, "MRN-000815-a"]):
        name = f"syn-{source}-{seed}"
        row = {"sample": name, "source": source, "patient": CASES[source], "split": "train"}
        row |= {
            "seed": seed,
            "status": "ok",
            "message": NAME,
            "findings": "opacity",
            "folder": f"{RECIPE}/{name}",
        }
        rows.append(row | store(film(name, seed), Path(RECIPE, name)))
        asked.append({k: row[k] for k in ("source", "split", "seed")})
        asked[-1] |= {"request": name, "parameters": '{"shape": "round"}', "batch": "b0000"}
        decided.append({"sample": name, "verdict": "rejected" if seed == 3 else "kept"})
        decided[-1]["reason"] = NAME
    files = {"samples": rows, "requests": asked, "verdicts": decided}
    return {kind: written(kind, own) for kind, own in files.items()}


def inputs():
    """Write all that the script reads; return its named inputs."""
    found = sampled()
    cases = [
        {"case": case, "patient": patient, "image_sha256": f"{n}" * 64} | TAGS
        for n, (case, patient) in enumerate(CASES.items())
    ]
    splits = [{"case": case, "patient": own, "split": "train"} for case, own in CASES.items()]
    limits = {"expert": "novelty", "quantile": 0.0, "threshold": 0.5, "n": 3, "note": ""}
    accepted = {"expert": "all", "accepted": 3, "undecided": 0, "n": 4}
    accepted |= {"fraction": 0.75, "low": 0.3, "high": 0.95}
    proof = {"check": "patients of one split only", "cases": 3, "leaks": 0}
    Path("results/c").mkdir(parents=True)
    found |= {kind: written(kind, [row]) for kind, row in (
        ("thresholds", limits), ("acceptance", accepted), ("leakage", proof),
    )}  # fmt: skip
    card = build([
        Row("r", "anatomy_dice", 0.9, "heart", 0.8, 0.95, 12, published=0.93),
        Row("other", "anatomy_dice", 0.1, "heart", n=3),
    ])  # fmt: skip
    tables.write(card, "results/scorecard.tsv", "scorecard")
    tensor = weights.Weights({}, {"network": "gan", "steps": 3, "vocabulary": ["miller"]})
    weights.write(tensor, f"{RECIPE}/networks/gan")
    found |= {"images": [written("images", cases, "results/c/b0000.tsv")], "scores": []}
    found |= {
        "splits": [written("splits", splits, "results/c/splits.tsv")],
        "memorisation": [],
        "scorecard": ["results/scorecard.tsv"],
    }
    return found | {"networks": [f"{RECIPE}/networks/gan"]}


def release(given, folder="results/release/r", **publish):
    """Run the script `write_release` on its inputs; return the folder."""
    params = SimpleNamespace(settings=settings(**publish), made_by="digest", code="other")
    params.phantom, params.most_copied = False, 0.0
    output = SimpleNamespace(folder=folder, names=f"{RECIPE}/pseudonyms.tsv")
    job = SimpleNamespace(input=SimpleNamespace(**given), output=output, params=params)
    job.wildcards, job.log, job.config = SimpleNamespace(recipe="r"), ["log.txt"], {}
    before, hook = logging.getLogger().handlers[:], sys.excepthook
    try:
        runpy.run_path(str(ROOT / "scripts/write_release.py"), {"snakemake": job})
    finally:
        logging.getLogger().handlers[:], sys.excepthook = before, hook
    return Path(folder)
