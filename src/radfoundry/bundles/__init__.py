"""Bundles: trained networks with all that drawing needs, to be handed on without any patient.

A bundle is a folder, or a .zip of it: weights in safetensors with their cards, the grid, the words
for labels, a model card and the sha256 of every file. `load` it and `draw`; no cohort, no config
and no workflow is needed, and a request gives the bytes that the workflow draws for it.

* `bundle`: loads and draws. `making`, `privacy`, `model_card`: what goes into one, what must not,
  and what it says of itself. `results`: finds that in a results folder. How it lies on disk says
  `training.sealed`, for a training may start from a bundle.
"""

from radfoundry.bundles.bundle import Bundle, load
from radfoundry.training.sealed import BundleError

__all__ = ["Bundle", "BundleError", "load"]
