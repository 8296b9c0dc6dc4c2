"""Whether drawn images copy those that the generator learned from, and what could not be seen.

* `views`: what the audit sees of a case: small pictures of the whole, of each lesion, of the masks.
* `network`: embeddings learned here, one that follows structural similarity and finds copies, one
  that recognizes patients by their other exams: either does the other's work badly, so that the two
  are measured apart.
* `search`: how alike two pictures are once one is laid onto the other. `looks`: the nearest of all
  training cases to each picture, by both.
* `names`: what figures are called. `planted`: copies that an audit must find, and lesions pasted
  onto others.
* `measures`, `audit`: thresholds and figures. `gate`: when a release must wait.

A sample that passes was not found to be a copy by what is looked for here. It does not follow that
nothing of a patient can be learned from it, from many samples, or from the network's weights.
"""
