"""Patients and their examinations: what the plans of all phantoms share."""

from collections.abc import Iterator, Mapping

import numpy as np

from radfoundry.phantoms._bodies import findings, habitus

CHILD_AGES = (0.5, 12.0)


def checked(options: Mapping, defaults: Mapping, sites: Mapping) -> dict:
    """Return the options completed by the defaults, or say what is wrong with them.

    Raises:
        ValueError: Naming the option, its value and what is allowed.
    """
    full = {**defaults, **options}
    allowed = {"site": tuple(sites), "variety": tuple(habitus.SPREAD)}
    for name, choices in allowed.items():
        if full[name] not in choices:
            raise ValueError(f"{name} is {full[name]!r}: choose from {', '.join(choices)}")
    unknown = sorted(set(full["findings"]) - set(findings.NAMES))
    if unknown:
        raise ValueError(f"no findings {unknown}: choose from {', '.join(findings.NAMES)}")
    return full


def visits(options: Mapping, site: Mapping, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield every examination of every patient: case, patient and body.

    Args:
        options: patients, exams (least and most of a patient), site, variety.
        site: ages (least and greatest, years), share of children, mean build.
        rng: Makes every choice.
    """
    for i in range(options["patients"]):
        patient = f"{options['site']}{i:04d}"
        ages = CHILD_AGES if rng.random() < site["children"] else tuple(site["ages"])
        body = habitus.person(rng, ages, site["build"], options["variety"])
        least, most = options["exams"]
        for exam in range(int(rng.integers(least, most + 1))):
            yield f"{patient}-{exam}", patient, body


def facts(parameters: Mapping) -> dict[str, str]:
    """Return what a table says of a case, as text."""
    names = dict.fromkeys(f["name"] for f in parameters["findings"])
    columns = {n: str(parameters[n]) for n in ("patient", "site", "view")}
    body = parameters["body"]
    return columns | {"sex": body["sex"], "age": str(body["age"]), "findings": "|".join(names)}
