"""Compare every sample with the whole training set, and say what the comparison would have found.

Copies and patients are looked for apart. Held-out patients' images set the thresholds, planted
copies show what is found. What cannot be measured is NaN, and its note says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from radfoundry.evaluation.privacy import figures, measures, network
from radfoundry.evaluation.privacy.figures import Measured
from radfoundry.evaluation.privacy.looks import CloseLook, PatientLook, none
from radfoundry.evaluation.privacy.measures import FALSE, NAN, Thresholds
from radfoundry.evaluation.privacy.names import NEEDED, PASTED
from radfoundry.evaluation.privacy.views import WHATS, Seen
from radfoundry.weights import Weights


@dataclass(frozen=True)
class Material:
    """What an audit compares, by `WHATS` where it is a mapping.

    Attributes:
        known: The training split.
        held: Patients of other splits.
        samples: What was drawn; see `Seen` for whom each may resemble.
        planted: Copies of training images, by kind.
        pasted: Training patients' lesions on held-out patients' images.
        exams: Of held-out patients with several exams, the first of each, and the others.
    """

    known: Mapping[str, Seen]
    held: Mapping[str, Seen]
    samples: Mapping[str, Seen]
    planted: Mapping[str, Seen]
    pasted: Seen
    exams: tuple[Seen, Seen]

    def of(self, what: str) -> tuple[Seen, Seen, Seen]:
        """Return what is seen of the training split, of held-out patients and of samples."""
        return self.known[what], self.held[what], self.samples[what]


def audited(
    material: Material, learned: tuple[Weights, Weights], kept: Iterable[str],
    options: Mapping[str, Any], rng: np.random.Generator, device: str = "cpu",
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the figures of an audit, and the nearest training case to each sample.

    Args:
        material: What is compared.
        learned: The networks of `fit_copies` and `fit_patients`.
        kept: Names of the samples that are to be released.
        options: `bootstrap`, draws of the interval of membership.
        rng: Source of chance.
        device: Where to work.

    Returns:
        Columns of the tables `memorisation` and `nearest`.
    """
    look = CloseLook(material.known["image"], network.prepare(learned[0], device), device)
    planted = {kind: look(seen).similarity for kind, seen in material.planted.items()}
    image = _measured("image", look, material, [planted[k][::2] for k in NEEDED if k in planted])
    rows = figures.of_recall(planted, image.limits)
    parts = [image]
    for what in WHATS[1:]:
        close = CloseLook(material.known[what], device=device)
        lesions = what == "lesion" and len(close.known.names) > 0
        own = close(material.pasted).similarity if lesions else np.zeros(0)
        parts.append(_measured(what, close, material, [own[::2]]))
        rows += figures.of_recall({PASTED: own}, parts[-1].limits) if what == "lesion" else []
    patient, exams = _of_patients(material, learned[1], device)
    parts.append(patient)
    rows += [figures.of_exams(exams, patient)]
    rows += [row for part in parts for row in figures.of_measure(part, set(kept))]
    rows += [_copying(image, look), _membership(material, look, options, rng)]
    table = pd.DataFrame(rows, columns=list(figures.COLUMNS))
    return table, pd.concat(map(figures.pairs, parts), ignore_index=True)


def _measured(what: str, look: CloseLook, material: Material, copies: list) -> Measured:
    known, held, samples = material.of(what)
    unseen = look(held)
    limits = measures.thresholds(unseen.similarity, copies)
    return Measured(
        what, (known, held, samples), look(samples), unseen, limits, _why(what, known, held)
    )


def _why(what: str, known: Seen, held: Seen) -> str:
    """Return why a measure has no threshold; "" if it has one."""
    if not known.names:
        return f"the training split shows no {what}"
    fewest = round(1 / FALSE) - 1
    if len(held.names) < fewest:
        return f"{len(held.names)} {what} pictures of held-out patients; the fewest are {fewest}"
    return ""


def _of_patients(material: Material, learned: Weights, device: str) -> tuple[Measured, np.ndarray]:
    """Return whom samples resemble, and how alike held-out patients' other exams are to their own.

    Nothing is known where no patient of the training split has another exam to learn from.
    """
    known, held, samples = seen = material.of("image")
    if not learned.card["trained"]:
        why = f"{learned.card['patients']} patients of the training split have several exams"
        nothing = (none(len(samples.names)), none(len(held.names)))
        return Measured("patient", seen, *nothing, Thresholds(NAN, NAN), why), np.zeros(0)
    embed = network.prepare(learned, device)
    look = PatientLook(known, embed)
    unseen = look(held)
    limits = measures.thresholds(unseen.similarity)
    found = Measured("patient", seen, look(samples), unseen, limits, _why("image", known, held))
    first, others = material.exams
    if not others.names:
        return found, np.zeros(0)
    own = np.asarray(others.owners)[:, None] == np.asarray(first.owners)[None]
    cosines = embed(others.pictures) @ embed(first.pictures).T
    return found, np.where(own, cosines, -1).max(1)


def _copying(image: Measured, look: CloseLook) -> tuple:
    """Return C_T of samples against held-out images, in cells of the learned embedding."""
    known, held, samples = image.seen
    fewest = min(len(seen.names) for seen in image.seen)
    if not fewest or look.embed is None or look.vectors is None:
        return figures.row("data_copying_z", "drawn", NAN, 0, "no sample, or no held-out image")
    count = max(1, fewest // measures.CELL)
    cells = KMeans(count, n_init=4, random_state=0).fit(look.vectors)
    groups = [cells.predict(look.embed(seen.pictures)) for seen in (samples, held, known)]
    away: list[np.ndarray] = [1 - found.similarity for found in (image.found, image.unseen)]
    value = measures.data_copying(away[0], away[1], (groups[0], groups[1], groups[2]))
    note = (
        f"C_T in {count} cells; below -3 samples lie nearer to what was learned than unseen images"
    )
    return figures.row("data_copying_z", "drawn", value, len(samples.names), note)


def _membership(
    material: Material, look: CloseLook, options: Mapping[str, Any], rng: np.random.Generator
) -> tuple:
    """Return how well nearness to samples tells the training split's patients from others.

    As many patients of the training split are drawn as there are held-out ones.
    """
    known, held, samples = material.of("image")
    others = sorted(set(held.owners))
    order = rng.permutation(sorted(set(known.owners)))[: len(others)]
    members = np.flatnonzero(np.isin(known.owners, order))
    to_samples = CloseLook(samples, look.embed, look.search.device)
    near = [to_samples(seen).similarity for seen in (known.rows(members), held)]
    member = np.arange(sum(map(len, near))) < len(near[0])
    patients = [*known.rows(members).owners, *held.owners]
    draws = int(options["bootstrap"])
    found = measures.membership(np.concatenate(near), member, patients, draws, rng)
    note = "distance to the nearest sample; an attack on the network itself may tell more"
    return figures.row("membership_auroc", "drawn", found, len(set(patients)), note)
