"""Shared by all stages: the checked config, digests of the code behind a job, constraints."""

import os
import sys
from functools import partial
from inspect import signature
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

from radfoundry.config import (
    catalogue,
    cohorts,
    lookups,
    resources,
    watched,
    weight_files,
)
from radfoundry.config.consistency import NO_METHOD, weights_from
from radfoundry.config.digest import fingerprint
from radfoundry.config.settings import checked, start_files, strict_load

strict_load("config.yaml")  # first: Snakemake's own loader runs templates


configfile: "config.yaml"


settings = checked(config)
tables = cohorts.read_all(settings["cohorts"])
weight_files.check(settings)  # in milliseconds, before any job
COHORTS, RECIPES, METHODS, EVALUATE = (
    settings[section] for section in ("cohorts", "recipes", "pseudolabel", "evaluate")
)


def methods_on(device):
    """The methods of pseudo-labelling that run on a device, as a pattern; matches nothing for none."""
    names = [name for name, method in METHODS.items() if method["device"] == device]
    return "|".join(names) or "(?!)"


wildcard_constraints:
    cohort="|".join(COHORTS),
    recipe="|".join(RECIPES),
    method="|".join(METHODS),
    expert="|".join(catalogue.names("experts")),
    task="|".join(catalogue.names("tasks")),
    arm=r"\w+",
    batch=r"b\d+",
    seed=r"\d+",


option = partial(lookup, within=settings)


def looked_up(function):
    """What a look-up of the config says, given the wildcards that it names."""
    names = list(signature(function).parameters)[1:]
    return lambda wildcards: function(settings, *(wildcards[name] for name in names))


def looked_up_often(function):
    """The same for a resource: a job that was killed for want of it asks for as much again."""
    once = looked_up(function)
    return lambda wildcards, attempt: once(wildcards) * attempt


def code(script, *plugins):
    """Digest of a script and every library module it reaches, plug-ins (kind, name) included."""
    modules = [catalogue.module_name(kind, name) for kind, name in plugins]
    return fingerprint(ROOT / "scripts" / f"{script}.py", modules)


def code_with(script, plugins):
    """Digest of a script and of the plug-ins that its wildcards choose."""
    chosen = looked_up(plugins)
    return lambda wildcards: code(script, *chosen(wildcards))
