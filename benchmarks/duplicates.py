"""How many re-toned copies of real films are found, filed under another patient.

    python benchmarks/duplicates.py FOLDER [FILMS]

FOLDER holds picture files, of which FILMS are taken, evenly spread over their names. Each is copied
with another window, equalized, darkened by a gamma and stretched locally (CLAHE); all copies are
sought among all films at once, as the workflow seeks them among patients.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from skimage import exposure

from radfoundry import volume
from radfoundry.data import duplicates, gate

SUFFIXES = (".png", ".jpg", ".jpeg")


def windowed(picture: np.ndarray) -> np.ndarray:
    """Return a picture whose darkest and brightest 15 % are cut off."""
    low, high = np.percentile(picture, (15, 85))
    return np.clip((picture - low) / max(high - low, 1), 0, 1)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "windowed from the 15th to the 85th percentile": windowed,
    "histogram equalized": exposure.equalize_hist,
    "darkened, gamma 2": lambda picture: (picture / 255.0) ** 2,
    "contrast stretched locally": lambda picture: exposure.equalize_adapthist(picture),
}


def films(folder: Path, count: int) -> list[np.ndarray]:
    """Return pictures of 8 bits, evenly spread over the folder's names."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = paths[:: max(1, len(paths) // count)][:count]
    pictures = [volume.picture(gate.read(path).image.voxels) for path in chosen]
    return [np.clip(picture, 0, 255).astype(np.uint8) for picture in pictures]


def main(folder: str, count: str = "100") -> None:
    """Print one row per change."""
    pictures = films(Path(folder), int(count))
    originals, n = [duplicates.fingerprint(picture) for picture in pictures], len(pictures)
    names = [str(number) for number in range(2 * n)]
    sys.stdout.write("| copies | films | found | wrong pairs |\n|---|---|---|---|\n")
    for name, change in CHANGES.items():
        copies = [
            duplicates.fingerprint(np.rint(255 * change(one)).astype(np.uint8)) for one in pictures
        ]
        pairs = duplicates.find([*originals, *copies], names, names)
        apart = abs(pairs["case"].astype(int) - pairs["other"].astype(int))
        sys.stdout.write(f"| {name} | {n} | {(apart == n).sum()} | {(apart != n).sum()} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
