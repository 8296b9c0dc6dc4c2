"""What the evaluation probes of AURAD, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

PROBED = ("pleural_effusion", "consolidation", "cardiomegaly")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "random_masks": {"sample/masks": "random"},
    "transformed_masks": {"sample/masks": "transformed"},
    "copy_paste": {"sample/masks": "copy_paste"},
}
