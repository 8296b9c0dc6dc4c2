"""Shared by all stages: the checked config, the cohorts' tables and small lookups."""

import json
import os
import sys
from functools import partial
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
os.environ.update(PYTHONPATH=str(ROOT / "src"))
# One thread per job: spinning OpenMP threads triple the cost of small networks.
for key, value in {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}.items():
    os.environ.setdefault(key, value)

from radfoundry.config import catalogue, cohorts
from radfoundry.config import settings as configuration
from radfoundry.config import weight_files
from radfoundry.config.digest import fingerprint

configuration.strict_load("config.yaml")  # first: Snakemake's own loader runs templates


configfile: "config.yaml"


settings = configuration.checked(config)
tables = cohorts.read_all(settings["cohorts"])
weight_files.check(settings)  # in milliseconds, before any job
COHORTS, RECIPES, EVALUATE = (
    settings["cohorts"],
    settings["recipes"],
    settings["evaluate"],
)
TASKS = [task for task in catalogue.names("tasks") if task in EVALUATE]


wildcard_constraints:
    cohort="|".join(COHORTS),
    recipe="|".join(RECIPES),
    method="|".join(settings["pseudolabel"]),
    expert="|".join(catalogue.names("experts")),
    task="|".join(catalogue.names("tasks")),
    arm=r"\w+",
    batch=r"b\d+",
    seed=r"\d+",


option = partial(lookup, within=settings)


def methods_on(device):
    """The methods of pseudo-labelling of a device, as a pattern; matches nothing for none."""
    methods = settings["pseudolabel"].items()
    return (
        "|".join(name for name, method in methods if method["device"] == device)
        or "(?!)"
    )


def code(script, *plugins):
    """Digest of a script and every library module it reaches."""
    return fingerprint(
        ROOT / "scripts" / f"{script}.py",
        [catalogue.module_name(kind, name) for kind, name in plugins],
    )


def batches_of(cohort):
    return cohorts.batch_names(COHORTS[cohort], tables.get(cohort, []))


def per_batch(pattern, cohort):
    """The pattern for every batch; nothing if it asks for labels and the cohort has no method."""
    method = COHORTS[cohort]["pseudolabel"]
    if "{method}" in pattern and method == configuration.NO_METHOD:
        return []
    return expand(pattern, cohort=cohort, batch=batches_of(cohort), method=method)


def per_cohort(pattern):
    return [path for cohort in COHORTS for path in per_batch(pattern, cohort)]


def needs(recipe):
    """What each network of a recipe is trained on top of."""
    return catalogue.constant("generators", RECIPES[recipe]["generator"], "NEEDS")


# The code behind a job, plug-ins included.


def phantom_code(wildcards):
    phantom = COHORTS[wildcards.cohort].get("phantom")
    return [("phantoms", phantom["kind"])] if phantom else []


def method_code(wildcards):
    return [("segmenters", settings["pseudolabel"][wildcards.method]["segmenter"])]


def segmenter_training_code(wildcards):
    segmenter = settings["pseudolabel"][wildcards.method]["segmenter"]
    phantom = catalogue.constant("segmenters", segmenter, "PHANTOM")
    return [*method_code(wildcards), ("phantoms", phantom)]


def generator_code(wildcards):
    return [("generators", RECIPES[wildcards.recipe]["generator"])]


def expert_code(wildcards):
    options = catalogue.constant("experts", wildcards.expert, "OPTIONS")
    options = options | RECIPES[wildcards.recipe]["filter"][wildcards.expert]
    used = [("segmenters", options[key]) for key in options if key == "segmenter"]
    return [("experts", wildcards.expert), *used]


def task_code(wildcards):
    return [("tasks", wildcards.task)]


def code_with(script, plugins):
    """Digest of a script and of the plug-ins that its wildcards choose."""
    return partial(_code_with, script, plugins)


def _code_with(script, plugins, wildcards):
    return code(script, *plugins(wildcards))
