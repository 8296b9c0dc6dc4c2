"""What a metric of the scorecard is."""

from typing import NamedTuple


class Metric(NamedTuple):
    """What a metric is called, counts and means to a reader.

    Attributes:
        title: In plain words.
        unit: "1" for a pure number, "fraction" for a share shown in percent; "" where each row
            tells its own.
        higher_is_better: None where neither direction is better.
        good: One sentence on what a good value looks like.
    """

    title: str
    unit: str
    higher_is_better: bool | None
    good: str
