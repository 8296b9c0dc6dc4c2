"""Networks by architecture, in 2D and 3D, as classes whose sizes are data.

* `build`: makes a network of a size; the tables of sizes stand in the generators.
* `pseudo3d_unet`: convolutions of planes and depth in turn, for a GPU.
* `wavelet_unet`: a U-Net on the Haar transform (`wavelets`), for any machine.
* `shift_unet`: one of shifts whose places are learned, for bodies that lie alike.
* `diffusion_unet`: MONAI's, which reads a text at every level that attends.
* `preconditioned_unet`: the same with EDM's preconditioning. `controlnet`: it or `shift_unet`,
  frozen, with a copy of its encoder that sees maps. `power_averages`: of weights, chosen later.
* `super_resolution`: from a coarse volume to a full one, around a regression.
* `gan`: a Wasserstein GAN.
* `value_unet`, `value_gan`: told numbers of which any may be missing (`values`); `texture_unet`
  (`value_tokens`): at every level, and by region.
* `layers`, `blocks`: what they are made of. `costs`: parameters and memory, without running them.
* `torchvision_shim`: lets libraries that import torchvision run beside a CPU build of torch.

Networks that denoise are called as `network(noisy, times, text=None, text_mask=None, concat=None)`
and return an estimate of the clean pictures (B, C, *space): see `radfoundry.diffusion`. `concat`
(B, C', *space) are channels that are seen but not drawn: a low-resolution picture, or what is known
of this one. A design among `build.TOLD_GEOMETRY` takes `geometry=None` (B, 6) too: the logarithms
of spacing and field of view in mm, see `blocks.GeometryEmbedding`.
Those of `value_unet` are called as `network(noisy, times, scores, known)`.
Their attribute `saving` says whether the backward pass computes layers again: a size's
`checkpoint` sets it, and `gradient_checkpointing` of a training after that.
"""
