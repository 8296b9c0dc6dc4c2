"""Write the page a radiologist reads."""

from datetime import date

import pandas as pd
from _cases import joined, of
from _differences import compared
from _exhibits import cohort_row, recipe_part, volumes_part
from _job import start

from radfoundry import tables, volume
from radfoundry.release import dataset
from radfoundry.report import costs, page

job = start(snakemake)
settings, paths = job.params.settings, job.input
card = tables.read(paths.scorecard, "scorecard")


def per_cohort(group, kind):
    """Return the batches' tables of all cohorts as one."""
    parts = [joined(of(name, group), kind).assign(cohort=name) for name in settings["cohorts"]]
    return pd.concat(parts)


context = {
    "title": settings["publish"]["title"],
    "date": date.today().isoformat(),
    "cohorts": pd.DataFrame([cohort_row(name, paths, settings) for name in settings["cohorts"]]),
    "cases": per_cohort(paths.images, "images"),
    "labels": per_cohort(paths.labels, "labels"),
    "volumes": [
        volumes_part(name, paths, settings)
        for name, cohort in settings["cohorts"].items()
        if cohort["modality"] != "CXR"
    ],
    "recipes": [recipe_part(name, paths, settings, card) for name in settings["recipes"]],
    "scorecard": card,
    "differences": compared(job),
    "costs": costs.of_run("logs"),
    "on_gpu": job.params.on_gpu,
    "provenance": page.provenance(settings, dataset.versions(), job.params.code),
}
volume.write_bytes(page.render(context).encode(), job.output.page)
