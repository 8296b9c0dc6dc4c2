"""Readers say what an image shows, independent of whoever drew it.

* `finding_reader`: the network that reads findings off radiographs, taught by real films of the
  tune split; its layers and sizes are in `network`.
* `stated`: what is known or asked of a film, finding by finding: what a reader is taught and
  judged by.
"""
