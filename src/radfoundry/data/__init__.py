"""Data: from a file of the user's to a tensor, and who may be in which split.

* `gate`: the only way in. `preprocess`: images on a common footing.
* `splits`, `duplicates`, `leakage`: patients in one split alone.
* `channels`, `augmentation`: cases as what a network takes in and draws.
"""
