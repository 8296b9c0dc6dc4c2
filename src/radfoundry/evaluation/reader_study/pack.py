"""One page for each reader, with every picture in it, and the key that stays at home.

A page holds no name of a case, a sample, a patient, a recipe or a cohort. Its items are numbered in
the order in which its reader sees them, which is one of chance and another for each reader, and
pictures that are compared are equal in size and in bytes. What is real stands in the key alone; the
page carries the key's sha256, so that a key cannot be changed once pages are out. It opens no file
but its own templates.
"""

import base64
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from PIL.PngImagePlugin import PngImageFile

from radfoundry import seeds
from radfoundry.evaluation.reader_study.questions import QUESTIONS

Pictures = Mapping[tuple[int, int], bytes]  # by item and slot, as `selection.choose` counts them
Legends = Mapping[int, list[list[str]]]  # by item: name and color of what is outlined in it


def build(
    chosen: pd.DataFrame, pictures: Pictures, legends: Legends, readers: Sequence[str], seed: int
) -> tuple[dict[str, str], bytes]:
    """Return the page of each reader, and the key as the bytes of a JSON file.

    Args:
        chosen: What `selection.choose` returns.
        pictures: PNG of every row of it.
        legends: Of the items of `overlay`.
        readers: Their pseudonyms.
        seed: Of the orders.

    Raises:
        ValueError: If a picture differs from others of its recipe, or of a ranking, in size, mode
            or bytes, or holds text: it could be told without being looked at.
    """
    _check_alike(chosen, pictures)
    orders = {reader: _arranged(chosen, reader, seed) for reader in readers}
    tasks = {reader: _tasks(own, pictures, legends) for reader, own in orders.items()}
    packs = {reader: _digest([reader, own]) for reader, own in tasks.items()}
    key = _key(orders, packs, seed)
    digest = hashlib.sha256(key).hexdigest()
    pages = {
        reader: _page({"reader": reader, "pack": packs[reader], "key": digest, "tasks": own})
        for reader, own in tasks.items()
    }
    return pages, key


def _check_alike(chosen: pd.DataFrame, pictures: Pictures) -> None:
    """Refuse pictures that differ where they are compared: in a ranking, else of a recipe."""
    kinds: dict[str, set] = {}
    for row in chosen.to_dict("records"):
        content = pictures[row["item"], row["slot"]]
        with PngImageFile(io.BytesIO(content)) as image:
            image.load()
            kind = (image.size, image.mode, len(content), *sorted(map(str, image.info)))
        where = row["task"] if row["task"] == "ranking" else f"{row['task']} of {row['recipe']}"
        kinds.setdefault(where, set()).add(kind)
    for where, found in kinds.items():
        if len(found) > 1 or len(next(iter(found))) > 3:
            raise ValueError(f"pictures of {where} can be told apart unseen: {sorted(found)}")


def _arranged(chosen: pd.DataFrame, reader: str, seed: int) -> pd.DataFrame:
    """Return what a reader sees, in order: task by task, items and pictures of an item by chance.

    `number` counts the reader's items from 1, `place` the pictures of an item from 1.
    """
    rng = np.random.default_rng(seeds.seed(seed, "reader_study", f"order/{reader}"))
    mixed = chosen.iloc[rng.permutation(len(chosen))]
    rank = mixed["task"].map(list(QUESTIONS).index)
    # the order in which an item's first picture was drawn: a stable sort keeps it within a task
    first = mixed.groupby("item", sort=False).ngroup()
    mixed = mixed.assign(rank=rank, first=first).sort_values(["rank", "first"], kind="stable")
    number = mixed.groupby("item", sort=False).ngroup() + 1
    place = mixed.groupby("item", sort=False).cumcount() + 1
    return mixed.assign(number=number, place=place).drop(columns=["rank", "first"])


def _tasks(arranged: pd.DataFrame, pictures: Pictures, legends: Legends) -> list[dict[str, Any]]:
    return [
        {
            "name": task,
            **QUESTIONS[str(task)]._asdict(),
            "items": [
                {
                    "number": int(number),
                    "pictures": [_encoded(pictures, row) for row in rows],
                    "legend": legends.get(rows[0]["item"], []),
                }
                for number, rows in _by_number(own)
            ],
        }
        for task, own in arranged.groupby("task", sort=False)
    ]


def _by_number(arranged: pd.DataFrame):
    for number, rows in arranged.groupby("number"):
        yield number, rows.to_dict("records")


def _encoded(pictures: Pictures, row) -> str:
    return base64.b64encode(pictures[row["item"], row["slot"]]).decode()


def _key(orders: Mapping[str, pd.DataFrame], packs: Mapping[str, str], seed: int) -> bytes:
    columns = ["task", "number", "place", "item", "recipe", "arm", "name", "patient"]
    key = {
        # without it, whoever knows the cases but not the seed could try keys against their hash
        "salt": f"{seeds.seed(seed, 'reader_study', 'salt'):016x}",
        "packs": dict(packs),
        "items": {reader: own[columns].to_dict("records") for reader, own in orders.items()},
    }
    return (json.dumps(key, indent=1, sort_keys=True) + "\n").encode()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _page(data: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("radfoundry.evaluation.reader_study", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {kind: environment.get_template(f"pack.{kind}").render() for kind in ("css", "js")}
    digests = {
        f"{kind}_digest": base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in parts.items()
    }
    safe = {kind: jinja2.utils.markupsafe.Markup(text) for kind, text in parts.items()}
    return environment.get_template("pack.html.j2").render(**safe, **digests, data=data)
