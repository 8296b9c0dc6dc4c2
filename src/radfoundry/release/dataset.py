"""Make what is shipped of a recipe: images marked as synthetic, one table, card, checksums.

Only samples that every expert accepted are shipped. Every row says what the sample was made from,
by which request and with which seed, so that it can be drawn again. This module returns values; it
opens no file.
"""

import platform
import re
from collections.abc import Mapping
from importlib.metadata import version

import pandas as pd

from radfoundry.case import Case
from radfoundry.release import volumes
from radfoundry.release.marks import COMMENT, MARK, TRUE
from radfoundry.release.radiographs import MARKS, png
from radfoundry.release.volumes import ENDING
from radfoundry.verdicts import KEPT
from radfoundry.volume import picture

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
PROVENANCE = ("sample", "source", "patient", "split", "seed", "parameters")
FOLDERS = {"image": "images", "mask": "masks", "anatomy": "anatomy"}  # of radiographs
COLUMNS = (*PROVENANCE, *FOLDERS, *(f"{what}_sha256" for what in FOLDERS), "findings", MARK)
LIBRARIES = ("numpy", "scipy", "scikit-image", "torch", "monai", "pyradiomics", "nibabel")


def versions() -> str:
    """Return the versions of Python and of the libraries that images depend on, as one text."""
    numbers = [f"{name} {version(name)}" for name in LIBRARIES]
    return ", ".join([f"Python {platform.python_version()}", *numbers])


def checksums(digests: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS, as `sha256sum --check` reads it, sorted by name.

    >>> print(checksums({"b.png": "0" * 64, "a.png": "f" * 64})[:40])
    # synthetic: true
    ffffffffffffffffffffff

    Raises:
        ValueError: If a name could leave the folder or a digest is not a sha256.
    """
    for name, digest in digests.items():
        if not SAFE_NAME.fullmatch(name) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"no line of SHA256SUMS: {digest!r} for {name!r}")
    lines = (f"{digests[name]}  {name}\n" for name in sorted(digests))
    return "".join([COMMENT, *lines])


def files(sample: Case, recipe: str) -> dict[str, bytes]:
    """Return what is shipped of one sample: file name to content.

    A radiograph is a PNG with a mask of its findings and, where it has organs, their map; a CT is a
    NIfTI with its label map.
    """
    marks = {"Title": sample.name, "Recipe": recipe}
    marks |= {"Seed": str(sample.facts["seed"])} if "seed" in sample.facts else {}
    if not sample.image.is_radiograph:
        return volumes.files(sample, {**marks, **MARKS})
    parts = {"images": sample.image.voxels, "masks": sample.findings}
    parts |= {FOLDERS["anatomy"]: sample.anatomy} if sample.anatomy.any() else {}
    return {f"{kind}/{sample.name}.png": png(picture(part), marks) for kind, part in parts.items()}


def beside(digests: Mapping[str, str]) -> dict[str, str]:
    """Return what files of these names need beside them: file name to text."""
    has_labels = any(name.endswith(ENDING) or name.startswith("anatomy/") for name in digests)
    return {"labels.json": volumes.label_table({MARK: True})} if has_labels else {}


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
        `COLUMNS`, then the scores; anatomy and its digest are "" where a sample has no organ map.
        Where masks or pixels of other patients were taken, `donors` names their cases.
        For volumes see `volumes.COLUMNS`.

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
    has_volumes = any(name.endswith(ENDING) for name in digests)
    table = (volumes.with_files if has_volumes else _with_files)(table, digests)
    _check_origin(table)
    table[MARK] = TRUE
    columns = list((*PROVENANCE, *volumes.COLUMNS, MARK) if has_volumes else COLUMNS)
    if has_volumes:
        table["prompt"] = volumes.prompts(table["parameters"])
    if "donors" in table and table["donors"].fillna("").ne("").any():
        columns.append("donors")
    if scores is not None:
        own = scores.pivot(index="sample", columns="expert", values="score").add_prefix("score_")
        table = table.merge(own, "left", left_on="sample", right_index=True)
        columns += list(own.columns)
    return table[columns].sort_values("sample", ignore_index=True)


def _with_files(table: pd.DataFrame, digests: Mapping[str, str]) -> pd.DataFrame:
    for what, folder in FOLDERS.items():
        names = f"{folder}/" + table["sample"] + ".png"
        table = table.assign(**{what: names, f"{what}_sha256": names.map(digests.get)})
    table.loc[table["anatomy_sha256"].isna(), ["anatomy", "anatomy_sha256"]] = ""
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
