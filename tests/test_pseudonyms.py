"""A release calls cases and patients by names that say nothing of the user's ids."""

import re

import numpy as np
import pandas as pd
import pytest

from radfoundry.case import Case
from radfoundry.release import identifiers, pseudonyms
from radfoundry.volume import radiograph

DIGESTS = ["a" * 64, "b" * 64, "a" * 64]  # the third case is the first one's image again


def images(cases=("c1", "c2", "c3"), patients=("p1", "p1", "p2")):
    return pd.DataFrame({"case": cases, "patient": patients, "image_sha256": DIGESTS})


def requests(sources=("c1", "c1", "c2", "c3"), names=("s0", "s1", "s2", "s3")):
    return pd.DataFrame({"request": names, "source": sources})


def made(recipe="r", seed=7, **changed):
    return pseudonyms.made(recipe, seed, changed.get("asked", requests()), images())


def test_equal_recipes_and_seeds_give_equal_names_and_others_give_others():
    assert made() == made()
    for other in (made(recipe="other"), made(seed=8)):
        assert not set(other.table()["released"]) & set(made().table()["released"])


def test_other_ids_of_the_same_images_get_the_same_names():
    asked = requests(("x", "x", "y", "z"), ("syn-x-0", "syn-x-1", "syn-y-0", "syn-z-0"))
    renamed = pseudonyms.made("r", 7, asked, images(("x", "y", "z"), ("doe", "doe", "roe")))
    for kind in ("sample", "case", "patient"):
        assert list(renamed.of[kind].values()) == list(made().of[kind].values())


def test_every_id_has_a_name_of_its_own_even_where_images_are_equal():
    table = made().table()
    assert len(table) == 4 + 3 + 2
    assert table["released"].is_unique
    assert all(re.fullmatch("(syn|case|patient)-[0-9a-f]{16}", name) for name in table["released"])


def test_more_requests_change_no_name_of_those_before():
    more = requests(("c1", "c1", "c2", "c3", "c2"), ("s0", "s1", "s2", "s3", "s4"))
    assert made(asked=more).of["sample"].items() >= made().of["sample"].items()


def test_tables_and_samples_are_renamed_and_lose_the_seed_that_an_id_could_be_proven_by():
    names = made()
    row = {"sample": "s0", "source": "c1", "patient": "p1", "donors": "c2|c3", "seed": 5}
    table = names.told(names.renamed(pd.DataFrame([row])))
    assert not set(table.iloc[0]) & {*row.values(), "c2", "c3"}
    assert table.loc[0, "donors"] == "|".join(names.of["case"][case] for case in ("c2", "c3"))
    assert "seed" not in table
    empty = np.zeros((2, 1, 2), np.uint8)
    facts = {"seed": 5, "split": "train", "folder": "x/s0", "source": "c1"}
    shown = names.shown(Case("syn", radiograph(np.zeros((2, 2))), empty, empty, facts))
    assert shown.facts == {"split": "train"}


def test_ids_are_kept_on_request():
    names = pseudonyms.kept(requests(), images())
    table = pd.DataFrame({"sample": ["s0"], "source": ["c1"], "seed": [5]})
    pd.testing.assert_frame_equal(names.told(names.renamed(table)), table)
    assert names.ids() == frozenset()


def test_an_unknown_id_is_refused_by_its_name():
    with pytest.raises(ValueError, match="no name in the release: case c9"):
        made().renamed(pd.DataFrame({"source": ["c9"]}))
    with pytest.raises(ValueError, match="sources without an image: c9"):
        made(asked=requests(("c9",), ("s0",)))


def test_an_id_that_hides_in_a_text_of_a_release_is_found():
    files = {"dataset.tsv": b"sample\tprompt\nsyn-1\tAs in MRN-0042.\n"}
    files |= {"images/MRN-0042.png": b"", "labels.json": b'{"a": "b"}'}
    assert identifiers.ids_found(files, ["MRN-0042", "none"]) == [
        "dataset.tsv: MRN-0042",
        "images/MRN-0042.png: MRN-0042",
    ]
