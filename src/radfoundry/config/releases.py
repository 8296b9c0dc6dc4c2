"""What the workflow looks up about releases: what goes into one, and what an old one is called.

See `lookups`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radfoundry.config.consistency import NO_METHOD
from radfoundry.config.lookups import Settings

OWN = Path("results/release")  # of the run itself
TOLD = ("modality", "phantom", "preprocess", "splits", "pseudolabel")  # of a cohort
PUBLISHED = ("licence", "authors", "formats", "case_ids", "max_shortfall", "burned_in")
FILES = ("SHA256SUMS", "dataset.tsv", "provenance.json", "figures.tsv")
SCORECARD = "scorecard.tsv"


def settings_of(settings: Settings, recipe: str) -> dict[str, Any]:
    """Return the part of the config that a recipe's release follows from, as it is recorded there.

    Where the user's files lie is not among it.
    """
    own = settings["recipes"][recipe]
    cohort = settings["cohorts"][own["cohort"]]
    method = cohort["pseudolabel"]
    lent = [lender for lender in own["networks"].values() if isinstance(lender, str)]
    return {
        "cohorts": {own["cohort"]: {key: cohort[key] for key in TOLD if key in cohort}},
        "pseudolabel": {} if method == NO_METHOD else {method: settings["pseudolabel"][method]},
        "recipes": {name: settings["recipes"][name] for name in (*lent, recipe)},
        "publish": {key: settings["publish"][key] for key in PUBLISHED},
    }


def figures(settings: Settings) -> list[str]:
    """Return the scorecard of the run where releases tell of it, as a datasheet does.

    Others do not wait for the evaluation, and another one makes none of them again.
    """
    asked = "datasheet" in settings["publish"]["formats"]
    return [str(OWN.parent / SCORECARD)] if asked else []


def compared(settings: Settings) -> str:
    """Return the folder of old releases that the config compares with; "" for none."""
    return settings.get("compare") or settings["publish"].get("compare") or ""


def old(settings: Settings) -> dict[str, str]:
    """Return the folders of the old releases by recipe; {} where none is compared with.

    The folder that the config names is one release, or holds one for each recipe.

    Raises:
        ValueError: It holds none, or is where this run writes its own.
    """
    if not compared(settings):
        return {}
    folder = Path(compared(settings))
    if folder.resolve() in (OWN.resolve(), *(path.resolve() for path in OWN.glob("*"))):
        raise ValueError(f"compare: {folder} is where this run writes: copy the old release aside")
    found = {_recipe(path): str(path) for path in _releases(folder)}
    if not found:
        message = f"compare: {folder} holds no release"
        raise ValueError(f"{message}; allowed: a folder with {FILES[0]}, or one above such folders")
    return found


def _releases(folder: Path) -> Iterator[Path]:
    sums = [folder / FILES[0], *sorted(folder.glob(f"*/{FILES[0]}"))]
    yield from (path.parent for path in sums if path.is_file())


def _recipe(folder: Path) -> str:
    """Return the recipe of a release: as it says; one of old is called after its recipe."""
    record = folder / "provenance.json"
    return str(json.loads(record.read_text())["recipe"]) if record.is_file() else folder.name


def files(settings: Settings) -> list[str]:
    """Return the files of old releases that a comparison reads, and the scorecard beside them."""
    folders = [Path(folder) for folder in old(settings).values()]
    found = [folder / name for folder in folders for name in FILES]
    return [str(path) for path in found if path.is_file()] + scorecard(settings)


def scorecard(settings: Settings) -> list[str]:
    """Return the scorecard that was kept beside old releases: in their folder, or in `results`.

    Without one, only the figures that a release carries itself are compared.
    """
    if not compared(settings):
        return []
    folder = Path(compared(settings))
    places = [folder, *([folder.parent] if folder.name == OWN.name else [])]
    return [str(place / SCORECARD) for place in places if (place / SCORECARD).is_file()][:1]


def differences(settings: Settings) -> list[str]:
    """Return the table that a run writes where it is compared with an old release."""
    return ["results/differences.tsv"] if compared(settings) else []
