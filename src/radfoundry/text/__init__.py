"""Reports and prompts as token features: the text encoder of MedSyn, built and trained here.

* `tokenizer`: a WordPiece vocabulary learned from the cohort's reports, and reports as ids.
* `encoder`: the BERT and its sizes, its weights at rest, and features of prompts.
* `pretraining`: the paper's two tasks, masked words and paired sections.
* `pretrained`: a BERT in a local folder, CXR-BERT for one, as weights of ours.
"""
