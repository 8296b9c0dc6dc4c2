"""Whether a text is in English, the one language that the rules read.

It counts function words and the common words of reports, English ones against those of other
languages; words with letters beyond a to z count as others. That tells a report, and most single
sentences; it cannot tell a word or two of the Latin that all languages share ("Emphysema").
"""

import re
from collections.abc import Set
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")
_CAPITAL = r"\s+[^\W\d_]*[A-ZÀ-Þ][^\W\d_]*"
_NAME = re.compile(  # a capital within a sentence, "Müller de la Cruz"
    rf"(?<=[^\s.!?:;]){_CAPITAL}(?:(?:\s+(?:de|la|van|der|von|den|da|di|del|dos))+{_CAPITAL})?"
)
_LOWER = re.compile(r"[a-zß-ÿ]")
SURE = 2  # words of another language that a sentence with English words must have to be foreign


@dataclass(frozen=True)
class Languages:
    """Words, lower case, by what they say of a text's language; `shared` ones say nothing."""

    english: Set[str]
    others: Set[str]
    shared: Set[str]

    def counts(self, text: str) -> tuple[int, int]:
        """Return how many words of a text are English ones, and how many of other languages.

        Names say nothing: what has a capital within a sentence is no word of another language.
        """
        text = text if _LOWER.search(text) else text.lower()
        words = _WORD.findall(text.lower())
        nameless = _WORD.findall(_NAME.sub(" ", text).lower())
        foreign = [w for w in nameless if w in self.others or not w.isascii()]
        return sum(word in self.english for word in words), len(foreign)

    def read(self, text: str) -> bool:
        """Return whether a text is English; one without words is, one of unknown words is not."""
        known, foreign = self.counts(text)
        unknown = set(_WORD.findall(text.lower())) - self.shared - self.english
        return known > foreign or not (foreign or any(len(w) > 2 for w in unknown))

    def strange(self, sentence: str) -> bool:
        """Return whether a sentence of an English report is surely in another language."""
        known, foreign = self.counts(sentence)
        return foreign > known and (foreign >= SURE or not known)
