"""Whether an anatomy map can be trusted: each structure ends ok, absent, suspect or failed.

* `assess`: the one question, for images of any kind; `radiographs` and `volumes` answer it.
* `status`: what an answer is.
"""
