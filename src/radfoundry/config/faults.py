"""All that is wrong with a config, the tables it names and the files it asks for, at once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from radfoundry.config import cohorts, reports, trained, weight_files
from radfoundry.config.settings import ConfigurationError, bundle_file, checked, strict_load


def found(path: str | Path) -> list[str]:
    """Return one line per fault of a config; [] for one that the workflow can plan with.

    What the workflow would say one after the other is said together: keys and values, tables of
    cases, weight files, bundles. Relative paths start from the current folder, as for Snakemake.
    """
    try:
        config = strict_load(path)
    except ConfigurationError as error:
        return error.faults
    try:
        settings = checked(config)
    except ConfigurationError as error:
        return [*error.faults, *_tables(config)]
    return [
        *_tables(settings),
        *weight_files.missing(settings),
        *_bundles(settings),
        *trained.faults_of_pins(settings),
        *_reports(settings),
    ]


def _tables(config: Mapping[str, Any]) -> list[str]:
    """Return the faults of the tables of cases, even of a config whose other parts are wrong."""
    section = config.get("cohorts")
    named = {
        str(name): entry
        for name, entry in (section.items() if isinstance(section, Mapping) else ())
        if isinstance(entry, Mapping) and isinstance(entry.get("table"), str)
    }
    try:
        cohorts.read_all(named)
    except cohorts.CohortError as error:
        return str(error).splitlines()
    return []


def _reports(settings: Mapping[str, Any]) -> list[str]:
    """Return the faults of the first table of reports without images that cannot be used."""
    try:
        reports.check(settings)
    except reports.ReportsError as error:
        return str(error).splitlines()
    return []


def _bundles(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, recipe in settings["recipes"].items():
        start = recipe["train"].get("start")
        if start and not Path(bundle_file(start)).is_file():
            message = "allowed: a folder or .zip that `radfoundry bundle` wrote"
            yield f"recipes.{name}.train.start: {start!r} is not there or no bundle; {message}"
