"""What was published of ART-ASyn, for those who cite it."""

CITATION = (
    "Cao, Fan, Cai, ART-ASyn: Anatomy-aware Realistic Texture-based Anomaly Synthesis Framework "
    "for Chest X-Rays"
)
