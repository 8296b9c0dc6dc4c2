"""What must not leave with a bundle beside images and ids: words that may be a patient's name.

No image is ever put in. Ids could come in by a card or a name, so every text is searched for them
by `release.identifiers`. What a network remembers of its training images no search finds: the model
card says so.
"""

import re
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W\d_]{3,}")


def rare_words(vocabulary: Sequence[str], reports: Iterable[tuple[str, str]]) -> list[str]:
    """Return the whole words of a vocabulary that stand in reports of one patient alone, sorted.

    Such a word may be a name that nobody took out of a report.

    Args:
        vocabulary: Word pieces; those that go on a word start with "##".
        reports: (patient, report) of each training case.
    """
    whole = {piece for piece in vocabulary if WORD.fullmatch(piece)}
    patients: dict[str, set[str]] = {}
    for patient, report in reports:
        for word in set(WORD.findall(report.lower())) & whole:
            patients.setdefault(word, set()).add(patient)
    return sorted(word for word, own in patients.items() if len(own) == 1)
