"""What readers are asked, and what they may answer."""

from itertools import permutations
from typing import NamedTuple

REAL, SYNTHETIC = "real", "synthetic"
USEFUL = 4  # an outline counts as useful from this score on


class Question(NamedTuple):
    """One task of a reader study.

    Attributes:
        text: What is asked of every picture, or of every set of pictures.
        hint: How it is answered.
        choices: Key, what it records, and what it says; () where pictures are put in order.
    """

    text: str
    hint: str
    choices: tuple[tuple[str, str, str], ...] = ()


QUESTIONS = {
    "origin": Question(
        "Is this image real or synthetic?",
        "Press 1 or 2.",
        (("1", REAL, "Real"), ("2", SYNTHETIC, "Synthetic")),
    ),
    "ranking": Question(
        "Which of these images looks most like a real one?",
        "Press the numbers of the images from the most to the least realistic.",
    ),
    "overlay": Question(
        "How useful are the outlines in this image?",
        "Press 1 to 5.",
        (
            ("1", "1", "Misleading"),
            ("2", "2", "Useless"),
            ("3", "3", "Of some use"),
            ("4", "4", "Useful after corrections"),
            ("5", "5", "Useful as they are"),
        ),
    ),
}


def allowed(task: str, pictures: int) -> list[str]:
    """Return the answers to a task, for an item of so many pictures.

    >>> allowed("origin", 1)
    ['real', 'synthetic']
    >>> allowed("ranking", 2)  # numbers of pictures, the best one first
    ['1,2', '2,1']
    """
    if QUESTIONS[task].choices:
        return [value for _, value, _ in QUESTIONS[task].choices]
    places = [str(place + 1) for place in range(pictures)]
    return [",".join(order) for order in permutations(places)]
