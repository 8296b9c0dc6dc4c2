"""Shared by all stages: the checked config, digests of the code behind a job, constraints."""

import os
import sys
from functools import partial
from inspect import signature
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
os.environ.update(PYTHONPATH=str(ROOT / "src"))
# One thread per job: spinning ones triple a small network's cost. Keeping freed pages saves 12 %.
for key, value in {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
}.items():
    os.environ.setdefault(key, value)

from radfoundry.config import autoencoders, catalogue, cohorts, control, finding_methods
from radfoundry.config import lookups, radiographs, releases, reports, resources
from radfoundry.config import subgroups, trained, untrained, watched, weight_files
from radfoundry.config.consistency import NO_METHOD, weights_from
from radfoundry.config.digest import fingerprint
from radfoundry.config.settings import checked, start_files, strict_load
from radfoundry.report import costs

strict_load("config.yaml")  # first: Snakemake's own loader runs templates


configfile: "config.yaml"


settings = untrained.beside(stated := checked(config))  # `stated` with null arms
tables = cohorts.read_all(settings["cohorts"])
weight_files.check(stated)  # in milliseconds, before any job
trained.check_pins(stated)
COHORTS, RECIPES, METHODS, EVALUATE = (
    stated[section] for section in ("cohorts", "recipes", "pseudolabel", "evaluate")
)


wildcard_constraints:
    cohort="|".join(COHORTS),
    recipe="|".join(settings["recipes"]),
    method="|".join(METHODS),
    expert="|".join(catalogue.names("experts")),
    task="|".join(catalogue.names("tasks")),
    network=r"\w+",
    pinned="|".join(lookups.all_pinned(settings)) or "(?!)",
    arm=r"\w+",
    batch=r"b\d+",
    seed=r"\d+",


TRAINING = ROOT / "scripts/train_network.py"
if workflow.is_main_process:  # what an edit costs is said before it is paid
    advice = untrained.advice(stated)
    for line in [*advice, *trained.announcements(stated, Path("results"), TRAINING)]:
        logger.warning(line)

option = partial(catalogue.option, settings)


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


def code_of_training(wildcards):
    """Digest of the definitions that training a network reaches, and of nothing beside them."""
    recipe, network = wildcards.recipe, wildcards.network
    return trained.code_of_training(settings, recipe, network, TRAINING)


def code_of_arm(wildcards):
    """The same of a downstream model: of what trains it and lets it predict."""
    run = ("tasks", wildcards.task, "run")
    return trained.code_of_script(ROOT / "scripts/fit_arm.py", run)


def code_of_comparison(wildcards):
    """Digest of what compares the arms of a downstream task."""
    return code("compare_arms", ("tasks", wildcards.task))


def code_of_encoding(wildcards):
    """The same of encoding cases, which trainings read: what decodes them is no part of it."""
    return trained.code_of_script(ROOT / "scripts/encode_cases.py")
