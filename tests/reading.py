"""A small reader study, and readers who answer by a rule instead of by looking."""

import base64
import json
import re

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.reader_study import answers, pack, pictures, selection
from radfoundry.volume import radiograph

READERS = ("anna", "bert", "cleo")
STUDY = {"count": 4, "seed": 3, "origin": ["edited"], "ranking": ["edited", "drawn"]}
STUDY |= {"overlay": ["edited"]}


def rows(letter, n):
    names = [f"{letter}-{i:02d}" for i in range(n)]
    return pd.DataFrame({"name": names, "patient": [f"patient-{name}" for name in names]})


POOLS = {
    "edited": selection.Pool(rows("hospital", 6), rows("syn-edited", 7)),
    "drawn": selection.Pool(rows("hospital", 6), rows("syn-drawn", 5)),
}


def case(name, size=24):
    """Return a radiograph that only its name decides, with half of it labeled."""
    rng = np.random.default_rng(sum(map(ord, name)))
    image = radiograph(rng.random((size, size)), 0.5)
    anatomy = np.zeros(image.voxels.shape, np.uint8)
    anatomy[: size // 2] = 20
    return Case(name, image, anatomy, np.zeros_like(anatomy))


def built(study=STUDY, readers=READERS, size=32):
    """Return what was chosen, the pages and the key of a study."""
    chosen, rng = selection.choose(study, POOLS), np.random.default_rng(0)
    drawn = {
        (row.item, row.slot): (pictures.outlined if row.task == "overlay" else pictures.plain)(
            case(row.name), "CXR", size, (-1000, 400), rng
        )
        for row in chosen.itertuples()
    }
    outlined = chosen[chosen["task"] == "overlay"].itertuples()
    legends = {row.item: pictures.legend(case(row.name)) for row in outlined}
    return chosen, *pack.build(chosen, drawn, legends, readers, study["seed"])


def data_of(page):
    """Return what a page holds, as its own script reads it."""
    return json.loads(re.search(r'id="pack">(.*?)</script>', page, re.S)[1])


def decoded(item):
    return [base64.b64decode(picture) for picture in item["pictures"]]


def filled(page, answer):
    """Return the file of answers of a reader for whom `answer(task, item)` answers."""
    data = data_of(page)
    given = [
        {"task": task["name"], "number": item["number"], "answer": answer(task, item)}
        for task in data["tasks"]
        for item in task["items"]
    ]
    return sealed({name: data[name] for name in ("reader", "pack", "key")} | {"answers": given})


def sealed(file):
    own = (file["reader"], file["pack"], file["key"], file["answers"])
    return json.dumps(file | {"seal": answers.seal(*own)}).encode()


def first(task, item):
    """Answer with what comes first: "real", the worst score, pictures as they stand."""
    if task["choices"]:
        return task["choices"][0][1]
    return ",".join(str(place + 1) for place in range(len(item["pictures"])))
