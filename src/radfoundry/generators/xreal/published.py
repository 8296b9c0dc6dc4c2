"""What the evaluation probes of XReal, and which of its systems a recipe is."""

from collections.abc import Mapping
from typing import Any

CITATION = (
    "Hashmi et al. 2024, XReal: Realistic Anatomy and Pathology-Aware X-ray Generation via "
    "Controllable Diffusion Model, arXiv:2403.09240"
)
PROBED = ("pleural_effusion", "consolidation", "cardiomegaly")
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "text_only": {"train/text_only": True},
    "concatenation": {"train/concat": True},
    "controlnet": {"train/controlnet": True},
}
