"""Point 16 of what real reports broke: one report of each kind of fault, read as it should be.

`tests/gold_sentences.tsv` has more of every kind.
"""

import warnings

import numpy as np
import pytest

from radfoundry.text import labeler

NAMES = ("pleural_effusion", "consolidation", "nodule", "cardiomegaly")
OPEN = np.nan
ROWS = {
    "a sentence goes on in the next line": ("No evidence of\nEffusion or nodule.", [0, 0, 0, 0]),
    "an abbreviation ends no sentence": ("No sig. pl. effusion. Small R. nodule.", [0, 0, 1, 0]),
    "a full stop without a space ends one": ("No effusion.Nodule in the RUL.", [0, 0, 1, 0]),
    "a form is filled in": ("Pleural effusion: No. (-) consolidation.", [0, 0, 0, 0]),
    "a purpose denies nothing": ("CT to document resolution of consolidation.", [0, 1, 0, 0]),
    "a question is open": ("CT is advised to exclude a nodule.", [0, 0, OPEN, 0]),
    "history ends at a comma": ("History of cancer, nodule on the left.", [0, 0, 1, 0]),
    "what was resected is gone": ("Nodule s/p resection. Left effusion.", [1, 0, 0, 0]),
    "what cleared is gone": ("Interval clearing of the consolidation.", [0, 0, 0, 0]),
    "a reason is no finding": ("Reason: nodule.\nFindings: No effusion.", [0, 0, 0, 0]),
    "a doubt is open": ("Favor scar over nodule. Trace, if any, effusion.", [OPEN, 0, OPEN, 0]),
    "a skin fold is no nodule": ("The nodule is likely a skin fold.", [0, 0, OPEN, 0]),
    "another language is open": ("Kein Erguss. Das Herz ist normal.", [OPEN] * 4),
    "words of radiologists": ("Granuloma. Cardiac silhouette enlarged.", [0, 0, 1, 1]),
}


@pytest.mark.parametrize(("report", "labels"), ROWS.values(), ids=ROWS)
def test_row_16_a_report_is_labeled_as_a_radiologist_would(report, labels):
    with warnings.catch_warnings(record=True) as told:
        found = labeler.labels_of({"report": report}, NAMES)
    np.testing.assert_array_equal(found, labels)
    assert bool(told) == bool(np.isnan(found).all())
