"""What `evaluate.few_shot_lesions` may not ask for, beyond what each of its keys allows alone."""

from collections.abc import Iterator, Mapping

from radfoundry.config import catalogue

TASK = "few_shot_lesions"


def found(config: Mapping) -> Iterator[str]:
    """Find CT whose window is not stated, and regions that are no findings."""
    asked = config["evaluate"].get(TASK, {})
    for recipe in asked.get("recipes", ()):
        name = config["recipes"][recipe]["cohort"]
        stated = "window" in asked or name in asked.get("windows", {})
        if config["cohorts"][name]["modality"] == "CT" and not stated:
            yield (
                f"evaluate.{TASK}.windows: {recipe!r} is of CT, and nothing says which HU the "
                f"networks see; allowed: such as {{{name}: [-200, 300]}}"
            )
    words = catalogue.vocabulary()
    shown = {entry["id"]: entry["name"] for entry in words["findings"]}
    for region in asked.get("findings", ()):
        ids = words["regions"].get(region, ())
        if region not in shown.values() and not (ids and set(ids) <= set(shown)):
            names = ", ".join(sorted(shown.values()))
            yield f"evaluate.{TASK}.findings: {region!r} is no finding; allowed: tumour, {names}"
