"""What the report shows of cases and samples: a fair pick, never the best ones."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from radfoundry.case import Case
from radfoundry.report import charts, exhibits, slices
from radfoundry.report.exhibits import PER_GROUP, Exhibit
from radfoundry.volume import Volume, picture

VOLUMES_SHOWN = 4
PAIRS_SHOWN = 2  # of a trained and an untrained volume
NEAREST_SHOWN = 4  # samples beside the training images that they are most like


def fair_cases(images: pd.DataFrame) -> pd.DataFrame:
    """Return the accepted cases that stand for a cohort of volumes: healthy and ill ones.

    Args:
        images: Rows of the table `images`. Digests decide the order, so that nobody chooses.
    """
    images = images[images["status"] == "ok"].sort_values("source_sha256")
    first = images.drop_duplicates("findings").head(VOLUMES_SHOWN)
    return first if len(first) == VOLUMES_SHOWN else images.head(VOLUMES_SHOWN)


def fair_samples(samples: pd.DataFrame) -> pd.DataFrame:
    """Return drawn volumes to show: first one for each set of findings asked for, then others."""
    first = samples.drop_duplicates("findings")
    every = pd.concat([first, samples.drop(first.index)])
    return every.head(PER_GROUP).sort_values("findings", kind="stable")


def of_cases(cases: Iterable[Case], total: int, modality: str) -> Exhibit:
    """Return slices of a few cases, each plain and with the labels that are used.

    Args:
        cases: What is shown.
        total: How many accepted cases there are.
        modality: "CT" or "MR".
    """
    pictures = [
        slices.VolumePicture(
            f"{case.name}  {case.facts['findings'].replace('|', ', ') or 'no finding named'}",
            case.image,
            case.anatomy,
            case.findings,
            modality,
        )
        for case in cases
    ]
    caption = f"{len(pictures)} of {total} cases, each plain and with its labels"
    alt = "Axial, coronal and sagittal slices of " + ", ".join(p.title for p in pictures)
    return Exhibit(caption, slices.montage(pictures), alt)


def of_volumes(samples: Iterable[Case], verdict: str, total: int, modality: str) -> list[Exhibit]:
    """Return slices of some drawn volumes with the labels drawn beside them, [] without any.

    Args:
        samples: What is shown, with the facts findings and reason.
        verdict: Of all of them.
        total: How many samples have it.
        modality: "CT" or "MR".
    """
    pictures = [
        slices.VolumePicture(
            exhibits.titled(case.name, case.facts["findings"], case.facts["reason"]),
            case.image,
            case.anatomy if case.anatomy.any() else None,
            case.findings if case.findings.any() else None,
            modality,
        )
        for case in samples
    ]
    return exhibits.of_volumes(pictures, verdict, total)


def most_alike(nearest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the samples whose whole images are most like a training image.

    Args:
        nearest: Rows of the table `nearest`.
    """
    known = nearest[(nearest["what"] == "image") & (nearest["nearest"] != "")]
    return known.sort_values("similarity", ascending=False, kind="stable").head(NEAREST_SHOWN)


def beside_nearest(
    drawn: Sequence[Case], real: Sequence[Volume], rows: pd.DataFrame, modality: str
) -> list[Exhibit]:
    """Return samples beside the training images that they are most like, [] of none.

    Args:
        drawn: The samples.
        real: The training image of each.
        rows: What `most_alike` returns, in the same order.
        modality: "CXR", "CT" or "MR".
    """
    if not len(rows):
        return []
    titles = [
        f"{row['sample']}, nearest to {row['nearest']}: similarity {row['similarity']:.3f}"
        + (", a copy" if row["copy"] else "")
        for row in rows.to_dict("records")
    ]
    caption = f"The {len(titles)} samples most like a training image"
    alt = f"{caption}: {'; '.join(titles)}."
    groups = zip(titles, drawn, real, strict=True)
    if modality == "CXR":
        pairs = [
            charts.SourceAndSample(title, picture(c.image.voxels), picture(r.voxels))
            for title, c, r in groups
        ]
        heads = ("Nearest training image", "Synthetic", "Synthetic", "Detail")
        return [Exhibit(caption, charts.montage(pairs, heads), alt)]
    pictures = [
        slices.VolumePicture(f"{title}: {how}", image, modality=modality)
        for title, c, r in groups
        for image, how in ((r, "training"), (c.image, "synthetic"))
    ]
    return [Exhibit(caption, slices.montage(pictures), alt)]


def beside_untrained(
    trained: Iterable[Case], untrained: Iterable[Case], modality: str
) -> list[Exhibit]:
    """Return what untrained networks draw of some requests below what trained ones do, [] of none.

    Args:
        trained: Samples of a recipe, with the fact findings.
        untrained: Those of its null arm, of the same requests in the same order.
        modality: "CXR", "CT" or "MR".
    """
    pairs = list(zip(trained, untrained, strict=True))
    if modality == "CXR":
        return _radiographs_beside_untrained(pairs)
    pictures = [
        slices.VolumePicture(
            f"{exhibits.titled(case.name, case.facts['findings'])}, {how}",
            case.image,
            case.anatomy if case.anatomy.any() else None,
            modality=modality,
        )
        for pair in pairs
        for case, how in zip(pair, ("trained", "untrained"), strict=True)
    ]
    if not pictures:
        return []
    count = len(pictures) // 2
    caption = f"{count} request{'s' * (count > 1)}, each drawn by trained and by untrained networks"
    titles = "; ".join(picture.title for picture in pictures)
    alt = f"{caption}: an axial, a coronal and a sagittal slice. {titles}."
    return [Exhibit(caption, slices.montage(pictures), alt)]


def _radiographs_beside_untrained(pairs: Sequence[tuple[Case, Case]]) -> list[Exhibit]:
    """Return each radiograph that trained networks drew beside that of untrained ones."""
    shown = [
        charts.SourceAndSample(
            exhibits.titled(drawn.name, drawn.facts["findings"]),
            picture(other.image.voxels),
            picture(drawn.image.voxels),
            picture(drawn.findings > 0),
        )
        for drawn, other in pairs
    ]
    if not shown:
        return []
    titles = ("Trained", "Untrained", "Untrained, with the mask", "Detail")
    many = "s" * (len(shown) > 1)
    caption = f"{len(shown)} request{many}, each drawn by trained and by untrained networks"
    alt = f"{caption}: {'; '.join(pair.title for pair in shown)}."
    return [Exhibit(caption, charts.montage(shown, titles), alt)]


def of_radiographs(
    samples: Iterable[Case], source_of: Callable[[Case], Volume], verdict: str
) -> list[Exhibit]:
    """Return pictures of some samples beside their sources, grouped by the shape of the finding.

    Args:
        samples: All that have the verdict, with the facts shape and reason.
        source_of: Returns the image of a sample's source; asked for what is shown alone.
        verdict: Of all of them.
    """
    groups: dict[str, list[charts.SourceAndSample]] = defaultdict(list)
    totals: dict[str, int] = defaultdict(int)
    for sample in samples:
        name = sample.facts["shape"] or "all shapes"
        totals[name] += 1
        if totals[name] <= PER_GROUP:
            groups[name].append(_beside(sample, source_of(sample)))
    return exhibits.of_samples(groups, verdict, totals)


def _beside(sample: Case, source: Volume) -> charts.SourceAndSample:
    reason = sample.facts["reason"]
    title = f"{sample.name}: {reason}" if reason else sample.name
    parts = (sample.image.voxels, source.voxels, sample.findings > 0)
    return charts.SourceAndSample(title, *(picture(part) for part in parts))
