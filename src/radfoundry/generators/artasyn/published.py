"""What was published of ART-ASyn, for those who cite it, and what its samples are judged by."""

from collections.abc import Mapping

CITATION = (
    "Cao, Fan, Cai, ART-ASyn: Anatomy-aware Realistic Texture-based Anomaly Synthesis Framework "
    "for Chest X-Rays"
)
# What its samples are judged by first, and which part of `evaluate` measures it.
HEADLINES: Mapping[str, str] = {
    "image_auroc": "anomaly", "pixel_dice": "anomaly", "memorised_fraction": "memorisation",
}  # fmt: skip
