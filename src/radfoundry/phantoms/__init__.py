"""One file per kind of phantom: bodies whose truth is known because we drew them.

A phantom module has

* `SITES`: the hospitals it knows, by name, with what sets each apart.
* `MODALITIES`: the kinds of image it is about, such as `("CT",)`; all if left out.
* `OPTIONS`: what config may set under `phantom:`, with defaults.
* `plan(options, rng) -> DataFrame`: one row per case (case, patient, findings, report, sex, age,
  site, view, spacing_mm, parameters). Every random choice is made here and written, as JSON, in
  `parameters`.
  Sex, age and view shape the bodies and films of chests: width, breasts, cage, heart, beam. Of a
  tumour's organ, sex and age are labels: subgroups by them can differ by chance alone.
* `draw(parameters) -> Case`: image, anatomy and findings, a pure function of that JSON.

Promises, tested for every file here: equal parameters draw equal bytes; a finding changes the
image only where its mask is; left is left. Phantoms do not import each other.
"""
