"""Networks that denoise, in 2D and 3D, as classes whose sizes are data.

* `sizes`: every size as a table, and `build`, which makes a network of a size.
* `published`: MedSyn's two U-Nets, for a GPU.
* `lean`: a U-Net on the Haar transform, for any machine; `bands` and `bottom` are its ends.
* `blocks`: what they are made of. `costs`: parameters and memory, without running them.

All are called as `network(noisy, times, text=None, text_mask=None, concat=None)` and return an
estimate of the clean pictures (B, C, *space): see `radfoundry.diffusion`. `concat` (B, C', *space)
are channels that are seen but not drawn: a low-resolution picture, or what is known of this one.
"""
