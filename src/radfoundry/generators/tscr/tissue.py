"""Intensities as a texture network sees them: in units of the tissue that is to be drawn.

A tumour's texture is a small part of an image's range: in a lung, some HU of the 900 between air
and tumour. Noise of unit variance would drown it at nearly all times. So each voxel is centered and
scaled by its tissue's mean and deviation over the training crops: normal, rim, or core.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

NORMAL, RIM, CORE = range(3)  # numbers of `crops.Crop.regions`, which are what is drawn as tumour
LINEAR = 3.0  # deviations up to which intensities are as they are; further ones are compressed
LEAST_SPREAD = 1e-3  # of intensities in [-1, 1]


class TissueScale(nn.Module):
    """Mean and deviation of the intensities of each tissue."""

    center: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(3))
        self.register_buffer("spread", torch.ones(3))

    def measure(self, tumours: Sequence[tuple], healthy: Sequence[tuple]) -> None:
        """Take both from pairs of an image and its regions, arrays of equal shape.

        Of `tumours` the regions are rim and core; of `healthy`, the places of normal tissue.

        Raises:
            ValueError: There is no normal tissue, or no tumour.
        """
        parts: list[list[Tensor]] = [[], [], []]
        for image, regions in healthy:
            parts[NORMAL].append(torch.as_tensor(image)[torch.as_tensor(regions) > 0])
        for image, regions in tumours:
            for number in (RIM, CORE):
                parts[number].append(torch.as_tensor(image)[torch.as_tensor(regions) == number])
        joined = [torch.cat(part) if part else torch.zeros(0) for part in parts]
        if not (len(joined[NORMAL]) and len(joined[RIM]) + len(joined[CORE])):
            count = f"{len(tumours)} tumours and {len(healthy)} healthy places"
            raise ValueError(f"no voxels of normal tissue or of tumour in {count}")
        for number, values in enumerate(joined):
            # Where only the whole is outlined there is no core: it is then never asked for.
            if len(values):
                self.center[number] = values.mean()
                self.spread[number] = values.std(correction=0).clamp_min(LEAST_SPREAD)

    def scaled(self, images: Tensor, tissue: Tensor) -> Tensor:
        """Return images in units of their tissue.

        Args:
            images: (B, 1, *space) in [-1, 1].
            tissue: Of each voxel, in the same shape: NORMAL, RIM or CORE.
        """
        return compressed((images - self.center[tissue]) / self.spread[tissue])

    def images(self, scaled: Tensor, tissue: Tensor) -> Tensor:
        """Return the images that `scaled` was given."""
        return expanded(scaled) * self.spread[tissue] + self.center[tissue]


def compressed(values: Tensor) -> Tensor:
    """Return values as they are up to `LINEAR`, beyond it by their logarithm; invertible.

    >>> compressed(torch.tensor([1.0, -3.0]))
    tensor([ 1., -3.])
    """
    beyond = functional.relu(values.abs() - LINEAR)
    return values.clamp(-LINEAR, LINEAR) + values.sign() * torch.log1p(beyond)


def expanded(values: Tensor) -> Tensor:
    """Return what `compressed` was given."""
    beyond = functional.relu(values.abs() - LINEAR)
    return values.clamp(-LINEAR, LINEAR) + values.sign() * torch.expm1(beyond)
