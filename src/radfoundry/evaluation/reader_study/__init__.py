"""The reader study: people judge images without knowing which are real, and are judged by a key.

Not to be confused with `evaluation.readers`, which are networks that find findings.

* `selection`: which cases and samples are shown, by chance. `pictures`: what a person sees of them.
* `pack`: one page for each reader, and the key that stays at home.
* `answers`: what came back, refused where it is not what was asked. `analysis`: its figures.
"""
