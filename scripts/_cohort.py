"""The accepted cases of a cohort, each read when it is asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from _cases import joined
from _images import checked_volume, given, labeled

from radfoundry.case import Case

FEW = 4  # cases that lie ready for what comes next: samples of one source follow each other


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
