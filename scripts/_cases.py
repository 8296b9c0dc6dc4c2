"""Where cases lie under results/, and how a script loads them."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radfoundry import tables, volume
from radfoundry.anatomy.chest_ct import findings as marking
from radfoundry.case import Case

FEW = 4  # cases that lie ready for what comes next: samples of one source follow each other


def joined(paths: Sequence[str], kind: str) -> pd.DataFrame:
    """Return the batches' tables as one, each row with the folder that holds its files."""
    if not paths:
        return pd.DataFrame(columns=[*tables.columns(kind), "folder"])
    parts = [tables.read(path, kind).assign(folder=path.removesuffix(".tsv")) for path in paths]
    return pd.concat(parts, ignore_index=True)


def read_all(paths: Sequence[str], kind: str) -> pd.DataFrame:
    """Return tables of one kind as one; without any, an empty table."""
    parts = [tables.read(path, kind) for path in paths]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(tables.columns(kind)))


def checked_volume(path: Path, digest: str) -> volume.Volume:
    """Read a file and refuse it when it is not the one that its table names."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is named in its table and gone; rerun the rule that made it"
        )
    if volume.sha256(path) != digest:
        raise ValueError(f"{path} is not the file that its table names (sha256 differs)")
    return volume.read(path)


def of(name: str, paths: Sequence[str]) -> list[str]:
    """Return the paths that belong to a cohort or a recipe, whatever others are called."""
    own = (f"results/cohorts/{name}/", f"results/recipes/{name}/")
    return [path for path in paths if path.startswith(own)]


def reports_of(plans: Sequence[str]) -> dict[str, str]:
    """Return the report of every case of a cohort, from its table of cases."""
    frame = read_all(plans, "cases")
    return dict(zip(frame["case"], frame["report"], strict=True)) if "report" in frame else {}


class Cases(Sequence[Case]):
    """The accepted cases of a cohort, in order, each read when it is asked for."""

    def __init__(
        self,
        images: Sequence[str],
        labels: Sequence[str] = (),
        only: Iterable[str] | None = None,
        reports: Mapping[str, str] | None = None,
        cohort: str = "",
    ) -> None:
        """Read the tables, and no image.

        Args:
            images: Batch tables of preprocess.
            labels: Batch tables of pseudolabel; without them the maps are the truth that came
                along. Of the findings only those that a segmenter marks are replaced: outlined
                lesions stay.
            only: Ids of the cases wanted; all when None.
            reports: What `reports_of` returns, to be the fact `report`; no such fact when None.
            cohort: Its name, to be the fact `cohort`; no such fact without it.
        """
        rows = joined(images, "images")
        wanted = True if only is None else rows["case"].isin(list(only))
        self.rows = rows[(rows["status"] == "ok") & wanted].to_dict("records")
        self.at = {row["case"]: at for at, row in enumerate(self.rows)}
        structures = joined(labels, "labels")
        self.stated = {
            status: structures[structures["status"] == status]
            .groupby("case")["structure"]
            .agg("|".join)
            for status in ("failed", "cropped", "not_in_view")
        }
        self.labels = structures.drop_duplicates("case").set_index("case")
        self.reports, self.cohort = reports, cohort

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows)

    def named(self, case: str) -> Case:
        """Return a case by its id."""
        return self[self.at[case]]

    def __getitem__(self, at: int) -> Case:
        """Return a case, read from its files."""
        row = self.rows[at]
        folder = Path(row["folder"]) / row["case"]
        image = checked_volume(folder / "image.nii.gz", row["image_sha256"])
        image = image.holding(image.voxels.astype(np.float32))  # HU are stored as int16
        maps = [given(folder, row, what, image) for what in ("anatomy", "findings")]
        if len(self.labels):
            maps = labeled(self.labels.loc[row["case"]], row["case"], maps)
        facts = row | {status: own.get(row["case"], "") for status, own in self.stated.items()}
        facts.setdefault("not_given", "")
        facts |= {"cohort": self.cohort} if self.cohort else {}
        if self.reports is not None:
            facts["report"] = self.reports.get(row["case"], "")
        return Case(row["case"], image, *maps, facts)


def real_cases(
    images: Sequence[str], labels: Sequence[str] = (), only=None, reports=None, cohort: str = ""
) -> Iterator[Case]:
    """Yield the accepted cases of a cohort, in order: see `Cases`."""
    yield from Cases(images, labels, only, reports, cohort)


def trusted(rows: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Return the rows of cases none of whose labels failed: nothing learns or starts from those.

    Args:
        rows: Of any table with the column `case`.
        labels: Batch tables of pseudolabel; where there are none, readers' maps are trusted.

    Raises:
        ValueError: No case is left.
    """
    structures = joined(labels, "labels")
    failed = set(structures.loc[structures["status"] == "failed", "case"])
    kept = rows[~rows["case"].isin(failed)]
    if len(rows) and not len(kept):
        raise ValueError(f"labels failed in each of {rows['case'].nunique()} cases: none is usable")
    if len(kept) < len(rows):
        out = sorted(failed & set(rows["case"]))
        logging.warning("left out, for labels failed: %d cases (%s)", len(out), ", ".join(out[:5]))
    return kept


def labeled(label, case: str, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the maps of a case with what a segmenter marked in place of what came along."""
    folder = Path(label["folder"])
    anatomy, findings = checked_volume(folder / f"{case}.nii.gz", label["sha256"]).voxels, maps[1]
    if label["findings_sha256"]:
        path = folder / f"{case}.findings.nii.gz"
        marks = checked_volume(path, label["findings_sha256"]).voxels
        findings = marking.laid_over(findings, marks)
    return [anatomy, findings]


def given(folder: Path, row, what: str, image: volume.Volume) -> np.ndarray:
    """Return the truth that came with a case, or zeros where none came."""
    if not row[f"{what}_sha256"]:
        return np.zeros(image.voxels.shape, np.uint8)
    return checked_volume(folder / f"{what}.nii.gz", row[f"{what}_sha256"]).voxels


def drawn_cases(samples: pd.DataFrame) -> Iterator[Case]:
    """Yield drawn samples, each with the row of the samples table as its facts."""
    for row in samples.to_dict("records"):
        folder = Path(row["folder"])
        parts = {
            what: checked_volume(folder / f"{what}.nii.gz", row[f"{what}_sha256"])
            for what in ("image", "anatomy", "findings")
        }
        maps = parts["anatomy"].voxels, parts["findings"].voxels
        yield Case(row["sample"], parts["image"], *maps, row)


def store(case: Case, folder: Path) -> dict[str, str]:
    """Write a case's image and maps into a folder; return their sha256 by column name."""
    parts = {"image": case.image.voxels, "anatomy": case.anatomy, "findings": case.findings}
    return {
        f"{what}_sha256": volume.write(case.image.holding(voxels), folder / f"{what}.nii.gz")
        for what, voxels in parts.items()
        if voxels is not None
    }


def splits_of(paths: Sequence[str]) -> dict[str, str]:
    """Return the split of every case."""
    frame = read_all(paths, "splits")
    return dict(zip(frame["case"], frame["split"], strict=True))


def kept_samples(samples: str, verdicts: str) -> pd.DataFrame:
    """Return the samples that the experts kept."""
    frame, decided = tables.read(samples, "samples"), tables.read(verdicts, "verdicts")
    return frame[frame["sample"].isin(decided.loc[decided["verdict"] == "kept", "sample"])]


def prompted(samples: pd.DataFrame, requests: str) -> pd.DataFrame:
    """Return samples with the prompt of each, "" where its request has none."""
    asked = tables.read(requests, "requests").set_index("request")["parameters"]
    prompts = [str(json.loads(asked[name]).get("prompt", "")) for name in samples["sample"]]
    return samples.assign(prompt=prompts)


def summarize(frame: pd.DataFrame, column: str) -> None:
    """Log how often each value occurs."""
    logging.info("%s: %s", column, frame[column].value_counts().to_dict())
