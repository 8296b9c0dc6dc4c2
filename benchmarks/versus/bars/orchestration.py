"""One workflow of batches against one of cases: the same three scripts, three jobs for each case.

The per-case side runs three jobs of seconds for every case, so that the number of cases is what a
night allows; the more cases, the more a batch saves.
"""

import json
from functools import partial
from pathlib import Path

import harness

CASES, SMALL_CASES = 48, 2
TITLE = f"orchestration: {CASES} films x 3 rules"
PEER = "the same workflow and scripts with `batch: 1`"
PAIRS = 1
PROFILE = (
    "144 jobs of one case cost 3.6 CPU s each, nearly all of it their start and imports. Of the 34"
    " of three jobs of 48 cases about 25 are the work itself (.53 s a film, the slope between 50"
    " and 200 cases of the bar of growth, 2026-12-01): whatever the number of cases, the ratio"
    " cannot be much above 20."
)
CLAIMS = (
    harness.ratio("CPU of a job per case over batches", "cpu_s", 20),
    harness.ratio("wall of a job per case over batches", "wall_s", None),
)
PLACES = (("batches/b*.tsv", "image_sha256"), ("labels/pbtseg/b*.tsv", "sha256"))


def prepare(folder: Path, small: bool) -> None:
    """Say how many cases there are."""
    (folder / "cases.json").write_text(json.dumps(SMALL_CASES if small else CASES))


def side(name: str, folder: Path) -> None:
    """Draw, preprocess and label all films, from nothing."""
    import shutil

    from bars import _factory

    cases = json.loads((folder / "cases.json").read_text())
    own = folder / name.replace(" ", "_")
    shutil.rmtree(own, ignore_errors=True)
    batch = cases if name == "ours" else 1
    _factory.write(own, _factory.config({"films": _factory.films(cases, batch)}))
    _factory.run(own, "pseudolabel")


SIDES = {name: partial(side, name) for name in ("ours", "a job per case")}


def equal(folder: Path) -> str:
    """Compare the digests of every image and every label map.

    Raises:
        UnequalError: One differs.
    """
    from bars import _factory

    cases = json.loads((folder / "cases.json").read_text())
    for pattern, column in PLACES:
        own, other = (
            _factory.digests(folder / name.replace(" ", "_"), f"cohorts/films/{pattern}", column)
            for name in SIDES
        )
        if own != other or len(own) != cases:
            raise harness.UnequalError(f"{column}: {len(own)} and {len(other)} files, not equal")
    return f"sha256 of image and labels of all {cases} cases"
