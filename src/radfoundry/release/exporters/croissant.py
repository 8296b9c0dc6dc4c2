"""Croissant 1.0: what the release is, its files and the columns of its table, as JSON-LD.

See Akhtar et al. 2024 and docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

import json
from collections.abc import Mapping

import pandas as pd

from radfoundry.case import Case
from radfoundry.release.radiographs import MARKS

TABLE = "dataset.tsv"
ENCODINGS = {".png": "image/png", ".nii.gz": "application/gzip", ".dcm": "application/dicom"}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


class Exporter:
    """Describes the table and the folders of images; copies nothing."""

    def __init__(self, recipe: str, facts: Mapping[str, str]) -> None:
        self.recipe, self.facts = recipe, facts

    def add(self, sample: Case) -> dict[str, bytes]:
        """Return nothing: a sample is described by its row of the table."""
        return {}

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return croissant.json."""
        authors = self.facts.get("Authors", "not stated")
        said = {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": f"synthetic-{self.recipe}",
            "description": f"{MARKS['Warning']} Drawn by the recipe {self.recipe} of Radfoundry.",
            "keywords": ["synthetic", "medical imaging"],
            "license": self.facts.get("Licence", ""),
            "creator": {"@type": "sc:Organization", "name": authors},
            "citeAs": f"{authors}: synthetic-{self.recipe}, made with Radfoundry",
            "version": "1.0.0",
            "isLiveDataset": False,
            "distribution": [_table_file(digests[TABLE]), *_folders(digests)],
            "recordSet": [_records(table)],
        }
        if "Date" in self.facts:
            said["datePublished"] = self.facts["Date"]
        return {"croissant.json": (json.dumps(said, indent=1) + "\n").encode()}


def _table_file(digest: str) -> dict:
    return {
        "@type": "cr:FileObject", "@id": "table", "name": "table", "contentUrl": TABLE,
        "description": "One row for each synthetic image.",
        "encodingFormat": "text/tab-separated-values", "sha256": digest,
    }  # fmt: skip


def _folders(digests: Mapping[str, str]) -> list[dict]:
    """Return a set of files for each folder of images and ending in it."""
    found = {
        (name.split("/")[0], ending)
        for name in digests
        for ending in ENCODINGS
        if "/" in name and name.endswith(ending) and not name.startswith("nnunet/")
    }
    return [
        {
            "@type": "cr:FileSet", "@id": f"{folder}-files", "name": f"{folder}-files",
            "description": f"Synthetic {folder}.", "encodingFormat": ENCODINGS[ending],
            "includes": f"{folder}/*{ending}" if folder != "dicom" else f"{folder}/*/*{ending}",
        }
        for folder, ending in sorted(found)
    ]  # fmt: skip


def _records(table: pd.DataFrame) -> dict:
    return {
        "@type": "cr:RecordSet", "@id": "samples", "name": "samples",
        "description": "Every synthetic image with its origin, its files and its scores.",
        "field": [_field(str(name), column) for name, column in table.items()],
    }  # fmt: skip


def _field(name: str, column: pd.Series) -> dict:
    kinds = {"i": "sc:Integer", "u": "sc:Integer", "f": "sc:Float"}
    return {
        "@type": "cr:Field", "@id": f"samples/{name}", "name": name,
        "description": f"Column {name} of the table.",
        "dataType": kinds.get(column.dtype.kind, "sc:Text"),
        "source": {"fileObject": {"@id": "table"}, "extract": {"column": name}},
    }  # fmt: skip
