"""Chest radiographs drawn as latents: what the generators of radiographs share.

* `maps`: organs and findings of a case as channels, on the pixels and on the grid of latents.
* `words`: what is said of a case, or asked for; the text encoder that reads it.
* `sizes`, `options`: tables of networks and of their training.
* `latents`: pictures to latents and back; those of all cases, encoded once.
* `task`: what a denoising network is taught. `training`: it and the text encoder are trained, and
  made again from their weights; `fitting`: on what data and other networks.
* `variants`, `variant_options`: networks that a recipe may have beside the one that draws latents,
  or in its place. `pretrained`, `pretrained_engine`: a base of others, from a diffusers folder.
* `warps`: another patient's organs, drawn from those of a case. `shapes`: masks of findings that
  nobody saw, where the vocabulary allows them. `requests`: both chosen, and written down.
* `scenes`: what a sample must show, and the sample. `drawing`: pictures of several requests at
  once.
"""
