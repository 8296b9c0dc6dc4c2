"""Read what the report shows of a cohort and of a recipe."""

from functools import partial

import pandas as pd
from _cases import joined, of, read_all
from _cohort import real_cases
from _filtered import filtered_part
from _images import drawn_cases
from _nearest import nearest_pictures
from _sliders import slider_pictures, source_of
from _subgroups import subgroups_part
from _viewer import viewed_volumes

from radfoundry import tables
from radfoundry.config.catalogue import load
from radfoundry.config.untrained import name_of
from radfoundry.report import cohorts, exhibits, samples, sources
from radfoundry.report.scorecard import untrained


def cohort_row(cohort: str, paths, settings) -> dict:
    """Return what the report says of one cohort."""
    images = joined(of(cohort, paths.images), "images")
    splits = tables.read(of(cohort, paths.splits)[0], "splits")
    return cohorts.row(cohort, "phantom" in settings["cohorts"][cohort], images, splits)


def volumes_part(cohort: str, paths, settings) -> dict:
    """Return what the report shows of a cohort of CT or MR."""
    modality = settings["cohorts"][cohort]["modality"]
    images, labels = of(cohort, paths.images), of(cohort, paths.labels)
    known, opinions = joined(images, "images"), of(cohort, paths.opinions)
    shown = real_cases(images, labels, only=samples.fair_cases(known)["case"])
    return {
        "name": cohort,
        "modality": modality,
        "pictures": [samples.of_cases(shown, int((known["status"] == "ok").sum()), modality)],
        "opinions": read_all(opinions, "second_opinion") if opinions else None,
        "measured": read_all(of(cohort, paths.radiomics), "radiomics"),
    }


def recipe_part(recipe: str, paths, settings, card: pd.DataFrame) -> dict:
    """Return what the report says of one recipe."""
    verdicts, limits, drawn = (
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
    cohort = settings["recipes"][recipe]["cohort"]
    images, labels = of(cohort, paths.images), of(cohort, paths.labels)
    modality = settings["cohorts"][cohort]["modality"]
    generator = load("generators", settings["recipes"][recipe]["generator"])
    judged = drawn.merge(verdicts, "inner", "sample")
    options = {**generator.OPTIONS, **settings["recipes"][recipe]["sample"]}
    return {
        "name": recipe,
        "modality": modality,
        "edited": sources.edited(options),
        "description": (generator.__doc__ or "").split("\n")[0],
        "verdicts": verdicts,
        "scores": scores,
        "thresholds": limits,
        **filtered_part(recipe, paths),
        "experts": exhibits.of_experts(scores, real, limits),
        "metrics": exhibits.of_metrics(card, recipe),
        "subgroups": subgroups_part(recipe, paths, settings),
        "untrained": untrained_pictures(drawn, of(name_of(recipe), paths.untrained), modality),
        "nearest": nearest_pictures(recipe, drawn, images, paths, modality),
        "untrained_said": untrained.sentence(card, recipe),
        "sliders": slider_pictures(judged, images, modality),
        "volumes": viewed_volumes(judged, images, labels, modality),
        **by_verdict(judged, images, modality),
    }


def untrained_pictures(drawn: pd.DataFrame, null: list[str], modality: str) -> list:
    """Return pictures of what a recipe drew beside what its null arm made of the same requests."""
    other = read_all(null, "samples")
    both = drawn[drawn["sample"].isin(other.loc[other["status"] == "ok", "sample"])]
    fair = samples.fair_samples(both[both["status"] == "ok"].sort_values("seed"))
    names = list(fair["sample"])[: samples.PAIRS_SHOWN]
    rows = (table.set_index("sample", drop=False).loc[names] for table in (drawn, other))
    return samples.beside_untrained(*map(drawn_cases, rows), modality)


def by_verdict(rows: pd.DataFrame, images: list[str], modality: str) -> dict[str, list]:
    """Return pictures of the samples that were drawn, for each verdict."""
    drawn = rows[rows["image_sha256"] != ""].sort_values("seed")  # seeds are hashes: a fair pick
    groups = drawn.groupby("verdict")
    if modality != "CXR":
        shown = {verdict: drawn_cases(samples.fair_samples(own)) for verdict, own in groups}
        return {v: samples.of_volumes(shown[v], v, len(own), modality) for v, own in groups}
    source = partial(source_of, joined(images, "images").set_index("case"))
    return {v: samples.of_radiographs(drawn_cases(own), source, v) for v, own in groups}
