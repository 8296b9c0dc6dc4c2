"""What figures of models taught by few patients are called, and mean to a reader."""

from collections.abc import Mapping

from radfoundry.report.scorecard.metric import Metric

# What a recipe is judged by is this arm alone: other gains are those of other means. Written out,
# for an import would let an edited metric of classifiers make every scorecard again.
CLAIMS: Mapping[str, str] = dict.fromkeys(
    ("few_shot_auroc_gain", "few_shot_dice_gain"), "synthetic_added-real_repeated"
)
_GOOD = "Above `real_repeated`, the same patients alone, and close to `extra_real`, more patients."
_WORTH = "1: a sample is worth a patient; 0: it teaches nothing. Not defined where patients do not."
_SIZES = {"": "", "_small": " of small lesions", "_medium": " of medium lesions",
          "_large": " of large lesions"}  # fmt: skip
# By name: what is done, what it is measured by, and whether each size of lesion has figures.
_FIGURES: Mapping[str, tuple[str, str, bool]] = {
    "auroc": ("Classification", "area under the ROC curve", False),
    "dice": ("Segmentation", "Dice", True),
    "sensitivity": ("Share of cases with a lesion found", "sensitivity", True),
    "ap30": ("Detection", "average precision at an overlap of 0.3", True),
    "ap50": ("Detection", "average precision at an overlap of 0.5", False),
}
METRICS: dict[str, Metric] = {
    f"few_shot_{name}{ending}": Metric(
        f"{what}{words} by a model taught by few patients ({by})", "1", True, _GOOD
    )
    for name, (what, by, by_size) in _FIGURES.items()
    for ending, words in _SIZES.items()
    if by_size or not ending
}
METRICS |= {
    "share_of_real_gain": Metric(
        "Gain of samples in parts of the gain of as many further patients", "1", True, _WORTH
    ),
    **{
        f"share_of_real_gain_{name}": Metric(
            f"Gain of samples ({by}) in parts of the gain of as many further patients", "1", True,
            _WORTH,
        )
        for name, (_, by, _) in _FIGURES.items()
        if name != "auroc"
    },
}  # fmt: skip
