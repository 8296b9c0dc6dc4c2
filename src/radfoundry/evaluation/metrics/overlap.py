"""How two masks agree, from pixels or from counts of pixels."""

from collections.abc import Collection

import numpy as np

from radfoundry.anatomy import regions


def counts(found: np.ndarray, truth: np.ndarray, ignored: np.ndarray | None = None) -> np.ndarray:
    """Return true positive, false positive and false negative pixels of a mask, as (3,) integers.

    Args:
        found: Booleans, what a method marked.
        truth: Booleans of the same shape, what there is.
        ignored: Where nothing counts, or None.
    """
    if found.shape != truth.shape:
        raise ValueError(f"the masks differ in shape: {found.shape} and {truth.shape}")
    found, truth = found.astype(bool), truth.astype(bool)
    valid = np.ones(truth.shape, bool) if ignored is None else ~ignored.astype(bool)
    pairs = (found & truth, found & ~truth, ~found & truth)
    return np.array([np.count_nonzero(pair & valid) for pair in pairs])


def dice_of_counts(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Return 2 tp / (2 tp + fp + fn), elementwise; NaN where all three are 0.

    >>> dice_of_counts(np.array([3, 0]), np.array([1, 0]), np.array([1, 0]))
    array([0.75,  nan])
    """
    whole = np.asarray(2 * tp + fp + fn, float)
    return np.divide(2 * tp, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def dice(found: np.ndarray, truth: np.ndarray, ignored: np.ndarray | None = None) -> float:
    """Return the Dice overlap of two masks in [0, 1]; NaN if both are empty."""
    return float(dice_of_counts(*counts(found, truth, ignored)))


def label_dice(
    found: np.ndarray, truth: np.ndarray, ids: dict[str, tuple[int, ...]], ignore: int = 255
) -> dict[str, float]:
    """Return the Dice of every region of two label maps; NaN where neither map shows it.

    Args:
        found: Integer labels.
        truth: Integer labels of the same shape; voxels with the value `ignore` do not count.
        ids: Region name to the ids that make it up.
        ignore: The id of voxels that no one was to label.
    """
    left_out = truth == ignore
    return {
        name: dice(np.isin(found, own), np.isin(truth, own), left_out) for name, own in ids.items()
    }


def of_regions(
    found: np.ndarray, truth: np.ndarray, claimed: Collection[str], not_given: Collection[str] = ()
) -> dict[str, float]:
    """Return the Dice of every region that the truth shows and a method claims.

    A reader's truth of a radiograph that outlines heart and mediastinum as one is compared as one.
    A region that the truth shows and the labels do not has Dice 0; voxels the reader ignored do not
    count.

    Args:
        found: Anatomy map of the method.
        truth: Anatomy map of the same shape.
        claimed: Structures that the method is asked to label; all lobes of a lung are that lung.
        not_given: Structures of which the truth knows nothing: no region is compared that they are
            a part of.
    """
    known = set(claimed)
    known |= {lung for lung, lobes in regions.LOBES.items() if known.issuperset(lobes)}
    shown = set(np.unique(truth).tolist())
    wanted = {name: {name} for name in known}
    wanted |= {"lungs": set(regions.LOBES), "cardiomediastinum": {"heart", "mediastinum"}}
    fronts = ("heart", "mediastinum")
    flat = found.ndim < 3 or found.shape[1] == 1
    if flat and not all(shown & set(regions.ids(name)) for name in fronts):
        wanted = {name: needed for name, needed in wanted.items() if name not in fronts}
    if regions.label_id("body") not in shown:  # what readers outlined is not all of the body
        wanted.pop("body", None)
    unknown = {regions.label_id(name) for name in not_given}
    ids = {
        name: regions.ids(name)
        for name, needed in sorted(wanted.items())
        if needed <= known
        and shown & set(regions.ids(name))
        and not unknown & set(regions.ids(name))
    }
    return label_dice(found, truth, ids, regions.vocabulary().ignore)
