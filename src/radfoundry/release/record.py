"""`provenance.json`: all that a release was made from, for programs; `methods` says it in words.

It holds what the config and the cards of networks say, digests, versions and counts, and no path,
no id and no word of a report: networks' cards are told by the numbers and the few words in `WORDS`.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any, NamedTuple

import pandas as pd

from radfoundry.config import catalogue
from radfoundry.release import citations
from radfoundry.release.dataset import LIBRARIES
from radfoundry.release.marks import MARK
from radfoundry.verdicts import KEPT, REJECTED, UNDECIDED

NAME = "provenance.json"
VERSION = 1
WORDS = ("network", "objective", "schedule", "design", "precision", "downsampling", "weights_dtype")
LONGEST = 12  # numbers of a list that is no curve and no table of weights
TOOLS = {"dicom": "highdicom", "nnunet": "nnunetv2"}  # libraries of formats
OTHERS = ("radfoundry", "snakemake", "safetensors", "totalsegmentator", "lungmask", "diffusers")


class Origin(NamedTuple):
    """What a release was made from.

    Attributes:
        recipe: Its name.
        settings: What `config.lookups.release_settings` returns.
        cards: Of each network, with `sha256`, as it lies beside the weights.
        requests: Columns request and source.
        samples: Columns sample and status.
        verdicts: Columns sample and verdict.
        thresholds: Columns expert, quantile, threshold, n, note.
        splits: Columns case, patient and split, of the cohort.
        facts: Licence, authors, code digests, gates: label to text.
    """

    recipe: str
    settings: Mapping[str, Any]
    cards: Mapping[str, Mapping[str, Any]]
    requests: pd.DataFrame
    samples: pd.DataFrame
    verdicts: pd.DataFrame
    thresholds: pd.DataFrame
    splits: pd.DataFrame
    facts: Mapping[str, str]


def made(origin: Origin) -> dict[str, Any]:
    """Return the record of a release, JSON-able; equal origins give equal records."""
    decided = origin.verdicts["verdict"].value_counts()
    splits, own = origin.splits.groupby("split"), origin.settings["recipes"][origin.recipe]
    limits = origin.thresholds.astype(object).where(origin.thresholds.notna(), None)
    return {
        MARK: True,
        "version": VERSION,
        "recipe": origin.recipe,
        "facts": dict(origin.facts),
        "config": told(origin.settings),
        "networks": {name: _network(origin, name, card) for name, card in origin.cards.items()},
        "source": {
            str(split): {"cases": len(rows), "patients": int(rows["patient"].nunique())}
            for split, rows in splits
        },
        "drawing": told(_filled("generators", own["generator"], own["sample"])),
        "filter": told({name: _filled("experts", name, v) for name, v in own["filter"].items()}),
        "samples": {
            "asked": len(origin.requests),
            "drawn": int((origin.samples["status"] == "ok").sum()),
        }
        | {word: int(decided.get(word, 0)) for word in (KEPT, REJECTED, UNDECIDED)},
        "experts": limits.to_dict("records"),
        "versions": versions(origin.settings["publish"]["formats"]),
        "citations": cited(origin.settings, origin.recipe),
    }


def _filled(kind: str, name: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a plug-in: what the config says, and the defaults of the rest."""
    return {**(catalogue.options(kind, name) or {}), **stated}


def text(record: Mapping[str, Any]) -> bytes:
    """Return a record as the bytes of `NAME`."""
    return f"{json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode()


def told(value: Any) -> Any:
    """Return settings without the folders of a user's machine: a path becomes its last part.

    >>> told({"folder": "/home/doe/chest", "steps": [1, "a/b.tsv"], "licence": "https://a/b"})
    {'folder': 'chest', 'steps': [1, 'b.tsv'], 'licence': 'https://a/b'}
    """
    if isinstance(value, Mapping):
        return {str(key): told(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    if not isinstance(value, str) or "://" in value or " " in value:
        return value
    return PurePath(value.replace("\\", "/")).name


def versions(formats: Sequence[str]) -> dict[str, str]:
    """Return the versions of the libraries that a release can depend on, if they are there."""
    names = [*OTHERS, *LIBRARIES, *(TOOLS[name] for name in formats if name in TOOLS)]
    found = {}
    for name in sorted(set(names)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # an optional tool, so nothing was made with it
    return found


def cited(settings: Mapping[str, Any], recipe: str) -> list[str]:
    """Return what to cite: the generator, the segmenter, libraries and formats."""
    own = settings["recipes"][recipe]
    plugins = [("generators", own["generator"])]
    plugins += [("segmenters", one["segmenter"]) for one in settings["pseudolabel"].values()]
    papers = [catalogue.stated(kind, name, "CITATION", "") for kind, name in plugins]
    formats = [citations.FORMATS[name] for name in settings["publish"]["formats"]]
    found = [*papers, *citations.LIBRARIES.values(), *formats]
    return list(dict.fromkeys(paper for paper in found if paper))


def _network(origin: Origin, name: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be told of a network: nothing that could be a word of a report."""
    stated = origin.settings["recipes"][origin.recipe]
    what = catalogue.constant("generators", stated["generator"], "NETWORKS")
    pin = stated["networks"].get(name)
    origins = {str: f"trained by the recipe {pin}", type(None): "trained by this recipe"}
    values = {key: value for key, value in card.items() if key in WORDS or _is_number(value)}
    return {
        "does": what[name],
        "origin": origins.get(type(pin), "pinned by the config"),
        "sha256": card["sha256"],
        "values": values,
    }


def _is_number(value: Any) -> bool:
    """Return whether a value is a number or a few of them, by name or in a list."""
    if isinstance(value, Mapping):
        return len(value) <= LONGEST and all(_is_number(below) for below in value.values())
    if isinstance(value, list):
        return len(value) <= LONGEST and all(_is_number(item) for item in value)
    return isinstance(value, bool | int | float)
