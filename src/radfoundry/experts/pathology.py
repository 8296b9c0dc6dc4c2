"""Does the sample show what it is said to show, where it is said to, and nothing else?

A reader of its own learns from the real cases of the train split: of radiographs the finding
reader (which findings, and where), of volumes with tumours a U-Net of slices that outlines them, of
other volumes a classifier of the findings that reports name. The score is the worst of all that it
can say, each in [0, 1]: of a finding that is stated its probability, and in radiographs how strong
the map is inside the mask, in parts of its strongest point; of one that is not stated, 1 less its
probability; of tumours the overlap (Dice) with the mask, or where none is stated how little is
outlined, 0 where it is as much as a typical tumour.

Real cases of the tune split are scored alike, so what the reader misses in real ones it may miss in
samples. It learned from the patients that the generator learned from: that they agree is less than
that a reader of other patients does, which is what the evaluation has. A finding that fewer than
`least_cases` train cases show, or all but so few, is not judged, nor is its place where so few have
a mask; without any that is judged, or any label, there is no evidence, as there is none in an image
that is empty or not finite.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import torch

from radfoundry import weights
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.augmentation import WINDOW_HU
from radfoundry.evaluation.learners import classifier, lesion_volumes, plateau, segmenting, slices
from radfoundry.evaluation.learners.classifier import Classifier, Pool
from radfoundry.evaluation.readers import finding_reader, stated
from radfoundry.text import labeler
from radfoundry.weights import Weights

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "least_cases": 5,
    "size": "phantom",
    "steps": None,  # without it, those of the size
    "seed": 0,
    "window": None,  # of volumes; without it the whole range of CT, and 0 to 1 of MR
}
TUMOUR = "tumour"
HELD_OUT = 5  # every fifth patient says when the outlining network has learned enough
TRAINING = {
    "batch": 16, "learning_rate": 3e-3, "precision": "float32", "trial": 20, "patience": 8,
    "augment": {"shift": 3, "flip": 0.5, "offset": 0.05, "noise": 0.05},
}  # fmt: skip
FILMS, TUMOURS, VOLUMES = "films", "tumours", "volumes"  # what a reference is of
Judged = Callable[[Case, bool, Mapping], Iterator[float]]


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return a trained reader and what it judges; {} where nothing can be judged."""
    options, read = {**OPTIONS, **options}, iter(cases)
    seen = list(islice(read, 1))
    if not seen:
        return {}
    learn = _of_films if seen[0].image.is_radiograph else _of_volumes
    return learn(_again(seen, read), options, device)


def _again(seen: list[Case], others: Iterator[Case]) -> Iterator[Case]:
    """Yield the case that was looked at, which is kept by no one afterwards, and the others."""
    yield seen.pop()
    yield from others


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return the score of a real case, by what its facts, its report and its masks state."""
    return _score(case, True, reference, options, device)


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return how far a sample shows what it states; NaN where that cannot be said."""
    del source
    return _score(sample, False, reference, options, device)


def _score(case: Case, real: bool, reference: Mapping, options: Mapping, device: str) -> float:
    voxels = case.image.voxels
    if not reference or not (case.anatomy.any() or case.findings.any()):
        return math.nan
    if not np.isfinite(voxels).all() or voxels.min() == voxels.max():
        return math.nan
    judged = _judge(reference["of"], json.dumps([reference["tensors"], reference["card"]]), device)
    found = list(judged(case, real, {**OPTIONS, **options}))
    return float(np.min(found)) if found else math.nan


@lru_cache(maxsize=1)
def _judge(what: str, learned: str, device: str) -> Judged:
    """Return what judges cases by what was learned, as JSON; kept, as all of a job's are judged."""
    return JUDGES[what](_unpacked(*json.loads(learned)), device)


def _of_films(films: Iterable[Case], options: Mapping, device: str) -> dict:
    steps = {"steps": options["steps"]} if options["steps"] else {}
    rng = np.random.default_rng(options["seed"])
    learned = finding_reader.fit(films, {"size": options["size"], **steps}, rng, device)
    names, least = learned.card["findings"], options["least_cases"]
    rows = zip(names, learned.card["positive"], learned.card["mapped"], strict=True)
    most = learned.card["cases"] - least
    kept = {name: mapped >= least for name, n, mapped in rows if least <= n <= most}
    card = {key: learned.card[key] for key in ("network", "size", "findings")}
    return _packed(FILMS, Weights(learned.state, card | {"placed": kept})) if kept else {}


def _films(learned: Weights, device: str) -> Judged:
    reader, names = finding_reader.prepare(learned, device), learned.card["findings"]

    def judged(film: Case, real: bool, _: Mapping) -> Iterator[float]:
        known = stated.of_film(film, names) if real else stated.of_sample(film, {}, names)
        reading = reader.read(film.image)
        for at, name in enumerate(names):
            if name not in learned.card["placed"] or math.isnan(known.present[at]):
                continue
            seen, mask = float(reading.present[at]), known.masks[at] & known.mapped[at]
            yield seen if known.present[at] else 1 - seen
            if learned.card["placed"][name] and known.present[at] and mask.any():
                strongest = float(reading.maps[at].max())
                yield float(reading.maps[at][mask].max()) / strongest if strongest else 0.0

    return judged


def _of_volumes(cases: Iterable[Case], options: Mapping, device: str) -> dict:
    """Return what outlines tumours where enough are outlined, and else what tells findings."""
    names = sorted(label.name for label in regions.vocabulary().findings)
    size, windows = lesion_volumes.SIZES[options["size"]], list[tuple[float, float]]()

    def see(case: Case, side: int) -> torch.Tensor:
        own = WINDOW_HU if case.image.voxels.min() < -1 else (0.0, 1.0)
        windows.append(windows[0] if windows else tuple(options["window"] or own))
        return _seen(case, side, windows[0])

    def read(facts: Mapping) -> list[float]:
        return labeler.labels_of(facts, names)

    pool = classifier.pooled(cases, size, read, False, see)
    card = {"size": options["size"], "side": size.side, "window": list(windows[0])}
    if pool.images[:, 1].flatten(1).any(1).sum() >= options["least_cases"]:
        return _of_tumours(pool, options, device, card)
    positive, negative = ((pool.labels == value).sum(0) for value in (1, 0))
    kept = np.flatnonzero(np.minimum(positive, negative) >= options["least_cases"])
    if not len(kept):
        return {}
    chance = torch.Generator().manual_seed(options["seed"])
    asked = TRAINING | {"size": options["size"], "steps": options["steps"]}
    images = _upright(pool.images)
    learned = classifier.fit(images, pool.labels[:, kept], asked, chance, device)
    card |= {"findings": [names[at] for at in kept]}
    return _packed(VOLUMES, Weights(learned.network.state_dict(), card))


def _upright(images: torch.Tensor) -> torch.Tensor:
    """Return images (n, 1, X, Y, Z), as classifiers mirror them, of layers (n, 2, Z, Y, X)."""
    return images[:, :1].transpose(2, 4).contiguous()


def _volumes(learned: Weights, device: str) -> Judged:
    names = learned.card["findings"]
    network = classifier.build(learned.card["size"], len(names), torch.Generator())
    network.load_state_dict(dict(learned.state))
    taught = Classifier(network.eval(), np.ones(len(names), bool))

    def judged(case: Case, _: bool, __: Mapping) -> Iterator[float]:
        image = _upright(_seen(case, learned.card["side"], learned.card["window"])[None])
        seen = classifier.predict(taught, image, device)[0]
        for chance, shown in zip(seen, labeler.labels_of(case.facts, names), strict=True):
            if not math.isnan(shown):
                yield float(chance if shown else 1 - chance)

    return judged


def _of_tumours(pool: Pool, options: Mapping, device: str, card: Mapping) -> dict:
    own = pool.at(np.flatnonzero(pool.images[:, 1].flatten(1).any(1).numpy()))
    patients = {name: n for n, name in enumerate(dict.fromkeys(own.facts["patient"]))}
    held = own.facts["patient"].map(patients).to_numpy() % HELD_OUT == HELD_OUT - 1
    size = lesion_volumes.SIZES[options["size"]]
    asked = TRAINING | {"size": size, "steps": options["steps"] or size.steps}
    training = plateau.Training(torch.Generator().manual_seed(options["seed"]), device)
    taught, tune = (slices.taught(own.at(part), 0) for part in (~held, held))
    best = plateau.fit(segmenting.LEARNER, taught, tune, asked, training)
    typical = float(own.images[:, 1].flatten(1).sum(1).median())
    own_card = {**card, "typical": typical}
    return _packed(TUMOURS, Weights(best.network.state_dict(), own_card))


def _tumours(learned: Weights, device: str) -> Judged:
    size = lesion_volumes.SIZES[learned.card["size"]]
    network = segmenting.build({"size": size}, torch.Generator())
    network.load_state_dict(dict(learned.state))
    network = network.eval().to(device)

    def judged(case: Case, _: bool, __: Mapping) -> Iterator[float]:
        image, mask = _seen(case, learned.card["side"], learned.card["window"])
        there = mask.numpy() > 0
        _score, hit, extra, missed = segmenting.counted(network, image[:, None], there, device)
        if there.any():
            yield 2 * hit / (2 * hit + extra + missed)
        elif TUMOUR not in str(case.facts.get("findings", "")):
            yield 1 - min(1.0, extra / learned.card["typical"])

    return judged


JUDGES: Mapping[str, Callable[[Weights, str], Judged]] = {
    FILMS: _films,
    TUMOURS: _tumours,
    VOLUMES: _volumes,
}


def _seen(case: Case, side: int, window: Sequence[float]) -> torch.Tensor:
    """Return (2, planes, side, side): a volume and its tumour."""
    low, high = window
    return lesion_volumes.seen(case, side, (TUMOUR,), TUMOUR, (low, high))[:2].clone()


def _packed(what: str, learned: Weights) -> dict:
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in learned.state.items()
    }
    files = weights.packed(Weights(half))
    texts = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return {"of": what, "card": dict(learned.card), "tensors": texts}


def _unpacked(texts: Mapping[str, str], card: Mapping[str, Any]) -> Weights:
    files = {name: base64.b64decode(text) for name, text in texts.items()}
    return Weights(weights.unpacked(files, "the pathology expert").state, card)
