"""Crops for training, image and labels of one place, against MONAI's datasets.

What is made once and kept (the encoded cases, the persistent cache) is made beforehand by both;
a `CacheDataset` reads its files at each start of a training.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import harness

TITLE = "crops of 64^3 from CT of 256^3, per worker"
PEER = "MONAI's CacheDataset and PersistentDataset over `.nii.gz`, whole cases, then SpatialCrop"
PAIRS = 3
PROFILE = (
    "to cut a crop of 64^3 out of the memory map and convert it takes 1.0 ms; the digest by which"
    " outputs are compared takes 1.1 ms on every side (time.process_time, 2026-11-30)."
)
CLAIMS = (
    harness.ratio("CPU of the better dataset over ours", "cpu_s", 5),
    harness.ratio(
        "memory of CacheDataset over ours", "peak_mb", 3, peers=["CacheDataset"]
    ),
    harness.ratio("CPU of one crop, start left out", "crop_cpu_s", None),
)  # fmt: skip
SIDE = 64


def prepare(folder: Path, small: bool) -> None:
    """Write cases as files and encoded, and which crop is drawn when."""
    import numpy as np
    from _encoded import write, write_card
    from preprocess import torso

    from radfoundry import volume
    from radfoundry.case import Case

    size, cases, draws = (96, 2, 20) if small else (256, 8, 600)
    rng, image = np.random.default_rng(0), torso(size)
    hu, cards = image.holding(volume.to_int16(image.voxels)), {}
    for number in range(cases):
        rolled = hu.holding(np.roll(hu.voxels, 8 * number, axis=2))
        labels = (rolled.voxels > -500).astype(np.uint8)
        case = Case(f"c{number}", rolled, labels, np.zeros_like(labels), {})
        volume.write(rolled, folder / f"c{number}_image.nii.gz")
        volume.write(rolled.holding(labels), folder / f"c{number}_labels.nii.gz")
        cards[case.name] = write(case, folder / "encoded", [])
    write_card(cards, folder / "encoded")
    corners = rng.integers(0, size - SIDE + 1, (draws, 3))
    plan = [[int(n % cases), *map(int, at)] for n, at in enumerate(corners)]
    with (folder / "plan.csv").open("w", newline="") as file:
        csv.writer(file).writerows(plan)
    (folder / "size.json").write_text(json.dumps({"cases": cases}))


def _plan(folder: Path) -> Iterator[tuple[int, tuple[slice, ...]]]:
    with (folder / "plan.csv").open(newline="") as file:
        for case, *corner in csv.reader(file):
            yield int(case), tuple(slice(int(at), int(at) + SIDE) for at in corner)


def _drawn(folder: Path, name: str, crop: Callable) -> dict[str, float]:
    """Draw all crops; keep a digest of them, and the CPU seconds of one."""
    import hashlib
    import time

    import numpy as np

    digest, begun, count = hashlib.sha256(), time.process_time(), 0
    for case, place in _plan(folder):
        for part, kind in zip(crop(case, place), (np.float32, np.uint8), strict=True):
            digest.update(np.ascontiguousarray(part, kind).tobytes())
        count += 1
    spent = time.process_time() - begun
    (folder / f"{name}.sha256").write_text(digest.hexdigest())
    return {"crop_cpu_s": spent / count}


def ours(folder: Path) -> dict[str, float]:
    """Cut crops out of encoded cases, which lie on disk."""
    import numpy as np
    import pandas as pd
    from _encoded import read

    names = [f"c{n}" for n in range(json.loads((folder / "size.json").read_text())["cases"])]
    known = pd.DataFrame({"case": names})
    cases = read([str(folder / "encoded")], known, known.assign(status="ok"))

    def crop(case, place):
        found = cases[case]
        return found.image.voxels[place].astype(np.float32), found.anatomy[place]

    return _drawn(folder, "ours", crop)


def _peer(folder: Path, name: str, dataset: Callable) -> dict[str, float]:
    import torch
    from monai import transforms

    torch.set_num_threads(1)
    count = json.loads((folder / "size.json").read_text())["cases"]
    parts = ("image", "labels")
    files = [{p: str(folder / f"c{n}_{p}.nii.gz") for p in parts} for n in range(count)]
    load = transforms.LoadImaged(keys=parts, ensure_channel_first=True)
    typed = transforms.EnsureTyped(keys=parts, dtype=(torch.float32, torch.uint8))
    cases = dataset(files, transforms.Compose([load, typed]))

    def crop(case, place):
        cut = transforms.SpatialCropd(keys=parts, roi_slices=place)(cases[case])
        return cut["image"][0].numpy(), cut["labels"][0].numpy()

    return _drawn(folder, name, crop)


def cached(folder: Path) -> dict[str, float]:
    """Hold all cases in memory."""
    from monai.data import CacheDataset

    whole = lambda files, steps: CacheDataset(files, steps, progress=False, num_workers=1)  # noqa: E731
    return _peer(folder, "CacheDataset", whole)


def persistent(folder: Path) -> dict[str, float]:
    """Keep all cases on disk as tensors."""
    from monai.data import PersistentDataset

    kept = lambda files, steps: PersistentDataset(files, steps, folder / "persistent")  # noqa: E731
    return _peer(folder, "PersistentDataset", kept)


SIDES = {"ours": ours, "CacheDataset": cached, "PersistentDataset": persistent}


def equal(folder: Path) -> str:
    """Compare the digests of all crops.

    Raises:
        UnequalError: They differ.
    """
    digests = {name: (folder / f"{name}.sha256").read_text() for name in SIDES}
    if len(set(digests.values())) > 1:
        raise harness.UnequalError(f"crops differ: {digests}")
    return "every voxel of every crop, image and labels, by one sha256 of all"
