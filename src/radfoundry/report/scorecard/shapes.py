"""Turn measurements of drawn volumes into rows of shapes: lobes, airways, segmentations.

Volumes drawn without any channel of a case are independent: the sample is what intervals draw
again. Where a case's lobes or image were given, and for real cases, it is the patient.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import effects
from radfoundry.report.scorecard import probes
from radfoundry.report.scorecard.card import GAIN, Row
from radfoundry.report.scorecard.published import Published, figure

NAN = float("nan")
REGIONS = ("lungs", *sorted(lobe for lobes in regions.LOBES.values() for lobe in lobes))
SEGMENTED = ("airway", "lobes", "lung_vessel")
AIRWAYS = "airway_volume_cm3"


def of_lobes(drawn: pd.DataFrame, recipe: str, bootstrap: probes.Bootstrap) -> Iterator[Row]:
    """Yield how drawn and given lobes agree with those that are seen in the image."""
    for kind, chosen, unit in (
        ("joint", ("dataset", "prompt"), "sample"),
        ("given", ("given",), "patient"),
    ):
        rows = drawn[drawn["probe"].isin(chosen)]
        for region in REGIONS:
            name, best = f"{kind}_dice_{region}", f"ceiling_dice_{region}"
            values = probes.column(rows, name)
            if not values.notna().any():
                continue
            found, notes = bootstrap.mean(rows, name, unit), probes.lost(rows, values.to_numpy())
            if kind == "given":
                notes[:0] = [f"in the real image of the same cases {rows[best].mean():.3f}"]
            yield Row(
                recipe,
                f"{kind}_lobe_dice",
                found.value,
                region,
                found.low,
                found.high,
                probes.known(values.to_numpy()),
                note="; ".join(notes),
            )


def of_airways(
    drawn: pd.DataFrame,
    real: pd.DataFrame,
    recipe: str,
    bootstrap: probes.Bootstrap,
    paper: Published,
) -> Iterator[Row]:
    """Yield the airways' mean volume; lungs without any airway found have 0 cm3 of it."""
    rows = drawn[drawn["probe"] == "dataset"]
    for arm, table, unit in (("synthetic", rows, "sample"), ("real", real, "patient")):
        seen = probes.column(table, AIRWAYS)
        if arm == "real" and not seen.notna().any():
            continue  # a way of labeling that marks no airways
        none = seen.isna() & (probes.column(table, "lung_volume_l") > 0)
        known = seen.mask(none, 0.0)
        if not known.notna().any():
            continue
        found = bootstrap.mean(table.assign(**{AIRWAYS: known}), AIRWAYS, unit)
        notes = [f"SD {known.std():.3g}", f"no airway found in {int(none.sum())}, counted as 0 cm3"]
        notes += probes.lost(table, known.to_numpy(), "without lungs")
        yield Row(
            recipe,
            AIRWAYS,
            found.value,
            arm,
            found.low,
            found.high,
            probes.known(known.to_numpy()),
            note="; ".join(notes),
            published=figure(paper, AIRWAYS, arm),
        )


def of_segmentations(
    drawn: pd.DataFrame, recipe: str, bootstrap: probes.Bootstrap, paper: Published
) -> Iterator[Row]:
    """Yield how drawn agree with true shapes of a given image, and what its report's text adds."""
    probed = drawn[drawn["probe"] == "segment"]
    arms = {arm: probed[probed["arm"] == arm] for arm in ("with_text", "without_text")}
    for structure in SEGMENTED:
        name = f"truth_dice_{structure}"
        if not all(probes.column(own, name).notna().any() for own in arms.values()):
            continue
        for arm, rows in arms.items():
            found, known = bootstrap.mean(rows, name, "patient"), rows[name].to_numpy(float)
            note = "; ".join(probes.lost(rows, known))
            yield Row(
                recipe,
                "segmentation_dice",
                found.value,
                f"{structure}/{arm}",
                found.low,
                found.high,
                probes.known(known),
                note=note,
                published=figure(paper, "segmentation_dice", f"{structure}/{arm}"),
            )
        yield _gained(arms, structure, recipe, bootstrap, paper)


def _gained(
    arms: Mapping[str, pd.DataFrame],
    structure: str,
    recipe: str,
    bootstrap: probes.Bootstrap,
    paper: Published,
) -> Row:
    """Return what the text adds to a segmentation, paired by patient."""
    name, notes = f"truth_dice_{structure}", ["paired by patient; n patients"]
    values, units = (
        [rows[column].to_numpy() for rows in arms.values()] for column in (name, "patient")
    )
    found = effects.gain((values[0], values[1]), (units[0], units[1]), *bootstrap)
    shared = set.intersection(*(set(own[own[name].notna()]["patient"]) for own in arms.values()))
    notes += probes.lost(pd.concat(arms.values()), np.concatenate(values))
    papers = [figure(paper, "segmentation_dice", f"{structure}/{arm}") for arm in arms]
    return Row(
        recipe,
        "segmentation_dice" + GAIN,
        found.value,
        f"{structure}/with_text-without_text",
        found.low,
        found.high,
        len(shared),
        published=papers[0] - papers[1],
        note="; ".join(notes),
    )
