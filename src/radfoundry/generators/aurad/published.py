"""What the evaluation probes of AURAD, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

CITATION = (
    "AURAD: Anatomy-Pathology Unified Radiology Synthesis with Progressive Representations, "
    "2025, arXiv:2509.04819"
)
# What its samples are judged by first, and which part of `evaluate` measures it.
HEADLINES: Mapping[str, str] = {
    "anatomy_dice": "synthesis", "prompt_auroc_ratio": "synthesis",
    "pointing_accuracy": "synthesis", "laterality_accuracy": "synthesis",
    "inside_region_fraction": "synthesis", "mask_distance": "synthesis", "fid": "synthesis",
    "few_shot_auroc_gain": "few_shot_radiographs", "memorised_fraction": "memorisation",
}  # fmt: skip
PROBED = ("pleural_effusion", "consolidation", "cardiomegaly")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "random_masks": {"sample/masks": "random"},
    "transformed_masks": {"sample/masks": "transformed"},
    "copy_paste": {"sample/masks": "copy_paste"},
}
