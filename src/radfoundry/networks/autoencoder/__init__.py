"""Latent autoencoders in 2D and 3D: pictures on a grid that is coarser, with more channels.

Every design maps (B, channels, *space) to the mean and the standard deviation of a normal
distribution over latents (B, latent, *space / factor), and latents back to pictures. Sizes are
data: see `build`. `latents.Latents` is what others use: deterministic, and in units of one standard
deviation.
"""
