"""Whether an anatomy map can be trusted: each is present, absent, small, cropped or failed.

* `assess`: the one question, for images of any kind; `radiographs` and `volumes` answer it.
* `status`: what an answer is.
"""
