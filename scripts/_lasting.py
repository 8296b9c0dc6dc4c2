"""How a trained network lasts: beside a record of what it was learned by, and in a second place.

Snakemake deletes what a job is about to write. So every network lies under its fingerprint in
`networks/previous/{network}` too (as links to the same bytes, where the disk has links). A training
whose fingerprint is there has been done before, and is not done again.
"""

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from radfoundry import volume, weights
from radfoundry.config import trained
from radfoundry.training.checkpoints import key

TABLES = ("cases", "splits", "images", "labels", "reports")  # inputs that are tables


def code(job) -> dict[str, str]:
    """Return a digest of each definition that a training job reaches."""
    script = Path(__file__).with_name("train_network.py")
    return dict(trained.definitions(script, job.params.generator, job.wildcards.network))


def stated(job) -> dict:
    """Return what decides on a network and is known before its cases are read."""
    known = {name: getattr(job.params, name) for name in ("generator", "size", "seed")}
    return known | {"options": dict(job.params.options), "code": code(job)}


def restored(job, facts: Mapping) -> bool:
    """Take a network of the very same training for the job's output, if there is one."""
    kept, output = _kept(job, facts), Path(job.output.network)
    if not kept.is_dir():
        return False
    try:
        weights.read(kept)
    except weights.WeightsError as error:
        logging.warning("%s: it is trained again", error)
        return False
    _linked(kept, output)
    _record(job, facts)
    logging.info("this very training was done before: its network is taken from %s", kept)
    return True


def deliver(learned: weights.Weights, job, facts: Mapping) -> None:
    """Write a network, with its record, to the job's output, and keep it from what comes later."""
    weights.write(learned, job.output.network)
    _record(job, facts)
    _linked(Path(job.output.network), _kept(job, facts))


def _kept(job, facts: Mapping) -> Path:
    output = Path(job.output.network)
    return output.parent / trained.PREVIOUS / output.name / key(facts)


def _record(job, facts: Mapping) -> None:
    paths = [path for group in TABLES for path in getattr(job.input, group, ())]
    tables = {str(path): volume.sha256(path) for path in paths}
    told = {"key": key(facts), "facts": facts, "tables": tables}
    content = f"{json.dumps(told, indent=1, sort_keys=True)}\n".encode()
    volume.write_bytes(content, Path(job.output.network) / trained.RECORD)


def _linked(source: Path, target: Path) -> None:
    """Make a folder hold the files of another, whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        try:
            os.link(file, partial / file.name)
        except OSError:  # a disk without links, or another disk
            shutil.copy2(file, partial / file.name)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
