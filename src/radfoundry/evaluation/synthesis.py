"""What can be read off one drawn volume: is it a chest, is it the one that was asked for?

A segmenter that sees nothing but the drawn image labels it. What it finds is measured as in a
real CT, and compared with the shapes drawn beside the image, with those that were given, and with
the truth of the case whose image was given.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import findings
from radfoundry.case import Case
from radfoundry.evaluation.metrics import clinical
from radfoundry.evaluation.metrics.overlap import dice
from radfoundry.volume import Volume

NAN = float("nan")
LOBES = tuple(sorted(lobe for lobes in regions.LOBES.values() for lobe in lobes))
SHAPES = ("lungs", *LOBES, "airway", "lung_vessel")  # what the drawn channels hold
FAILED = "failed_draw"  # what is stated of a sample that could not be drawn, instead of any other
LOOKED_FOR = ("pleural_space", "emphysema")  # lacking is 0, not unknown
Segment = Callable[[Volume], np.ndarray]


def measured(
    sample: Case, source: Case | None, truth: Case | None, asked: Mapping, segment: Segment
) -> dict[str, float]:
    """Return every measurement of one drawn CT; NaN where it is not defined.

    Clinical: those of `metrics.clinical`, of the labels that the segmenter finds in the image; as
    in the source, volumes are those of a patient, not of an atlas that it was registered to.
    `joint_dice_<region>`: the drawn shape against those labels; NaN, all of them, if no shape at
    all was drawn beside the image. `given_dice_<region>` (only if the request gives lobes): the
    given shape against those labels; `ceiling_dice_<region>`: the given shape against what the
    segmenter finds in the source's own image. `truth_dice_<region>` (only of the probe "segment"):
    the drawn shape against the truth, or else the labels, of the source; `lobes` is the mean over
    the lobes that the truth shows.

    Args:
        sample: Image in HU (X, Y, Z), and the anatomy map that was drawn with it.
        source: The case whose grid the sample has, with the labels that were given; or None.
        truth: The same case with its true labels, or None.
        asked: The request's parameters: `given` and `probe` count.
        segment: Returns the anatomy map of a CT on its grid.

    Raises:
        ValueError: The sample is not on the grid of the source that it is compared with.
    """
    found = labels_of(sample.image, segment)
    marks = findings.marked(sample.image, found)
    scale = 1 / float(source.facts.get("volume_scale") or 1) if source else 1.0
    values = clinical.measure(sample.image, found, marks, scale, LOOKED_FOR)
    joint = overlaps(sample.anatomy, found, SHAPES)
    values |= _named("joint", joint if sample.anatomy.any() else dict.fromkeys(SHAPES, NAN))
    if source and "lobes" in asked.get("given", ()):
        compared = ("lungs", *LOBES)
        values |= _named("given", overlaps(found, source.anatomy, compared, shown=True))
        own = labels_of(source.image, segment)
        values |= _named("ceiling", overlaps(own, source.anatomy, compared, shown=True))
    if asked.get("probe") == "segment":
        maps = [case.anatomy for case in (truth, source) if case is not None]
        known = next((labels for labels in maps if labels.any()), None)
        values |= _named("truth", segmented(sample.anatomy, known))
    return values


def labels_of(image: Volume, segment: Segment) -> np.ndarray:
    """Return what a segmenter finds; nothing where it cannot read the image at all."""
    try:
        return segment(image)
    except ValueError:  # a drawing that is no chest is data, not an exception
        return np.zeros(image.voxels.shape, np.uint8)


def overlaps(
    found: np.ndarray, truth: np.ndarray, names: Iterable[str], shown: bool = False
) -> dict[str, float]:
    """Return the Dice in [0, 1] of each region of two anatomy maps.

    Args:
        found: Anatomy map (X, Y, Z).
        truth: Anatomy map of the same shape; what it says to ignore does not count.
        names: Of regions in `labels.yaml`.
        shown: Leave a region that the truth does not show undefined: nobody labeled it. Otherwise
            only one that neither map shows is undefined, and one that either lacks has 0.
    """
    ignored = truth == regions.vocabulary().ignore
    out = {}
    for region in names:
        known = regions.mask(truth, region)
        undefined = shown and not known.any()
        out[region] = NAN if undefined else dice(regions.mask(found, region), known, ignored)
    return out


def segmented(drawn: np.ndarray, truth: np.ndarray | None) -> dict[str, float]:
    """Return how drawn shapes agree with the truth: lungs, mean of lobes, airway, vessels.

    A shape that the truth shows and the drawing lacks has Dice 0; one that the truth lacks is NaN,
    and so are all if nothing at all was drawn: the generator draws no labels.
    """
    wanted = ("lungs", "lobes", "airway", "lung_vessel")
    if truth is None or not drawn.any():
        return dict.fromkeys(wanted, NAN)
    each = overlaps(drawn, truth, SHAPES, shown=True)
    lobes = [each[lobe] for lobe in LOBES if np.isfinite(each[lobe])]
    each["lobes"] = float(np.mean(lobes)) if lobes else NAN
    return {name: each[name] for name in wanted}


def _named(kind: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{kind}_dice_{region}": value for region, value in values.items()}
