"""Hold the trial on volumes to the figures that independent code gave, and print what was measured.

Usage: check_volumes.py RESULTS
"""

import sys
from pathlib import Path

import pandas as pd

# Chest Imaging Platform's own densitometry of its case, with its own labels.
REFERENCE = {"laa_950": (19.662, 5e-4), "laa_856": (75.073, 5e-4), "lung_volume_l": (4.55416, 5e-6)}
LEAST_DICE = 0.95
READERS = 4


def main(results: Path) -> None:
    """Print the figures as Markdown; stop where one is not what it must be."""
    clinical = pd.read_csv(results / "cohorts/cip/evaluate/clinical/threshold.tsv", sep="\t")
    truth = clinical.set_index("measurement")["truth"]
    card = pd.read_csv(results / "scorecard.tsv", sep="\t")
    dice = card[card["metric"] == "label_dice"].set_index(["recipe", "arm"])["value"]
    nodule = pd.read_parquet(results / "cohorts/lidc_0001/radiomics.parquet")
    lines = ["| figure | measured | expected |", "|---|---|---|"]
    faults = []
    for name, (expected, tolerance) in REFERENCE.items():
        lines.append(f"| CIP {name}, its own labels | {truth[name]:.5f} | {expected} |")
        faults += [name] if abs(truth[name] - expected) > tolerance else []
    own = dice["cohort:cip", "lungs/threshold"]
    lines.append(f"| CIP lungs, Dice of `threshold` | {own:.4f} | at least {LEAST_DICE} |")
    faults += ["lung Dice"] if own < LEAST_DICE else []
    for row in nodule.itertuples():
        volume = f"{row.original_shape_MeshVolume / 1000:.2f} ml"
        lines.append(f"| {row.case}: mesh volume of the nodule | {volume} | |")
    measured = (nodule["code"] == "") & nodule["original_glcm_Contrast"].notna()
    faults += ["radiomics of the nodule"] if measured.sum() != READERS else []
    sys.stdout.write("\n".join(lines) + "\n")
    if faults:
        raise SystemExit(f"not as expected: {', '.join(faults)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
