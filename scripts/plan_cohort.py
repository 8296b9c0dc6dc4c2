"""List a cohort's cases; a phantom's body and exams are chosen here and nowhere else."""

import numpy as np
import pandas as pd
from _job import start

from radfoundry import tables
from radfoundry.config import cohorts
from radfoundry.config.catalogue import load

job = start(snakemake)
source = job.params.source

if "phantom" in source:
    options = source["phantom"]
    rng = np.random.default_rng(options["seed"])
    cases = load("phantoms", options["kind"]).plan(options, rng)
    for column in ("case", "patient"):  # two cohorts of one site are not the same people
        cases[column] = job.wildcards.cohort + "-" + cases[column]
    places = pd.factorize(cases["patient"])[0]  # a patient's exams stay together
else:
    cases = pd.DataFrame(cohorts.read(source["table"], source.get("root")))
    places = np.arange(len(cases))

cases["batch"] = [cohorts.batch_name(place // source["batch"]) for place in places]
cases = cases.reindex(columns=list(tables.columns("cases")))
tables.write(cases, job.output.cases, "cases")
