"""One file per downstream task; the file's name is what config calls it (see radfoundry.catalogue).

A task trains a model on each *arm* (a make-up of the training set: synthetic, real, a baseline)
with the same network, steps and data order, and measures all of them on the same test cases. A
task module has

* `ARMS`: name to what it is trained on; a small table, so that adding an arm is adding a row.
* `MODALITIES`: the kinds of image it is about, such as `("CT",)`; all if left out.
* `OPTIONS`: what config may set under `evaluate.<task>`, with defaults.
* `fit(arm, material, options, rng, device, progress) -> Weights`: one training. `material` holds
  training cases alone; equal generators give equal weights.
* `predict(weights, pictures, options, device)`: what the model says of each case, whatever else
  is in the batch.
* `choose_threshold(...)`: from the tune split; the test split is never looked at for it.
* `score(...) -> DataFrame`: one row per test case, with all that the metrics need, so that
  intervals by patient can be drawn again without running a network.
* `summarise(predictions, options, rng) -> DataFrame`: one row per figure of the scorecard, with n
  and an interval.

Promises, tested for every file here: inputs are left alone; a metric that is not defined is NaN.
Tasks do not import each other.
"""
