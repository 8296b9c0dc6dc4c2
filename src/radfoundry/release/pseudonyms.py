"""Names of a release: ids that say nothing of the user's, and the table that leads back.

An id is a digest of the recipe, its seed and the *content* of the image that a sample starts from,
which never leaves the house. The user's ids do not enter: who guesses them, or owns their list,
cannot find out which sample is whose. The same cohort, recipe and seed give the same names, so that
two releases can be compared; another recipe, or seed, names the same patient otherwise.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from radfoundry.case import Case

LETTERS = 16  # of a digest: 64 bits, so that a million samples get names of their own
KIND = {  # columns that hold ids, and of what
    "sample": "sample", "request": "sample", "case": "case", "source": "case", "donors": "case",
    "patient": "patient",
}  # fmt: skip
PREFIX = {"sample": "syn", "case": "case", "patient": "patient"}
DRAWN_FROM_IDS = "seed"  # a digest of the source's id: whoever guesses an id could prove it by this
FACTS = ("split", "findings")  # of a sample that exporters may see


@dataclass(frozen=True)
class Names:
    """The id that a release uses for each of the user's, by kind.

    Attributes:
        of: "sample", "case" and "patient", each with the release's id of every id of the user's.
        kept: Whether they are the user's own.
    """

    of: Mapping[str, Mapping[str, str]]
    kept: bool = False

    def table(self) -> pd.DataFrame:
        """Return all of them, columns kind, id, released: what must stay in the house."""
        rows = [(kind, own, name) for kind, names in self.of.items() for own, name in names.items()]
        return pd.DataFrame(rows, columns=["kind", "id", "released"])

    def ids(self) -> frozenset[str]:
        """Return the user's ids, none of which may leave; nothing where they are kept."""
        return frozenset() if self.kept else frozenset(self.table()["id"])

    def renamed(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the release's ids in each column of `KIND` that it has.

        Raises:
            ValueError: An id that has no name.
        """
        if self.kept:
            return table
        renamed = {c: [self._each(KIND[c], v) for v in table[c]] for c in KIND if c in table}
        return table.assign(**renamed)

    def _each(self, kind: str, ids: str) -> str:
        """Return the names of ids that are joined by |; "" for none."""
        try:
            return "|".join(self.of[kind][one] for one in str(ids).split("|") if one)
        except KeyError as error:
            message = f"{kind} {error.args[0]} is none of the cohort's or of the requests'"
            raise ValueError(f"no name in the release: {message}") from None

    def told(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a released table without what the user's ids could be proven by."""
        return table if self.kept else table.drop(columns=DRAWN_FROM_IDS, errors="ignore")

    def shown(self, sample: Case) -> Case:
        """Return a sample as what is shipped may tell of it, once its tables are renamed."""
        if self.kept:
            return sample
        facts = {key: value for key, value in sample.facts.items() if key in FACTS}
        return replace(sample, facts=facts)


def kept(requests: pd.DataFrame, images: pd.DataFrame) -> Names:
    """Return the user's own ids, unchanged; arguments as of `made`."""
    found = {"sample": requests["request"], "case": images["case"], "patient": images["patient"]}
    return Names({kind: {own: own for own in ids} for kind, ids in found.items()}, kept=True)


def made(recipe: str, seed: int, requests: pd.DataFrame, images: pd.DataFrame) -> Names:
    """Return pseudonyms.

    Args:
        recipe: Its name.
        seed: The recipe's.
        requests: Columns request and source, all that were planned: a name does not depend on
            which samples were kept.
        images: Columns case, patient and image_sha256 of the cohort; cases without a digest were
            rejected at the gate and get no name.
    """
    usable = images[images["image_sha256"].fillna("") != ""]
    contents = usable["image_sha256"]
    cases = dict(zip(usable["case"], _named(recipe, seed, "case", contents), strict=True))
    # A patient is called after the first of the names of his cases, whatever their order.
    firsts = usable["case"].map(cases).groupby(usable["patient"]).min()
    patients = dict(zip(firsts.index, _named(recipe, seed, "patient", firsts), strict=True))
    sources = requests["source"].map(cases)
    if lost := sorted(set(requests.loc[sources.isna(), "source"])):
        raise ValueError(f"sources without an image: {', '.join(lost[:5])}")
    samples = dict(zip(requests["request"], _named(recipe, seed, "sample", sources), strict=True))
    return Names({"sample": samples, "case": cases, "patient": patients})


def _named(recipe: str, seed: int, kind: str, contents: pd.Series) -> Iterator[str]:
    """Yield a name for each content; the second of equal ones is another name."""
    for content, nth in zip(contents, contents.groupby(contents).cumcount(), strict=True):
        text = "\n".join((recipe, str(int(seed)), kind, str(content), str(nth)))
        yield f"{PREFIX[kind]}-{hashlib.sha256(text.encode()).hexdigest()[:LETTERS]}"
