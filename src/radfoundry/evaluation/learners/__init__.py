"""Small networks that real cases teach to see findings, and cases as these take them.

Downstream tasks compare arms by them; the expert on findings judges samples by them.

* `classifier`: networks that recognize findings. `segmenting`: U-Nets that mark a finding.
* `plateau`: training that ends where the tune split gains no more.
* `targets`: what is asked for: a finding, its side, its severity.
* `radiographs`: films and masks as networks take them. `lesion_volumes`: CT and MR with their
  lesions. `slices`: what these teach U-Nets of slices.
"""
