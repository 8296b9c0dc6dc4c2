"""Segmenters: each file labels anatomy in images of some modality; the folder is the register.

A segmenter is a module with

* `STRUCTURES`, the regions it can label, named as in `labels.yaml`: its card. What it does not name
  it never labels, and what it names but does not find it leaves out: `quality.assess` then says
  absent or failed.
* `structures(options)`, those of `STRUCTURES` that it labels under the options given.
* `MODALITIES`, the kinds of image it reads, such as `("CXR",)`.
* `OPTIONS`, its options with their defaults; an option that is not there is refused by name.
* `NEEDS_WEIGHTS`, whether it has weights. They come from `fit`, unless an option `weights` names
  files instead of "phantoms".
* `prepare(options, weights=None, device="cpu")`, which returns the function that labels: a `Volume`
  goes in, a uint8 anatomy map on the same grid comes out. Equal images give equal maps.
* only where `NEEDS_WEIGHTS`: `PHANTOM`, the kind of phantom that `fit` learns from;
  `phantoms(options)`, what to plan of it; and `fit`, below.
* optional: `explained(options, weights=None, device="cpu")`, as `prepare`, but a pair
  comes out: the map, and notes by structure on how it was found.

`fit(options, rng, device="cpu", cases=(), progress=None)` returns `weights.Weights`:

* `options`: `OPTIONS`, of which any may be left out.
* `rng`: the source of all chance.
* `device`: where to train.
* `cases`: phantoms with their anatomy, drawn by the caller as `phantoms(options)` says: segmenters
  lie below phantoms.
* `progress`: called after each step with steps done, steps in all and the loss's terms.

It raises ValueError when there are no cases, or an option that does not exist.

A segmenter of CT labels anatomy alone: `anatomy.chest_ct.findings.marked` reads effusion and
emphysema off the image and any such map.

Segmenters do not import each other; what they share lies beside them (`_phantom_training`,
`_nnunet`) or a layer below (`anatomy`).
"""
