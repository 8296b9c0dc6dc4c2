"""Gather what the report shows of a cohort and of a recipe."""

import json
from collections import defaultdict
from pathlib import Path

import pandas as pd
from _cases import checked_volume, drawn_cases, joined, of, read_all, real_cases

from radfoundry import tables, volume
from radfoundry.config.catalogue import load
from radfoundry.report import charts, exhibits, slices

SHOWN = 6  # samples of one montage
VOLUMES_SHOWN = 4


def cohort_row(cohort: str, paths, settings) -> dict:
    """Return what the report says of one cohort."""
    images = joined(of(cohort, paths.images), "images")
    splits = tables.read(of(cohort, paths.splits)[0], "splits")
    counts = splits["split"].value_counts()
    phantom = "phantom" in settings["cohorts"][cohort]
    row = {"cohort": cohort, "origin": "phantom" if phantom else "real", "cases": len(images)}
    row |= {"patients": images["patient"].nunique()}
    row |= {"rejected": int((images["status"] == "rejected").sum())}
    row |= {split: int(counts.get(split, 0)) for split in ("train", "tune", "test")}
    row |= {"findings": int((images["findings"] != "").sum())}
    return row | {"warnings": int((images["warnings"] != "").sum())}


def volumes_part(cohort: str, paths, settings) -> dict:
    """Return what the report shows of a cohort of CT or MR."""
    modality = settings["cohorts"][cohort]["modality"]
    opinions = of(cohort, paths.opinions)
    return {
        "name": cohort,
        "modality": modality,
        "pictures": [volume_exhibit(cohort, paths, modality)],
        "opinions": read_all(opinions, "second_opinion") if opinions else None,
        "measured": read_all(of(cohort, paths.radiomics), "radiomics"),
    }


def volume_exhibit(cohort: str, paths, modality: str) -> exhibits.Exhibit:
    """Return slices of a few cases: healthy and ill, with the labels that are used."""
    images = joined(of(cohort, paths.images), "images")
    images = images[images["status"] == "ok"].sort_values("source_sha256")  # a fair pick
    first = images.drop_duplicates("findings").head(VOLUMES_SHOWN)
    chosen = first if len(first) == VOLUMES_SHOWN else images.head(VOLUMES_SHOWN)
    folders = of(cohort, paths.images), of(cohort, paths.labels)
    pictures = [
        slices.VolumePicture(
            f"{case.name}  {case.facts['findings'].replace('|', ', ') or 'no finding named'}",
            case.image, case.anatomy, case.findings, modality,
        )
        for case in real_cases(*folders, only=chosen["case"])
    ]  # fmt: skip
    caption = f"{len(pictures)} of {len(images)} cases, each plain and with its labels"
    alt = "Axial, coronal and sagittal slices of " + ", ".join(p.title for p in pictures)
    return exhibits.Exhibit(caption, slices.montage(pictures), alt)


def recipe_part(recipe: str, paths, settings, card: pd.DataFrame) -> dict:
    """Return what the report says of one recipe."""
    verdicts, limits, samples = (
        tables.read(of(recipe, group)[0], kind)
        for group, kind in (
            (paths.verdicts, "verdicts"),
            (paths.thresholds, "thresholds"),
            (paths.samples, "samples"),
        )
    )
    scores, real = (
        read_all([path for path in of(recipe, paths.experts) if f"/{kind}/" in path], "scores")
        for kind in ("scores", "experts")
    )
    images = of(settings["recipes"][recipe]["cohort"], paths.images)
    modality = settings["cohorts"][settings["recipes"][recipe]["cohort"]]["modality"]
    generator = load("generators", settings["recipes"][recipe]["generator"])
    return {
        "name": recipe,
        "modality": modality,
        "description": (generator.__doc__ or "").split("\n")[0],
        "verdicts": verdicts,
        "scores": scores,
        "thresholds": limits,
        "experts": exhibits.of_experts(scores, real, limits),
        "metrics": exhibits.of_metrics(card, recipe),
        **by_verdict(samples.merge(verdicts, "inner", "sample"), images, modality),
    }


def by_verdict(rows: pd.DataFrame, images: list[str], modality: str) -> dict[str, list]:
    """Return pictures of the samples that were drawn, for each verdict."""
    drawn = rows[rows["image_sha256"] != ""].sort_values("seed")  # seeds are hashes: a fair pick
    groups = drawn.groupby("verdict")
    if modality != "CXR":
        return {verdict: drawn_volumes(own, verdict, modality) for verdict, own in groups}
    sources = joined(images, "images")
    return {verdict: montages(own, verdict, sources) for verdict, own in groups}


def montages(rows: pd.DataFrame, verdict: str, sources: pd.DataFrame) -> list:
    """Return pictures of some samples beside their sources, grouped by shape or by objection."""
    groups, left = defaultdict(list), defaultdict(int)
    images = sources.set_index("case")
    for sample in drawn_cases(rows):
        name = sample.facts["shape"] or "all shapes"
        left[name] += 1
        if left[name] <= SHOWN:
            groups[name].append(pair(sample, images.loc[sample.facts["source"]]))
    return exhibits.of_samples(groups, verdict, left)


def drawn_volumes(rows: pd.DataFrame, verdict: str, modality: str) -> list:
    """Return slices of some drawn volumes: first one for each set of findings asked for."""
    first = rows.drop_duplicates("findings")
    rest = rows.drop(first.index)
    chosen = pd.concat([first, rest]).head(SHOWN).sort_values("findings", kind="stable")
    pictures = [
        slices.VolumePicture(
            exhibits.titled(case.name, case.facts["findings"], case.facts["reason"]),
            case.image,
            case.anatomy if case.anatomy.any() else None,
            case.findings if case.findings.any() else None,
            modality,
        )
        for case in drawn_cases(chosen)
    ]
    return exhibits.of_volumes(pictures, verdict, len(rows))


def pair(sample, source) -> charts.SourceAndSample:
    """Return a sample's picture with its source and mask."""
    path = Path(source["folder"]) / source.name / "image.nii.gz"
    real = checked_volume(path, source["image_sha256"])
    title = f"{sample.name}: {sample.facts['reason']}" if sample.facts["reason"] else sample.name
    parts = (sample.image.voxels, real.voxels, sample.findings > 0)
    pictures = (volume.picture(part) for part in parts)
    return charts.SourceAndSample(title, *pictures)


def provenance(settings, versions: str) -> dict:
    """Return what must be known to make the page again."""
    seeds = {name: str(entry["seed"]) for name, entry in settings["recipes"].items()}
    return {
        "Versions": {"Libraries": versions},
        "Seeds": seeds | {"evaluation": json.dumps(settings["evaluate"]["seeds"])},
    }
