"""One file per generator; the file's name is what config calls it (see radfoundry.catalogue).

A generator module has

* `NETWORKS`: its networks and their sizes; empty if it learns nothing.
* `MODALITIES`: the kinds of image it is about, such as `("CT",)`; all if left out.
* `OPTIONS`: what config may set under `sample:`, with defaults.
* `plan(cases, options, seed) -> DataFrame`: one request per sample (columns request, source,
  split, seed, parameters as JSON). Every choice is made here, from the request's own seed.
* `draw(request, source, networks) -> Case`: one sample, a pure function of the request.
* learned generators: `fit(network, cases, options, rng, device) -> Weights`.

Promises, tested for every file here: equal seeds draw equal bytes, another seed another sample;
order and batch change nothing; inputs are left alone; a generator that edits a source leaves
every pixel outside its findings mask as it was, bit for bit, and never returns an empty mask.
Generators do not import each other.
"""
