"""What generators share of requests: how they are planned, what they ask for, how they are drawn.

* `planning`: sources and seeds of requests. `prompts`: what a prompt says of each finding.
* `coverage`: prompts for what real cases show least.
* `spacings`: the voxel size of each sample.
* `text_guided`: requests of generators that take prompts, and the probes of their evaluation.
* `drawing`: requests that are alike go through the networks together, whatever the generator.
"""
