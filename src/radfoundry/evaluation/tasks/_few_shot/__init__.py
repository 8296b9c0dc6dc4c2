"""What few-shot tasks share: who teaches, how long, and on whom it is tested.

* `frame`: trains one arm for each target and number k of patients; `frame.Task` says what differs.
* `regimes`: the k patients of each kind, and who is added to them.
* `targets`: what is asked for: a finding, its side, its severity.
* `plateau`: training that ends where the tune split gains no more.
* `classifying`: classifiers in 2D and 3D. `segmenting`: U-Nets that mark a finding.
* `radiographs`: films and masks as networks take them. `copy_paste`: lesions in other films.
"""
