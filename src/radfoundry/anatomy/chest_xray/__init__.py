"""Anatomy of the chest in frontal radiographs, found by methods that need no weights.

* `contrast`: pictures whose contrast is alike everywhere. `lung_shape`: what lungs can look like.
* `lung_fit`: shapes fitted to a picture. `heart`: the heart's border between two lungs.
"""
