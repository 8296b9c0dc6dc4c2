"""A U-Net on the Haar transform of a volume, for any machine: what `size: phantom` draws with.

* `unet`: the network. `bottleneck`: attention at its coarsest level.
* `band_statistics`: mean and spread of each Haar band, by which inputs are normalized.
* `gaussian_prior`, `principal_components`: the closed-form estimate that the network corrects.
* `value_prior`: what values a channel takes, such as 0 and 1 for a mask.
"""
