"""The model card of a bundle: what it draws, what it learned from, what it must not be used for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from radfoundry.release.card import markdown_cell, markdown_table, measured

ORIGIN = {
    True: "Learned from PHANTOMS: bodies drawn by a computer. No patient is behind the weights, "
    "and no figure here says how the method does on patients.",
    False: "Learned from REAL patients' images. The bundle holds none of them, but weights can "
    "remember what they saw: share it on the terms of the images it was trained on.",
}
USE = (
    "For research on algorithms: training data, tests, teaching. Not for diagnosis, not evidence "
    "about any patient or disease. What is drawn must be marked as synthetic wherever it goes."
)
LIMITS = (
    "A prompt is followed as far as the figures below say; where there are none, it was not "
    "measured. Words that the training reports did not have say nothing.",
    "Findings outside the training data, other scanners, children and implants are not drawn.",
    "Labels are drawn with the image by the same network: no reader has seen them.",
    "Few training cases are remembered more than many. Measure novelty against the training images "
    "before weights that were trained on patients are shared.",
)


def text(card: Mapping[str, Any], scorecard: pd.DataFrame | None) -> str:
    """Return the README.md of a bundle.

    Args:
        card: What `bundle.json` says.
        scorecard: All rows, of which the recipe's are shown; None where there is none.
    """
    name, data = card["recipe"], card["training"]
    figures = measured(name, scorecard) if scorecard is not None else []
    lines = [
        f"# Networks of `{markdown_cell(name)}`", "", f"> **{ORIGIN[card['phantoms']]}**", "",
        *_summary(card), "",
        "## Use", "", USE, "", *_drawing(card), "",
        "## Training data", "", *_data(data), "",
        "## Limits", "", *(f"* {line}" for line in (*card["limits"], *LIMITS)), "",
        "## Measured", "", MEASURED, "",
        *markdown_table(["Metric", "Arm", "Value (95 % interval)", "n", "Note"], figures), "",
        "## Networks", "",
        *markdown_table(["Network", "What it does", "Values", "Objective", "Channels"],
                        _networks(card["networks"])), "",
        "## Files", "", FILES, "",
        "## Licence", "",
        f"{markdown_cell(card['licence'])}. Authors: "
        f"{markdown_cell(', '.join(card['authors']) or 'not stated')}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


MEASURED = """\
On samples that the workflow drew with these networks; an arm that ends in `untrained` is what it
drew with the network that is claimed as it was before training."""


FILES = """\
`bundle.json` what the bundle is, for programs; `networks/<name>/weights.safetensors` tensors, and
`card.json` beside them sizes, options, losses, and the words of a text encoder; `labels.json` what
each id of a label map is; `manifest.json` the sha256 of every file."""


def _summary(card: Mapping[str, Any]) -> Iterator[str]:
    grid = card["grid"]
    sides = " x ".join(map(str, grid["shape"]))
    spacing = " x ".join(f"{side:g}" for side in grid["spacing_mm"])
    window = card["window_hu"]
    values = f", {window[0]:g} to {window[1]:g} HU" if window else ""
    where = "on an atlas" if grid["atlas"] else "median of the training images"
    yield f"Draws {card['modality']} of {sides} voxels of {spacing} mm ({where}){values}, by the"
    yield f"generator `{card['generator']}`. Made with {card['versions']}."
    yield from _voxel_sizes(card["networks"])


def _voxel_sizes(networks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say which voxel sizes were taught, and what they mean for volumes in ml."""
    ends = [own["spacing_mm"] for own in networks.values() if "spacing_mm" in own]
    if not ends:
        return
    low, high = (" x ".join(f"{side:g}" for side in ends[0][end]) for end in ("low", "high"))
    yield f"The training images had voxels of {low} mm" + (
        f" to {high} mm." if high != low else "."
    )
    if told := [f"`{name}`" for name, own in networks.items() if own.get("geometry")]:
        yield f"{' and '.join(told)} take the size as a condition: another one within that range"
        yield "(`--spacing`) draws a body of its own size, and volumes in ml are true."
    elif high != low:
        yield "The networks do not know the size: a volume in ml is as uncertain as that range."


def _drawing(card: Mapping[str, Any]) -> Iterator[str]:
    asked = ' --prompt "Large left pleural effusion."' if card["reads_prompts"] else ""
    yield "```"
    yield f"radfoundry draw FOLDER_OR_ZIP{asked} --seed 3 --out sample.nii.gz"
    yield "```"


def _data(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['cases']} images of {data['patients']} patients, {data['reports']} reports."
    if more := data.get("reports_without_images"):
        yield f"The text encoder also read {more} reports without images; the count below of words"
        yield "of one patient leaves these out, for they are not told apart by patient."
    if data["words"]:
        yield f"Of {data['words']} word pieces, {data['words_of_one_patient']} words stand in the"
        yield "reports of one patient alone: read them in the text encoder's `card.json` before"
        yield "weights that were trained on patients are shared, for one may be a name."
    yield ""
    counts = data["patients_by_finding"].items()
    rows = [(name, "fewer than 5" if count is None else count) for name, count in counts]
    yield from markdown_table(["Finding", "Patients"], rows)


def _networks(networks: Mapping[str, Mapping[str, Any]]) -> list[Sequence]:
    told = ("objective", "channels")
    return [
        (name, own["what"], f"{own['values']:,}", *(own.get(key, "-") for key in told))
        for name, own in networks.items()
    ]
