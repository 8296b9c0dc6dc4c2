"""Bundles: trained networks with all that drawing needs, to be handed on without any patient.

A bundle is a folder, or a .zip of it: weights in safetensors with their cards, the grid, the words
for labels, a model card and the sha256 of every file. `load` it and `draw`; no cohort, no config
and no workflow is needed, and a request gives the bytes that the workflow draws for it.

* `storage`: folders and zips. `bundle`: draws. `making`, `privacy`, `model_card`: what goes into
  one, what must not, and what it says of itself. `results`: finds that in a results folder.
"""

from radfoundry.bundles.bundle import Bundle
from radfoundry.bundles.storage import BundleError, load

__all__ = ["Bundle", "BundleError", "load"]
