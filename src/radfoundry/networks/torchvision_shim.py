"""Make torchvision importable beside a torch of another build.

nnU-Net imports timm, timm imports torchvision. The wheel of torchvision is built for CUDA; its
native library does not load beside a CPU torch, so its operators are never declared, and the
Python that describes two of them stops every import with "operator torchvision::nms does not
exist". Declaring these two by name is enough: nobody here calls them. Where the native library
loads, nothing is done. Delete this module when torchvision imports without its library.
"""

import importlib.util
from functools import cache
from pathlib import Path

import torch

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def ensure() -> object:
    """Declare the operators once, before the first import of torchvision.

    Returns:
        What must stay alive for the declaration to hold; None where none was needed, because the
        native library is there or torchvision is not.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or _native(Path(found.origin).parent):
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in OPERATORS:
        library.define(operator)
    return library


def _native(folder: Path) -> bool:
    """Return whether the operators are there, loading torchvision's own library if it can be."""
    for path in sorted(folder.glob("_C*.so")):
        try:
            torch.ops.load_library(str(path))
        except OSError:  # built for another torch
            continue
    return hasattr(torch.ops.torchvision, "nms")
