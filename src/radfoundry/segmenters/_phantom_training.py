"""Teach a small network what phantoms show of a body: what every segmenter's `fit` has in common.

`trained` fits one in nnU-Net's format; others bring their own network and take the rest from here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.networks.layers import seeded
from radfoundry.segmenters import _nnunet
from radfoundry.training import loop
from radfoundry.training.losses import soft_dice_loss

Progress = Callable[[int, int, Mapping[str, float]], None]
Sample = tuple[Tensor, Tensor, Tensor]
BLOOD_HU = 180.0  # at most added to heart and aorta: contrast agent
DOSED = 0.6  # of the patches show contrast agent
AIR_HU, AIR_MM = -1000.0, 60.0  # put beside and before the body: other scanners see more of it
NOISE = 0.1  # at most added, in standard deviations of the intensities


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Attributes:
        steps: Optimizer steps.
        learning_rate: The highest.
        batch: Images, slices or patches per step.
        precision: "float32" or "bfloat16".
        ema: Decay of the moving average of the weights.
    """

    steps: int
    learning_rate: float
    batch: int
    precision: str = "bfloat16"
    ema: float = 0.95

    @property
    def settings(self) -> loop.Settings:
        """How the one training loop is to run: warmed up, then a cosine down to 0."""
        return loop.Settings(
            self.steps, self.learning_rate, 1e-4, warmup=self.steps // 20, schedule="cosine",
            ema=self.ema, precision=self.precision,
        )  # fmt: skip


def schedule(chosen: Mapping, size: Mapping, **how: Any) -> Schedule:
    """Return the schedule that a segmenter's options and the size they name come to.

    Args:
        chosen: Options with `steps` (0: those of the size) and `learning_rate`.
        size: With `steps` and `batch`.
        how: Attributes of the schedule that the segmenter wants otherwise.
    """
    steps = int(chosen["steps"]) or size["steps"]
    return Schedule(steps, float(chosen["learning_rate"]), size["batch"], **how)


def check_cases(segmenter: str, cases: Sequence[Case]) -> None:
    """Refuse to fit a segmenter to no phantoms.

    Raises:
        ValueError: No cases.
    """
    if not cases:
        raise ValueError(f"{segmenter} is trained on phantoms, and was given no cases")


def chance(rng: np.random.Generator, device: str) -> torch.Generator:
    """Return the source of all chance of one network's training, which runs on its device."""
    return torch.Generator(device).manual_seed(int(rng.integers(2**62)))


def trained(
    model: _nnunet.Model,
    learned: Sequence[str],
    cases: Sequence[Case],
    schedule: Schedule,
    generator: torch.Generator,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Return the tensors of a network after training, on the CPU.

    Args:
        model: The network's description; its patch and spacing are those of the training.
        learned: Structures that it is to mark, in the order of its logits after the background.
        cases: Phantoms with their anatomy.
        schedule: How long and how fast.
        generator: The source of all chance; training runs on its device.
        progress: Called after each step with steps done, steps in all and the loss's terms.
    """
    with seeded(generator):
        layers = _nnunet.network(model, 1 + len(learned)).to(generator.device)
    seen = [sample(case, model, learned) for case in cases]
    drawing = partial(draw, seen, schedule.batch, model.settings["patch_size"])
    callbacks = loop.Callbacks(progress)
    return loop.train(layers, drawing, loss, schedule.settings, generator, callbacks).state


def sample(case: Case, model: _nnunet.Model, learned: Sequence[str]) -> Sample:
    """Return image, blood and labels of a phantom as the network will see them, (z, y, x).

    The image is normalized, blood is what contrast agent would add at most, labels count from 1 in
    the order of `learned`. Spacing is changed as TotalSegmentator changes it; what is smaller than
    a patch is padded with 0, as nnU-Net pads it.
    """
    labels = np.zeros(case.anatomy.shape, np.uint8)
    lungs = regions.mask(case.anatomy, "lungs")
    for number, structure in enumerate(learned, 1):
        mask = regions.mask(case.anatomy, structure)
        labels[mask & ~lungs if structure == "airway" else mask] = number
    blood = regions.mask(case.anatomy, "heart") | regions.mask(case.anatomy, "aorta")
    strongest = blood * (BLOOD_HU / _nnunet.known_intensities(model)["std"])
    kinds = (case.image.voxels, 1, AIR_HU), (strongest, 1, 0), (labels, 0, 0)
    hu, dose, marks = (_seen(case.image.spacing_mm, model, *kind) for kind in kinds)
    parts = (_nnunet.normalized(np.round(hu), model), dose, marks)
    wanted = model.settings["patch_size"]
    whole = [torch.from_numpy(_padded(part, wanted)) for part in parts]
    return whole[0], whole[1], whole[2].long()


def _seen(
    from_mm: Sequence[float], model: _nnunet.Model, voxels: np.ndarray, order: int, beside: float
) -> np.ndarray:
    """Return (X, Y, Z) as (Z, Y, X) at the spacing of the network, with more air around."""
    to_mm = np.asarray(model.settings["spacing"])
    zoom = np.asarray(from_mm) / to_mm[::-1]
    out = ndimage.zoom(voxels.astype(np.float32), zoom, order=order, mode="nearest")
    around = [(0, 0), *((round(AIR_MM / mm),) * 2 for mm in to_mm[1:])]
    return np.pad(out.transpose(2, 1, 0), around, constant_values=beside)


def _padded(array: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    lacking = [max(0, p - n) for p, n in zip(wanted, array.shape, strict=True)]
    return np.pad(array, [(n // 2, n - n // 2) for n in lacking])


def draw(
    seen: Sequence[Sample], batch: int, patch: Sequence[int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return patches (B, 1, *patch) with more or less contrast agent and noise, and labels."""
    device = generator.device
    images, labels = [], []
    for _ in range(batch):
        image, blood, marks = seen[below(len(seen), generator)]
        starts = [below(n - p + 1, generator) for n, p in zip(image.shape, patch, strict=True)]
        at = tuple(slice(start, start + p) for start, p in zip(starts, patch, strict=True))
        dose, chance = torch.rand(2, generator=generator, device=device).tolist()
        images.append(image[at] + blood[at] * (dose if chance < DOSED else 0))
        labels.append(marks[at])
    stacked = torch.stack(images)[:, None].to(device)
    level = NOISE * torch.rand((batch, 1, 1, 1, 1), generator=generator, device=device)
    noise = torch.randn(stacked.shape, generator=generator, device=device)
    return stacked + level * noise, torch.stack(labels).to(device)


def below(count: int, generator: torch.Generator) -> int:
    """Return a whole number from 0 to count - 1, each as likely."""
    return int(torch.randint(count, (1,), generator=generator, device=generator.device))


def loss(
    network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the loss: cross-entropy, and 1 - soft Dice of the structures that are there.

    Images are (B, 1, *space) or any shape of which the network makes (B, classes, *space).
    """
    image, labels = batch
    logits = network(image)
    wanted = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:]
    dice = soft_dice_loss(logits.softmax(1)[:, 1:].flatten(0, 1), wanted.flatten(0, 1))
    return {"entropy": functional.cross_entropy(logits, labels), "dice": dice}
