"""Reports and prompts as token features: a text encoder, built and trained here.

* `tokenizer`: a WordPiece vocabulary learned from the cohort's reports, and reports as ids.
* `model`: the BERT and its sizes, its weights at rest, and features of prompts.
* `pretraining`: the paper's two tasks, masked words and paired sections.
* `finding_task`: a third one, to name what a report says of each finding.
* `local_model`: a BERT in a local folder, CXR-BERT for one, as weights of ours.
"""
