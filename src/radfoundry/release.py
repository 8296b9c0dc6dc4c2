"""Make what is shipped of a recipe: images marked as synthetic, one table, card, checksums.

Only samples that every expert accepted are shipped. Every row says what the sample was made from,
by which request and with which seed, so that it can be drawn again. This module returns values; it
opens no file.
"""

import io
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from radfoundry import releasevolumes
from radfoundry.case import Case
from radfoundry.readable import NOT_AVAILABLE, shown, with_interval
from radfoundry.releasevolumes import ENDING, RADIOGRAPHS, VOLUMES
from radfoundry.verdicts import KEPT
from radfoundry.volume import picture

# A PNG's own keywords, so that any viewer that shows metadata shows these.
MARKS: Mapping[str, str] = {
    "Synthetic": "true",
    "Warning": "Synthetic medical image. Not acquired from a patient as shown. Not for diagnosis.",
    "Source": "Radfoundry",
}
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
PROVENANCE = ("sample", "source", "patient", "split", "seed", "parameters")
COLUMNS = (*PROVENANCE, "image", "mask", "image_sha256", "mask_sha256", "findings")
LISTED = 1000  # samples named in the card; the table names all


def png(pixels: np.ndarray, marks: Mapping[str, str], bits: int = 16) -> bytes:
    """Return a picture as a gray PNG that says it is synthetic.

    Args:
        pixels: Rows and columns as viewed. Floats are intensities in [0, 1] and fill the range of
            the given bits; integers and booleans are label ids and are stored as they are, 8 bit.
        marks: Further texts, such as sample and recipe; `MARKS` are always there. Text beyond
            Latin-1 is stored as iTXt.
        bits: 8 or 16.

    Raises:
        ValueError: If intensities leave [0, 1] or are not finite, or ids do not fit.
    """
    text = PngInfo()
    for key, value in {**marks, **MARKS}.items():
        text.add_text(key, str(value))
    buffer = io.BytesIO()
    Image.fromarray(_levels(pixels, bits)).save(buffer, "PNG", pnginfo=text, optimize=False)
    return buffer.getvalue()


def _levels(pixels: np.ndarray, bits: int) -> np.ndarray:
    if bits not in (8, 16):
        raise ValueError(f"a PNG of {bits} bits: choose 8 or 16")
    if not np.issubdtype(pixels.dtype, np.floating):
        if pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
            raise ValueError("label ids must lie in 0 to 255")
        return pixels.astype(np.uint8)
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError("intensities must be finite and lie in [0, 1]")
    return np.round(pixels * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def marks_of(content: bytes) -> dict[str, str]:
    """Return the texts of a PNG, to tell a synthetic image before it is mixed with real ones."""
    with PngImageFile(io.BytesIO(content)) as image:
        return {str(key): str(value) for key, value in image.info.items() if isinstance(value, str)}


def versions() -> str:
    """Return the versions of Python and of the libraries that images depend on, as one text."""
    libraries = ("numpy", "scipy", "scikit-image", "torch", "monai", "pyradiomics", "nibabel")
    told = [f"{name} {version(name)}" for name in libraries]
    return ", ".join([f"Python {platform.python_version()}", *told])


def checksums(digests: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS, as `sha256sum --check` reads it, sorted by name.

    >>> print(checksums({"b.png": "0" * 64, "a.png": "f" * 64})[:20])
    ffffffffffffffffffff

    Raises:
        ValueError: If a name could leave the folder or a digest is not a sha256.
    """
    for name, digest in digests.items():
        if not SAFE_NAME.fullmatch(name) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"no line of SHA256SUMS: {digest!r} for {name!r}")
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def files(sample: Case, recipe: str) -> dict[str, bytes]:
    """Return what is shipped of one sample: file name to content.

    A radiograph is a PNG with a mask of its findings, a CT a NIfTI with its label map.
    """
    marks = {"Title": sample.name, "Recipe": recipe, "Seed": str(sample.facts.get("seed", ""))}
    if not sample.image.is_radiograph:
        return releasevolumes.files(sample, {**marks, **MARKS})
    parts = {"images": sample.image.voxels, "masks": sample.findings}
    return {f"{kind}/{sample.name}.png": png(picture(part), marks) for kind, part in parts.items()}


def beside(digests: Mapping[str, str]) -> dict[str, str]:
    """Return what files of these names need beside them: file name to text."""
    volumes = any(name.endswith(ENDING) for name in digests)
    return {"labels.json": releasevolumes.label_table()} if volumes else {}


def dataset(
    samples: pd.DataFrame, requests: pd.DataFrame, verdicts: pd.DataFrame,
    digests: Mapping[str, str], scores: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the table of what is shipped: kept samples only, one row each, sorted by id.

    Args:
        samples: Columns sample, source, patient, split, seed, findings.
        requests: Columns request (the sample's id), seed, split and parameters.
        verdicts: Columns sample and verdict.
        digests: File name, as `files` names it, to sha256.
        scores: Columns sample, expert, score; each expert becomes a column `score_<expert>`.

    Returns:
        `COLUMNS`, then the scores. For volumes see `releasevolumes.COLUMNS`.

    Raises:
        ValueError: If a kept sample has no file, no request or no patient, or is not what was
            requested. Nothing is shipped whose origin is not known.
    """
    kept = verdicts.loc[verdicts["verdict"] == KEPT, ["sample"]].astype(str)
    asked = requests.rename(columns={"request": "sample", "seed": "asked", "split": "planned"})
    table = kept.merge(samples, "left", "sample", validate="1:1")
    table = table.merge(
        asked[["sample", "asked", "planned", "parameters"]], "left", "sample", validate="1:1"
    )
    volumes = any(name.endswith(ENDING) for name in digests)
    table = (releasevolumes.with_files if volumes else _with_files)(table, digests)
    _check_origin(table)
    columns = list((*PROVENANCE, *releasevolumes.COLUMNS) if volumes else COLUMNS)
    if volumes:
        table["prompt"] = releasevolumes.prompts(table["parameters"])
    if scores is not None:
        own = scores.pivot(index="sample", columns="expert", values="score").add_prefix("score_")
        table = table.merge(own, "left", left_on="sample", right_index=True)
        columns += list(own.columns)
    return table[columns].sort_values("sample", ignore_index=True)


def _with_files(table: pd.DataFrame, digests: Mapping[str, str]) -> pd.DataFrame:
    for what in ("image", "mask"):
        names = f"{what}s/" + table["sample"] + ".png"
        table = table.assign(**{what: names, f"{what}_sha256": names.map(digests.get)})
    return table


def _check_origin(table: pd.DataFrame) -> None:
    files_ = [name for name in ("image_sha256", "mask_sha256") if name in table]
    for column in ("source", "patient", "parameters", *files_):
        unknown = table.loc[table[column].isna() | (table[column] == ""), "sample"]
        if len(unknown):
            raise ValueError(f"kept samples without {column}: {', '.join(unknown[:5])}")
    for drawn, planned in (("seed", "asked"), ("split", "planned")):
        other = table.loc[table[drawn] != table[planned], "sample"]
        if len(other):
            raise ValueError(f"the {drawn} is not that of the request: {', '.join(other[:5])}")


def card(
    name: str, facts: Mapping[str, str], table: pd.DataFrame, verdicts: pd.DataFrame,
    figures: pd.DataFrame, *, phantoms: bool,
) -> str:  # fmt: skip
    """Return the dataset's card in Markdown: what it is, what it was made from, what it is not.

    Args:
        name: The recipe.
        facts: Recipe, date, config hash, code digests, versions, seeds, licence; label to text, in
            the order to be shown. The date is one of them, so that equal inputs give equal cards.
        table: What `dataset` returns.
        verdicts: Columns sample, verdict, reason, of all samples drawn.
        figures: The scorecard; only this recipe's rows are told.
        phantoms: Whether the sources are phantoms; if not, the card says that sources are people.
    """
    counts = verdicts["verdict"].value_counts()
    words = VOLUMES if "labels" in table else RADIOGRAPHS
    origin = words.phantoms if phantoms else words.patients
    lines = [
        f"# Synthetic dataset `{_cell(name)}`", "", f"> **{origin}**", "",
        f"{len(table)} of {len(verdicts)} samples drawn passed every expert and are shipped; "
        f"{counts.get('rejected', 0)} were rejected and {counts.get('undecided', 0)} undecided. "
        "None of these is shipped, and none was replaced: the shortfall stands.", "",
        "## Use", "",
        "For training and testing of algorithms. Not for diagnosis, and not evidence about any "
        f"patient or disease. {words.labels} Train and test on the splits given here: a sample "
        f"inherits the split of {words.split}.", "",
        "## Files", "",
        f"{words.files}; `dataset.tsv` one row per sample; `SHA256SUMS` for `sha256sum --check`.",
        "", "## Making", "", *_table(["What", "Value"], facts.items()), "",
        "## Measured", "", *_table(["Figure", "Arm", "Value (95 % interval)", "n", "Note"],
                                   _measured(name, figures)), "",
        "## Composition", "", *_table(["Split", "Samples", "Source patients"],
                                      _composition(table)), "",
        "## Provenance of every sample", "", *_provenance(table),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _measured(recipe: str, figures: pd.DataFrame) -> list[Sequence]:
    rows = figures[figures["recipe"] == recipe].to_dict("records")
    return [
        (row["metric"], row["arm"],
         with_interval(row["value"], row["low"], row["high"], row["unit"]), row["n"], row["note"])
        for row in rows
    ]  # fmt: skip


def _composition(table: pd.DataFrame) -> list[Sequence]:
    groups = table.groupby("split")
    return [(split, len(own), own["patient"].nunique()) for split, own in groups]


def _provenance(table: pd.DataFrame) -> list[str]:
    rows = table.head(LISTED)[list(PROVENANCE)].itertuples(index=False)
    more = len(table) - LISTED
    tail = ["", f"{more} more are in `dataset.tsv`."] if more > 0 else []
    return [*_table([name.capitalize() for name in PROVENANCE], rows), *tail]


def _table(head: Sequence[str], rows) -> list[str]:
    """Return a Markdown table; nothing in a cell can end the cell, the row or the table."""
    body = [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    if not body:
        return [NOT_AVAILABLE]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body]


def _cell(value) -> str:
    text = shown(value) if isinstance(value, float) else str(value)
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(sign, safe)
    return " ".join(text.split()).replace("`", "'") or "-"
