"""What a reader study looks up in a checked config, and what cannot be asked of readers."""

from collections.abc import Iterator, Mapping
from typing import Any

Settings = Mapping[str, Any]
TASKS = ("origin", "ranking", "overlay")
OF_ANSWERS = ("answers", "withdrawn")  # which change no page


def recipes(settings: Settings) -> list[str]:
    """Return the recipes whose samples readers see, [] where there are no readers."""
    study = settings["evaluate"]["reader_study"]
    named = [recipe for task in TASKS for recipe in study[task]] if study["readers"] else []
    return list(dict.fromkeys(named))


def cohorts(settings: Settings) -> list[str]:
    """Return the cohorts whose real cases readers see."""
    return list(dict.fromkeys(settings["recipes"][name]["cohort"] for name in recipes(settings)))


def pages(settings: Settings) -> dict[str, Any]:
    """Return what the pages are made from: the study less its answers, and each recipe's images.

    `modality` and `cohort` are by recipe.
    """
    study = settings["evaluate"]["reader_study"]
    cohort = {name: settings["recipes"][name]["cohort"] for name in recipes(settings)}
    modality = {name: settings["cohorts"][own]["modality"] for name, own in cohort.items()}
    stated = {key: value for key, value in study.items() if key not in OF_ANSWERS}
    return stated | {"cohort": cohort, "modality": modality}


def files(settings: Settings) -> list[str]:
    """Return what a reader study makes: its pages, and its figures once answers are named."""
    study, folder = settings["evaluate"]["reader_study"], "results/reader_study"
    made = [f"{folder}/packs/{reader}.html" for reader in study["readers"]]
    return [*made, *([f"{folder}/readings.tsv"] if study["answers"] else [])]


def found(config: Settings) -> Iterator[str]:
    """Find what cannot be asked of readers."""
    study = config["evaluate"]["reader_study"]
    where = "evaluate.reader_study"
    if study["readers"] and not recipes(config):
        yield f"{where}.readers: allowed: with recipes in origin, ranking or overlay"
    if study["answers"] and not study["readers"]:
        yield f"{where}.answers: allowed: with the readers who gave them"
    for name in [name for name in study["withdrawn"] if name not in study["readers"]]:
        readers = ", ".join(study["readers"]) or "there are none"
        yield f"{where}.withdrawn: {name!r} is none of the readers; allowed: {readers}"
    yield from _ranking_faults(config, study["ranking"], f"{where}.ranking")
    for recipe in dict.fromkeys(name for task in TASKS for name in study[task]):
        cohort = config["recipes"][recipe]["cohort"]
        if not config["cohorts"][cohort]["splits"]["test"]:
            told = "is 0; allowed: above 0, because readers see real cases of the test split"
            yield f"cohorts.{cohort}.splits.test: {told}"


def _ranking_faults(config: Settings, ranking: list[str], where: str) -> Iterator[str]:
    if len(ranking) == 1:
        yield f"{where}: is {ranking}; allowed: none, or at least two recipes"
    if "real" in ranking:
        yield f"{where}: 'real' is what real cases are called here; allowed: another name"
    cohorts_ = [config["recipes"][name]["cohort"] for name in ranking]
    kinds = sorted({config["cohorts"][name]["modality"] for name in cohorts_})
    if len(kinds) > 1:
        yield f"{where}: recipes draw {' and '.join(kinds)}; allowed: recipes of one modality"
