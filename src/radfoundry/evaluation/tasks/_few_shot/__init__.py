"""What few-shot tasks share: who teaches, how long, and on whom it is tested.

* `task`: the arms, and what differs between tasks.
* `frame`: trains one arm for each target and number k of patients, and sums all arms up.
* `pools`: all cases as networks take them. `teaching`: one arm, one target, one k.
* `regimes`: the k patients of each kind, and who is added to them.
* `classifying`: classifiers in 2D and 3D. `detecting`: networks that box a finding.
* `copy_paste`: lesions in other films. `pasted_lesions`: in other organs.

The networks, and cases as these take them, are in `evaluation.learners`.
"""
