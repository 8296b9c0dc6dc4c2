"""Find disease without a diseased example: learn to take synthetic anomalies out of pictures.

A network sees a picture with or without an anomaly and must return the normal one; what it changes
is the anomaly (ART-ASyn). All arms share network size, steps and loss. `reconstruction` sees normal
pictures alone: a bottleneck autoencoder, since skips would learn the identity and find nothing.
`untrained` is the first arm's network of 0 steps: what it finds, no training taught.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.evaluation.metrics import comparison, detection
from radfoundry.evaluation.tasks import _options
from radfoundry.evaluation.tasks.anomaly import losses
from radfoundry.evaluation.tasks.anomaly.augmentation import altered_batch, resized
from radfoundry.evaluation.tasks.anomaly.image_scores import SCORES
from radfoundry.evaluation.tasks.anomaly.network import SIZES, ReconstructionUNet, reconstruction
from radfoundry.evaluation.tasks.anomaly.pairs import Material, gathered, normal_of, of_split
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.weights import Weights

MODALITIES = ("CXR",)
DETECTOR = True  # `predict` says where, so that pseudo-masks can be cut from its maps
ARMS: Mapping[str, Mapping[str, Any]] = {
    "artasyn": {"pairs": "samples", "skips": True},
    "cutpaste": {"pairs": "cutpaste", "skips": True},
    "noise": {"pairs": "noise", "skips": True},
    "reconstruction": {"pairs": "none", "skips": False},
    "untrained": {"pairs": "samples", "skips": True, "steps": 0},
}
SIDES = {"phantom": 64, "workstation": 128, "paper": 256}  # pixels a size is meant for
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("image_auroc",), "baseline": "reconstruction", "claimed": "artasyn",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "size": "phantom", "side": None, "steps": 800, "batch": 16,
    "learning_rate": 3e-3, "precision": "float32",
    "per_case": 4, "normal_fraction": 0.25,
    "loss": {"alignment": 0.1, "global": 100.0, "region": 100.0, "dice": 0.1},
    "augment": {
        "exchange": 0.9, "flip": 0.0, "turn_deg": 4.0, "zoom": 0.1, "shift": 0.05, "strength": 0.5,
        "gamma": 0.2, "contrast": 0.2, "brightness": 0.05, "noise": 0.05,
    },
    "score": "top", "top_fraction": 0.1, "smooth": 0.012, "bootstrap": 1000,
    "synthesized": ("opacity", "consolidation", "ground_glass"),
}  # fmt: skip
NORMAL_MARKED = 0.01  # of normal pixels, where no tune case shows an anomaly to choose by


class Prediction(NamedTuple):
    """Residual maps (n, rows, columns) in [0, 1] and an image score (n,) each."""

    maps: np.ndarray
    scores: np.ndarray


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm and return the rows of `score` for every test case; see `evaluation.tasks`."""
    own = {split: list(cases[split]) for split in ("train", "tune", "test")}
    named = {case.name: split for split in own for case in own[split]}
    every, samples = sum(own.values(), []), list(cases["samples"])
    given, kept = (Material(*of_split(every, samples, named, part)) for part in ("train", "tune"))
    weights = fit(arm, given, options, rng, device, progress)
    threshold = validate(arm, weights, kept, options, rng, device)
    test = [*own["test"], *cases["unseen"]]
    found = predict(weights, [normal_of(case).picture for case in test], options, device)
    has_truth = [bool(c.facts.get("findings_sha256")) or not c.facts.get("findings") for c in test]
    return score(found, test, threshold, has_truth).assign(finding="")


def fit(
    arm: str,
    material: Material,
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> Weights:
    """Return the weights of one arm's network, with a card that says how they were made.

    Args:
        arm: A name in `ARMS`.
        material: Training pictures, all of one shape.
        options: See `OPTIONS`.
        rng: Source of all chance.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it.
    """
    options = merged(options)
    _options.check(arm, ARMS, options["size"], SIDES)
    side = options["side"] or SIDES[options["size"]]
    # Before what arms differ in: they begin with equal weights where their networks are alike.
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    pairs = gathered(ARMS[arm]["pairs"], *material, options["per_case"], rng)
    pool = [resized(part, side).to(device) for part in zip(*pairs, strict=True)]
    network = reconstruction(options["size"], generator, skips=ARMS[arm]["skips"]).to(device)
    steps = ARMS[arm].get("steps", options["steps"])
    settings = Settings(
        steps, options["learning_rate"], warmup=steps // 20,
        schedule="cosine", precision=options["precision"],
    )  # fmt: skip
    trained = train(
        network,
        lambda own: altered_batch(pool, options, own),
        lambda net, batch, _: losses.reconstruction_terms(net, batch, options["loss"]),
        settings,
        generator,
        Callbacks(progress=progress),
    )
    made = {"task": "anomaly", "arm": arm, "side": side, "pairs": len(pairs)}
    return Weights(trained.state, made | {"options": options, "history": trained.history})


@torch.inference_mode()
def predict(
    weights: Weights,
    pictures: Sequence[np.ndarray],
    options: Mapping | None = None,
    device: str = "cpu",
) -> Prediction:
    """Return what the network would change in each picture, and how suspicious that makes it.

    The map is |x - f(x)|, smoothed; the image scores are those of `image_scores.SCORES`.

    Args:
        weights: From `fit`.
        pictures: Squares in [0, 1], all of one shape; none gives an empty prediction.
        options: See `OPTIONS`: score, top_fraction, smooth (width of the smoothing, in parts of
            the picture's).
        device: Where to run.
    """
    options = merged(options or {})
    if options["score"] not in SCORES:
        raise ValueError(f"no score {options['score']!r}: choose from {', '.join(SCORES)}")
    network = _network(weights).to(device)
    maps, scores = [], []
    for image in pictures:  # one by one: what is beside it in a batch cannot matter
        given = resized([image], weights.card["side"]).to(device)
        residual = (given - network(given)[0])[0, 0].cpu().numpy()
        smoothed = ndimage.gaussian_filter(np.abs(residual), options["smooth"] * len(residual))
        maps.append(resized([smoothed], image.shape)[0, 0].numpy())
        score_of = SCORES[options["score"]]
        scores.append(score_of(residual, smoothed, options["top_fraction"]))
    shape = (0, 0) if not maps else maps[0].shape
    return Prediction(np.reshape(maps, (len(maps), *shape)), np.array(scores, float))


def choose_threshold(maps: np.ndarray, truths: Sequence[np.ndarray]) -> float:
    """Return the residual at or above which a pixel is marked, chosen on the tune split.

    It is what gives the best Dice over all tune pixels. Where no tune case shows an anomaly, it is
    what marks 1 % of normal pixels.

    Args:
        maps: (n, rows, columns) of `predict`.
        truths: Booleans of the same shape, one per map.

    Raises:
        ValueError: If there is no tune case.
    """
    if len(maps) == 0:
        raise ValueError("no tune case to choose a threshold by")
    table = sum(detection.binned(m, t) for m, t in zip(maps, truths, strict=True))
    chosen = detection.best_threshold(np.asarray(table))
    return chosen if np.isfinite(chosen) else float(np.quantile(maps, 1 - NORMAL_MARKED))


def validate(
    arm: str,
    weights: Weights,
    material: Material,
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
) -> float:
    """Return an arm's threshold, chosen on tune pictures with the arm's own kind of anomaly.

    `material` holds pairs and normal pictures of the tune split, `rng` paints the arm's anomalies;
    all else as in `fit`.
    """
    options = merged(options)
    pairs = gathered(ARMS[arm]["pairs"], *material, options["per_case"], rng)
    given = [pair.anomalous for pair in pairs] + [normal.picture for normal in material.normals]
    truths = [pair.mask for pair in pairs] + [np.zeros_like(n.region) for n in material.normals]
    return choose_threshold(predict(weights, given, options, device).maps, truths)


def score(
    prediction: Prediction, cases: Sequence[Case], threshold: float, has_truth: Sequence[bool]
) -> pd.DataFrame:
    """Return one row per test case with all that its metrics need.

    Args:
        prediction: Of the cases' pictures, in their order.
        cases: Test cases with the facts patient, cohort and findings ("a|b", "" for healthy).
        threshold: From `choose_threshold`.
        has_truth: Whether a case's findings map is the truth; if not, it has no pixel figures.

    Returns:
        case, patient, cohort, findings, score, threshold, and what `comparison.pixel_row` says.
    """
    each = zip(cases, prediction.maps, prediction.scores, has_truth, strict=True)
    rows = [
        comparison.case_row(c, found, threshold, known) | {"score": v}
        for c, found, v, known in each
    ]
    return pd.DataFrame(rows)


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the figures of all arms and seeds, with intervals; see `comparison.summarised`.

    Args:
        predictions: Rows of `run` for every arm and seed, with the columns arm and seed.
        options: See `OPTIONS`: bootstrap, synthesized.
        own: The cohort that lends its healthy cases to one that has none.
        rng: Source of chance for the bootstrap.
    """
    options = merged(options or {})
    both = comparison.with_healthy(predictions, own)
    return comparison.summarised(
        both, tuple(options["synthesized"]), int(options["bootstrap"]), rng
    )


def merged(options: Mapping) -> dict[str, Any]:
    """Return `OPTIONS` with some changed, single entries of mappings too; others are left out."""
    return _options.merged(OPTIONS, options)


def _network(weights: Weights) -> ReconstructionUNet:
    size, arm = weights.card["options"]["size"], weights.card["arm"]
    network = ReconstructionUNet(SIZES[size], skips=ARMS[arm]["skips"])
    network.load_state_dict(weights.state)
    network.eval()
    return network
