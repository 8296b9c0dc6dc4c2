"""What MedSyn's paper (Xu et al. 2024) reports, to stand beside figures of the same arms of ours.

Literals by system, metric and arm, read through the catalogue. A figure is a number, or what an
effect is reckoned from: means and standard deviations of two groups of `n`, the first one with the
finding in the prompt, and whether the paper says that p is below 0.05.
"""

from collections.abc import Mapping
from typing import Any

# Which ablation of the paper a recipe is, by what its config says; the first that matches counts.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "without_shapes": {"train/shapes": False},  # the image drawn alone
    "without_text": {"train/low_resolution/text": False},  # the paper has no such arm
    "generic_text": {"train/text/steps": 0},  # an encoder not trained on reports of this field
}
CITATION = (
    "Xu et al. 2024, MedSyn: Text-guided Anatomy-aware Synthesis of High-Fidelity 3D CT Images, "
    "IEEE Transactions on Medical Imaging, arXiv:2310.03559"
)
# What its samples are judged by first, and which part of `evaluate` measures it.
HEADLINES: Mapping[str, str] = {
    "prompt_effect": "synthesis", "laterality_accuracy": "synthesis",
    "joint_lobe_dice": "synthesis", "given_lobe_dice": "synthesis",
    "airway_volume_cm3": "synthesis", "fid": "synthesis",
    "utility_auroc_gain": "classification", "memorised_fraction": "memorisation",
}  # fmt: skip
PROBED = ("pleural_effusion", "emphysema", "cardiomegaly")  # the paper's prompt pairs
SUPER_RESOLUTION = "super_resolution"  # the network that draws the full grid from a coarse one
LIMITS = (  # of its networks, for the card of a bundle
    "Of the size `gaussian_prior` the low-resolution network holds the mean and the principal "
    "components of its coarse training volumes: with few cases, those can be rebuilt in part.",
    "A volume is drawn on the training grid; another spacing is another size of patient.",
)
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "medsyn": {
        "prompt_effect": {  # in L, % of the lungs below -950 HU, and as cardiothoracic ratio
            "pleural_effusion": {
                "means": (1.73, 0.00), "spreads": (0.22, 0.00), "n": 32, "below_005": True,
            },
            "emphysema": {
                "means": (1.4, 0.019), "spreads": (3.5, 0.018), "n": 32, "below_005": True,
            },
            "cardiomegaly": {
                "means": (0.75, 0.48), "spreads": (0.24, 0.06), "n": 32, "below_005": True,
            },
        },
        "airway_volume_cm3": {"synthetic": 33.4, "real": 45.8},
        "segmentation_dice": {
            "airway/with_text": 0.75, "airway/without_text": 0.70,
            "lobes/with_text": 0.77, "lobes/without_text": 0.69,
        },
        "fid": {"synthetic": 0.009},
        "mmd": {"synthetic": 0.019},
    },
    "generic_text": {
        "prompt_effect": {
            "pleural_effusion": {
                "means": (0.0024, 0.0006), "spreads": (0.0059, 0.0014), "n": 32, "below_005": False,
            },
        },
        "airway_volume_cm3": {"real": 45.8},
    },
    "without_shapes": {"airway_volume_cm3": {"synthetic": 19.9, "real": 45.8}},
    "without_text": {"airway_volume_cm3": {"real": 45.8}},
}  # fmt: skip
