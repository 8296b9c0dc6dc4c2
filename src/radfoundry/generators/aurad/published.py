"""What the evaluation probes of AURAD, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

CITATION = (
    "AURAD: Anatomy-Pathology Unified Radiology Synthesis with Progressive Representations, "
    "2025, arXiv:2509.04819"
)
PROBED = ("pleural_effusion", "consolidation", "cardiomegaly")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "random_masks": {"sample/masks": "random"},
    "transformed_masks": {"sample/masks": "transformed"},
    "copy_paste": {"sample/masks": "copy_paste"},
}
