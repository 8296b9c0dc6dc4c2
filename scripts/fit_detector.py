"""Train a detector of findings on healthy films with disease painted in, and what is normal."""

import logging

import numpy as np
from _cases import joined, splits_of, trusted
from _cohort import Cases
from _job import device, start, steps

from radfoundry import weights
from radfoundry.config.catalogue import load
from radfoundry.evaluation import finding_detector
from radfoundry.seeds import seed

job = start(snakemake)
asked = job.params.findings
plugins = finding_detector.Plugins(
    load("tasks", asked["detector"]), load("generators", asked["generator"])
)

images, labels = joined(job.input.images, "images"), joined(job.input.labels, "labels")
images = images[(images["status"] == "ok") & (images["findings"] == "")]
known = images[["case", "findings"]].assign(split=images["case"].map(splits_of(job.input.splits)))
known = known[known["split"].isin(["train", "tune"])]  # nothing is learned from the test split
known = trusted(known, job.input.labels)
statuses = labels.pivot(index="case", columns="structure", values="status").reset_index()
known = known.merge(statuses, on="case")
logging.info("healthy films: %s", known["split"].value_counts().to_dict())

films = list(Cases(job.input.images, job.input.labels, known["case"]))
rng = np.random.default_rng(seed(asked["seed"], "fit_detector", asked["detector"]))
running = {"device": device(job), "progress": steps("training")}
learned = finding_detector.fit(plugins, films, known, asked, rng, **running)
weights.write(learned, job.output.network)
