"""What an audit calls what it measures, and which copies it must find."""

from collections.abc import Mapping

NEEDED = ("exact", "mirrored", "noised", "gamma")  # without these found nothing is released
KINDS = (*NEEDED, "shifted", "turned", "zoomed", "smoothed")
PASTED, EXAM = "lesion_pasted", "other_exam"
WORDS: Mapping[str, str] = {
    "exact": "unchanged",
    "mirrored": "right and left exchanged",
    "noised": "noise with a standard deviation of 5 % of the range",
    "gamma": "gamma 0.5 to 0.8 or 1.25 to 2",
    "shifted": "shifted by 1 to 8 pixels",
    "turned": "turned by 5 to 10 degrees",
    "zoomed": "5 to 10 % larger or smaller",
    "smoothed": "blurred by 1/100 of its width, half a pixel at least",
    PASTED: "a training patient's lesion on a held-out patient's image",
}
RECALL = "planted_copy_recall"
FRACTIONS: Mapping[str, str] = {
    "image": "memorised_fraction",
    "lesion": "memorised_lesion_fraction",
    "mask": "memorised_mask_fraction",
    "patient": "reidentified_fraction",
}
FLAGGED = "/flagged"  # end of the arm of recall at the threshold of copies
REAL = "/real"  # end of the arm of what held-out images reach
