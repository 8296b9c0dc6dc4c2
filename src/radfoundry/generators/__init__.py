"""Generators draw samples; one file or folder for each paper, which config calls by its name.

A generator module has

* `NETWORKS`: its networks and what they are, in a few words each; empty if it learns nothing.
* `CLAIMED`: the networks that are said to draw, see `config.untrained`: with these at 0 steps the
  evaluation draws a null arm. `train: {<network>: {steps: 0}}` must leave one as it begins.
* `NEEDS`: for a network, those whose weights `fit` is given; empty where each stands alone.
* `MODALITIES`: the kinds of image it is about, such as `("CT",)`; all if left out.
* `TRAIN`: what config may set under `train:`, see `catalogue.training`; unchecked if left out.
  `RENAMED`: old names of keys below it with their new ones, if there are any; `VALUES`: what values
  of keys below a network may be, see `training_values`.
* `PUBLISHED`: what the paper reports, by system, metric and arm; `VARIANTS`: which of its systems a
  recipe is, see `lookups.variant`; `SUPER_RESOLUTION`: the network that draws the full grid.
* `HEADLINES`: the metrics that its samples are judged by first, each with the part of `evaluate`
  that measures it: where it does not, the scorecard says so.
* `AUTOENCODER`: the network on whose latents others stand; `USED`: networks that not every recipe
  has, see `lookups.networks_of`. With the former, `round_trip(weights, device)`, which returns a
  function of a case that is encoded and decoded.
* `COARSE`: the option that is the factor of a coarse grid, and its value by size, if there is one.
* `THRESHOLDS`: the network on whose card `thresholds` say from which value on drawn channels show
  their structure; `shapes(case, options, networks, seed)` are the channels drawn beside an image.
* `SOURCE_LENDS`: "grid" if a sample takes no more of its source than voxels along each axis, place
  and given channels (its voxel size is the request's), so that a bundle can draw where no patient
  is; "image" if left out. `LIMITS`: sentences for its card.
* `OPTIONS`: what config may set under `sample:`, with defaults.
* `plan(cases, options, seed) -> DataFrame`: one request per sample (columns request, source,
  split, seed, parameters as JSON). Every choice is made here, from the request's own seed.
* `prepare(weights, device) -> networks`: its networks by name as they were stored, built once and
  ready to draw; {} if it learns nothing.
* `draw(request, source, networks) -> Case`: one sample, a pure function of the request. The sample
  lies on the source's grid, with the voxel size that the request states, if it does; a request may
  say that the source's channels are kept.
* generators that draw several at once: `alike(request, source)`, equal for requests that may go
  through the networks together, and `draw_many(requests, sources, networks) -> list[Case]` of such;
  `draw` is then that of one. `DRAWING_BYTES`: memory of a GPU that one sample takes, per voxel, by
  size; `resources.drawn_together` chooses by it how many are drawn at once.
* learned generators: `fit(network, data, options, rng, device, callbacks) -> Weights`, with
  `training.loop.TrainingData` (cases of the train split, the networks of `NEEDS`), `train:` of the
  recipe with `size` ("phantom", "workstation" or "paper"), and `training.loop.Callbacks`.
* generators that take prompts: `probe(cases, options, seed) -> DataFrame`, the requests that the
  evaluation draws beside the dataset (see `_requests.text_guided`).

Promises, tested for every file here: equal seeds draw equal bytes, another seed another sample;
order and batch change nothing (at an equal number drawn together); inputs are left alone; a
generator that edits a source (one that learns nothing does) leaves every pixel outside its findings
mask as it was, bit for bit, and never returns an empty mask.
Generators do not import each other.
"""
