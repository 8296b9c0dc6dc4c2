"""What few-shot tasks share: who teaches, how long, and on whom it is tested.

* `task`: the arms, and what differs between tasks.
* `frame`: trains one arm for each target and number k of patients, and sums all arms up.
* `pools`: all cases as networks take them. `teaching`: one arm, one target, one k.
* `regimes`: the k patients of each kind, and who is added to them.
* `targets`: what is asked for: a finding, its side, its severity.
* `plateau`: training that ends where the tune split gains no more.
* `classifying`: classifiers in 2D and 3D. `segmenting`: U-Nets that mark a finding. `detecting`:
  networks that box it.
* `radiographs`: films and masks as networks take them. `copy_paste`: lesions in other films.
* `lesion_volumes`: CT and MR with their lesions. `slices`: what these teach U-Nets of slices.
  `pasted_lesions`: lesions in other organs.
"""
