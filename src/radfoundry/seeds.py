"""One seed for each decision: sha256 of the recipe's seed, the stage and the sample.

Seeds never depend on how many samples there are, their order or their batch.
"""

import hashlib


def seed(recipe_seed: int, stage: str, index: int | str) -> int:
    """Return a sample's own seed: 63 bits of the sha256 of recipe seed, stage and index.

    >>> seed(7, "sample", "case-1/0") == seed(7, "sample", "case-1/0")
    True
    >>> seed(7, "sample", "case-1/0") == seed(8, "sample", "case-1/0")
    False
    """
    digest = hashlib.sha256(f"{int(recipe_seed)}/{stage}/{index}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
