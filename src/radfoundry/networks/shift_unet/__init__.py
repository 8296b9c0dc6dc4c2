"""A denoising network for aligned bodies on few cores: a U-Net of shifts and linear layers.

* `unet`: the network. `blocks`: its layers. `text_features`: what it knows of a text.
"""
