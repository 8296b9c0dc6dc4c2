"""Experts measure how far a sample can be trusted; one file each, which config calls by its name.

An expert measures, radiographs and CT alike; `radfoundry.verdicts` decides. An expert module has

* `OPTIONS`: what config may set under `filter: {<expert>: ...}`, with defaults; `quantile` is the
  share of real tune cases that the threshold may refuse, and is read by `verdicts` alone.
* `fit(cases, options, device) -> dict`: what it must know of real cases of the train split,
  JSON-able. The cases may be read on the way: they are walked once, and none is kept whole.
* `score_real(case, reference, options, device) -> float`: the measurement on a real case of the
  tune split, from which the threshold is taken.
* `score(sample, source, reference, options, device) -> float`: the same measurement on a sample;
  `source` is the case whose image it starts from, or None where it starts from none.

The device is where its networks run, if it has any: a GPU where `filter: {<expert>: {device: gpu}}`
says so, "cpu" if left out.

Higher is better. NaN means that there is no evidence, which is never agreement: such a sample ends
undecided. Inputs are left alone, equal inputs give equal scores, and experts do not import each
other.
"""
