"""Words: reports written, read, and turned into token features.

* `composer`: a report from findings, with the vocabulary of `wording.yaml`.
* `labeler`: findings from a report. `encoder`: token features from a report.
"""
