"""What the evaluation probes of XReal, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

CITATION = (
    "Hashmi et al. 2024, XReal: Realistic Anatomy and Pathology-Aware X-ray Generation via "
    "Controllable Diffusion Model, arXiv:2403.09240"
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
    "text_only": {"train/text_only": True},
    "concatenation": {"train/concat": True},
    "controlnet": {"train/controlnet": True},
}
