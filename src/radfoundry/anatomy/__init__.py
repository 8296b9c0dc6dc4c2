"""Anatomy: the words for it, how it is found without weights, and whether a map can be trusted.

* `regions`: the vocabulary of every label map, from `labels.yaml`.
* `chest_ct`, `chest_xray`: methods that find it. `quality`: what to distrust.
"""
