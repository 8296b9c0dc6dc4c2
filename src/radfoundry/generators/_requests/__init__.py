"""What generators share before anything is drawn: the table of requests and what it asks for.

* `planning`: sources and seeds of requests. `prompts`: what a prompt says of each finding.
* `spacings`: the voxel size of each sample.
* `text_guided`: requests of generators that take prompts, and the probes of their evaluation.
"""
