"""Whether an anatomy map can be trusted: each structure has a status, from present to failed.

* `assess`: the one question, for images of any kind; `radiographs` and `volumes` answer it.
* `status`: what an answer is. `field_of_view`: what a volume could not have shown.
"""
