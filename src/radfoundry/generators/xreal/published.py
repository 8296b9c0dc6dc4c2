"""What the evaluation probes of XReal, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

PROBED = ("pleural_effusion", "consolidation", "cardiomegaly")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "text_only": {"train/text_only": True},
    "concatenation": {"train/concat": True},
    "controlnet": {"train/controlnet": True},
}
