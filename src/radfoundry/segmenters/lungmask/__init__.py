"""lungmask, run through its own inferer, offline.

With weights given by path it is the published tool, R231 for lungs or LTRCLobes for lobes. With
`weights: phantoms` a narrow U-Net of the same class is trained on slices of phantoms, then widened
with zeros into the published architecture: the same function in the same file format, so that the
tool's own loader and inference run. It never downloads, and never reads DICOM: that reader keeps
patients' names.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config import weight_files
from radfoundry.networks.layers import seeded
from radfoundry.segmenters import _phantom_training
from radfoundry.segmenters.lungmask import slices
from radfoundry.training import loop
from radfoundry.volume import Volume
from radfoundry.weights import Weights

LUNGS = ("lung_right", "lung_left")  # classes 1, 2 of R231
LOBES = (*regions.LOBES["lung_left"], *regions.LOBES["lung_right"])  # classes 1 to 5 of LTRCLobes
CITATION = (
    "Hofmanninger et al. 2020, European Radiology Experimental 4:50, doi:10.1186/s41747-020-00173-2"
)
STRUCTURES = (*LUNGS, *LOBES)
MODALITIES = ("CT",)
NEEDS_WEIGHTS = True  # trained on phantoms, unless `weights` says where the published ones are
PHANTOM = "chest_ct"
NETWORKS: dict[str, dict[str, Any]] = {
    "phantom": {"cases": 60, "width": 3, "steps": 240, "batch": 4},
    "workstation": {"cases": 600, "width": 6, "steps": 12000, "batch": 16},
}
OPTIONS: dict[str, Any] = {
    "model": "R231",  # or R231CovidWeb, LTRCLobes, LTRCLobes_R231 (lobes filled up to the lungs)
    "weights": "phantoms",  # or the folder with the published files, or the path of one file
    "sha256": {},  # of each file by its model's name, where it is not the published one
    "full_width": False,  # trained on phantoms: run it as widened, 1 s a slice, to the same effect
    "batch": 8,  # slices labeled at once
    "postprocess": True,  # the tool's own: largest components, holes filled
    "size": "phantom",  # of NETWORKS, when trained on phantoms
    "cases": 0,  # phantoms to learn from; 0: those of the size
    "steps": 0,  # 0: those of the size
    "learning_rate": 6e-3,
}
FINDINGS = {"pleural_effusion": 0.15, "consolidation": 0.15, "emphysema": 0.2}
WIDTH = 6  # of the published networks: 2 ** 6 channels in the first stage
EVERY = 4  # slices of a phantom, one is learned from: its neighbors look the same
SETTLING = 12  # batches that batch normalization is settled with
PIXELS = 256  # across a slice, as the tool sees it


def structures(options: Mapping) -> tuple[str, ...]:
    """Return what is labeled under the options given: two lungs, or five lobes."""
    return LOBES if _chosen(options)["model"].startswith("LTRC") else LUNGS


def phantoms(options: Mapping) -> dict[str, Any]:
    """Return the options of `phantoms.chest_ct.plan` for the cases that `fit` is to be given."""
    chosen = _chosen(options)
    patients = chosen["cases"] or NETWORKS[chosen["size"]]["cases"]
    drawn = {"patients": patients, "exams": [1, 1], "size": 64}
    return {**drawn, "variety": "wide", "findings": FINDINGS}


def _chosen(options: Mapping) -> dict[str, Any]:
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(f"lungmask has no options {sorted(unknown)}: there are {sorted(OPTIONS)}")
    chosen = OPTIONS | dict(options)
    allowed = {"size": NETWORKS, "model": weight_files.needs()["lungmask"]["models"]}
    for name, choices in allowed.items():
        if chosen[name] not in choices:
            raise ValueError(f"{name} is {chosen[name]!r}: choose from {', '.join(choices)}")
    return chosen


def _files(chosen: Mapping) -> list[str]:
    return weight_files.needs()["lungmask"]["models"][chosen["model"]]["files"]


def _classes(file: str) -> tuple[str, ...]:
    return LOBES if file.startswith("LTRC") else LUNGS


def fit(
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    cases: Sequence[Case] = (),
    progress: _phantom_training.Progress | None = None,
) -> Weights:
    """Return the networks that the model needs, narrow, trained on slices of phantoms.

    Arguments and errors are those that `radfoundry.segmenters` states.
    """
    chosen = _chosen(options)
    _phantom_training.check_cases("lungmask", cases)
    size = NETWORKS[chosen["size"]]
    schedule = _phantom_training.schedule(chosen, size)
    state: dict[str, Tensor] = {}
    for file in _files(chosen):
        generator = _phantom_training.chance(rng, device)
        with seeded(generator):
            network = layers(len(_classes(file)) + 1, size["width"])
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        seen = [shown(case, _classes(file)) for case in cases]
        drawing = partial(slices.draw, seen, schedule.batch)
        callbacks = loop.Callbacks(progress)
        trained = loop.train(
            network, drawing, _phantom_training.loss, schedule.settings, generator, callbacks
        )
        network.load_state_dict(trained.state)
        slices.settle(network, (drawing(generator)[0] for _ in range(SETTLING)))
        state |= {
            f"{file}.{name}": t.cpu().contiguous() for name, t in network.state_dict().items()
        }
    card = {"segmenter": "lungmask", "width": size["width"], "steps": schedule.steps}
    return Weights(state, card | {"cases": len(cases), "files": _files(chosen)})


def layers(classes: int, width: int = WIDTH) -> nn.Module:
    """Return the tool's own U-Net, untrained: 2 ** width channels in its first stage."""
    from lungmask.resunet import UNet

    return UNet(
        n_classes=classes, wf=width, padding=True, depth=5, up_mode="upsample", batch_norm=True,
        residual=False,
    )  # fmt: skip


def shown(case: Case, classes: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return slices of a phantom (N, 256, 256) as the tool shows them to its network, and labels.

    Gray values are float16, labels uint8; of each `EVERY` slices one is taken. The tool crops each
    slice to the body and scales gray values from [-1024, 600] HU to [0, 1].
    """
    from lungmask import utils

    image = slices.slices(case.image.voxels)[::EVERY]
    labels = np.zeros(case.anatomy.shape, np.uint8)
    for number, name in enumerate(classes, 1):
        labels[regions.mask(case.anatomy, name)] = number
    cropped, boxes = utils.preprocess(image, resolution=[PIXELS, PIXELS])
    marks = []
    for plane, (top, left, bottom, right) in zip(
        slices.slices(labels)[::EVERY], boxes, strict=True
    ):
        part = plane[top:bottom, left:right]
        marks.append(ndimage.zoom(part, PIXELS / np.asarray(part.shape), order=0))
    gray = torch.from_numpy(((cropped + 1024) / 1624).astype(np.float16))
    return gray, torch.from_numpy(np.stack(marks))


def prepare(
    options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Callable[[Volume], np.ndarray]:
    """Return the segmenter: a CT goes in, its anatomy map (uint8, same grid) comes out.

    Args:
        options: `OPTIONS`; with `weights: phantoms` the networks of `weights` are run.
        weights: As `fit` returned them; not wanted where the options give files.
        device: Where to run.

    Raises:
        ValueError: A file is missing or not the one it should be, the weights are of another
            segmenter or model, or an option does not exist.
    """
    chosen = _chosen(options)
    if chosen["weights"] != weight_files.PHANTOMS:
        rows = weight_files.inventory({"segmenter": "lungmask", "options": chosen})
        faults = [weight_files.fault_message(row) for row in rows if row["status"] != "ok"]
        if faults:
            raise ValueError("lungmask cannot run:\n" + "\n".join(faults))
        paths = {row["weights"]: row["file"] for row in rows}
        return partial(label, inferer(paths, chosen, device), structures(chosen))
    if weights is None or weights.card.get("segmenter") != "lungmask":
        raise ValueError("lungmask needs the weights that its own fit returned")
    if weights.card["files"] != _files(chosen):
        message = f"lungmask {chosen['model']} needs {_files(chosen)}"
        raise ValueError(f"{message}, these weights are {weights.card['files']}: fit again")
    with tempfile.TemporaryDirectory(prefix="radfoundry-") as folder:
        return partial(label, _of_phantoms(weights, chosen, folder, device), structures(chosen))


def _of_phantoms(weights: Weights, chosen: Mapping, folder: str, device: str) -> Any:
    """Return the tool's inferer with networks of phantoms, by way of files in its own format."""
    paths, narrow = {}, {}
    width = int(weights.card["width"])
    for file in _files(chosen):
        own = {
            n.removeprefix(f"{file}."): t
            for n, t in weights.state.items()
            if n.startswith(f"{file}.")
        }
        classes = len(_classes(file)) + 1
        paths[file] = f"{folder}/{file}.pth"
        torch.save(slices.widened(own, layers(classes).state_dict()), paths[file])
        narrow[file] = layers(classes, width).eval()
        narrow[file].load_state_dict(own)
    out = inferer(paths, chosen, device)
    if not chosen["full_width"]:
        first, *rest = (narrow[file].to(out.device) for file in paths)
        out.model, out.fillmodelm = first, rest[0] if rest else None
    return out


def inferer(paths: Mapping[str, str], chosen: Mapping, device: str) -> Any:
    """Return the tool's inferer with the networks of these files: the first fills from the next."""
    from lungmask import LMInferer

    logging.getLogger("lungmask").setLevel(logging.WARNING)  # it logs every image
    own, *fill = paths.values()
    return LMInferer(
        modelpath=own, fillmodel_path=fill[0] if fill else None, force_cpu=device == "cpu",
        batch_size=int(chosen["batch"]), volume_postprocessing=bool(chosen["postprocess"]),
        tqdm_disable=True,
    )  # fmt: skip


def label(inferer: Any, names: Sequence[str], image: Volume) -> np.ndarray:
    """Return the anatomy map of one CT, slice by slice as the tool does it."""
    if image.is_radiograph:
        raise ValueError("lungmask reads volumes, this is one plane")
    found = slices.voxels(inferer.apply(slices.slices(image.voxels.astype(np.float32))))
    return regions.compose({name: found == number for number, name in enumerate(names, 1)})
