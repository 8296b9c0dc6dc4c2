"""What leaves the house: a dataset with its table, its card and its checksums.

* `dataset`: the table of a release and its files. `radiographs`, `volumes`: images in their format.
* `formats`: further formats by name, each a file of `exporters`.
"""
