"""A file that does not say that it is synthetic is not shipped."""

import gzip
import io
import json

import numpy as np
import pytest
from PIL import Image

from radfoundry.release import dataset, marks, radiographs, volumes
from radfoundry.volume import Volume

PNG = radiographs.png(np.zeros((2, 2)), {})
CT = Volume(np.zeros((3, 3, 3), np.int16), np.eye(4))
MARKED = {
    "a.png": PNG,
    "a.nii.gz": volumes.nifti(CT, {"Title": "a" * 500}),
    "labels.json": volumes.label_table({"synthetic": True}).encode(),
    "croissant.json": b'{"keywords": ["synthetic"]}',
    "coco/annotations.json": b'{"info": {"synthetic": true}}',
    "a.tsv": b"sample\tsynthetic\na\ttrue\n",
    "a.md": marks.FRONT.encode() + b"# A\n",
    "SHA256SUMS": dataset.checksums({}).encode(),
}


def unmarked():
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    return buffer.getvalue()


BARE = {
    "a.png": unmarked(),
    "a.nii.gz": gzip.compress(bytes(400)),
    "a.dcm": b"\x08\x00\x1c\x00CS\x02\x00NO",
    "labels.json": volumes.label_table().encode(),
    "a.json": json.dumps({"synthetic": "true"}).encode(),
    "a.tsv": b"sample\tsynthetic\na\ttrue\nb\tfalse\n",
    "b.tsv": b"sample\na\n",
    "a.md": b"# A\nsynthetic: true\n",
    "b.md": b"---\nsynthetic: false\n---\n",
    "SHA256SUMS": b"0  a\n",
    "a.exe": b"synthetic: true",
}


@pytest.mark.parametrize("name", MARKED)
def test_each_format_has_a_place_where_a_program_finds_the_mark(name):
    assert marks.marked(name, MARKED[name])


@pytest.mark.parametrize("name", BARE)
def test_a_file_without_the_mark_or_of_an_unknown_format_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"not marked as synthetic, so not shipped: {name}"):
        marks.check({**MARKED, name: BARE[name]})
