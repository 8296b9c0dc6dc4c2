"""The one training loop of all networks, with its checkpoints and what watches it.

* `loop`: steps, averaged weights, exact resume. `settings`: what config may set of it.
* `callbacks`: loss curves, previews. `checkpoints`: resume, or refuse and say what differs.
* `acceleration`: half precision, gradient checkpointing, compilation.
* `start`: tensors of another training to go on from.
* `processes`: several GPUs or machines. `losses`: losses that more than one network has.
"""
