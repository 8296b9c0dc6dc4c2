"""One downstream task each; its name is what config calls it (see radfoundry.config.catalogue).

A task trains a model on each *arm* (a make-up of the training set: synthetic, real, a baseline)
with the same network and steps, and measures all of them on the same test cases. All arms of a
seed begin with equal generators, so that a difference of two arms has as little chance in it as
can be: arms taught by equal cases are equal. A task module has

* `ARMS`: name to what it is trained on; a small table, so that adding an arm is adding a row.
* `NULL_ARMS`: those of them that are taught by samples of the recipe's null arm, if any.
* `PICTURES`: voxels along the axes of a case as it is kept in memory, by size of the network; whole
  cases if left out. A job asks for memory by it.
* `MODALITIES`: the kinds of image it is about, such as `("CT",)`; all if left out.
* `SUBGROUPS`: what subgroups of patients are compared by, if they are: `figures`, names in
  `metrics.subgroups`; `baseline`, the arm without samples, and `claimed`, the one with them.
* `OPTIONS`: what config may set under `evaluate.<task>`, with defaults.
* `KINDS`: 1 where cases with a lesion alone teach; cases with and without where it is left out.
* `run(arm, cases, options, rng, device, progress) -> DataFrame`: train one arm and return what it
  says of every test case: rows of the table `predictions`, with all that the metrics need, so that
  intervals by patient can be drawn again without running a network. `cases` maps "train", "tune"
  and "test" to the cases of those splits of the recipe's cohort, "unseen" to those of cohorts that
  no training saw, "samples" to the samples that the experts kept, "unfiltered" to all that were
  drawn, each with the fact `kept` (true or false), and "untrained" to those of the recipe's null
  arm, for `NULL_ARMS`. Each may be an iterator that reads its files on the way: walk it once, or
  not at all. Equal generators give equal rows. Among the options are `cohort`, the recipe's, and
  `seed`, the number of the training: what is chosen by it is equal in all arms. Nothing is chosen,
  no threshold and no step, by the cases that it is tested on.
* `summarise(predictions, options, own, rng) -> DataFrame`: one row per figure of the scorecard,
  with n and an interval, from the rows of all arms and seeds; `own` is the recipe's cohort.

Promises, tested for every file here: inputs are left alone; a metric that is not defined is NaN.
Tasks do not import each other; what they share is `_options`, `_folds` and `_few_shot`, and
`evaluation.learners`.
"""
