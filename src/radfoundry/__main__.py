"""The command `radfoundry`: draw from a bundle, make one, check a config, say what a run cost.

This is shell code, as `scripts/` are: it parses words, reads files, calls the library and writes.
What is wrong with its input ends in one message that names the value and what is allowed, and the
exit code 2.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radfoundry.case import Case
from radfoundry.config import faults, untrained
from radfoundry.config.settings import checked, strict_load
from radfoundry.volume import Volume, write_bytes
from radfoundry.volume import write as write_plain

ENDING = ".nii.gz"
MOST = 10_000  # samples of one call
WRONG = 2  # exit code for wrong input, as argparse has it
EPILOG = """\
Python does the same in three lines:
  from radfoundry import bundles
  b = bundles.load("chest_ct.zip")
  sample = b.draw(prompt="Large left pleural effusion.", seed=3)   # .image in HU, .anatomy
"""
DRAW = """\
Draw synthetic images from a bundle, one file for each seed, with the label map beside it
(ct.nii.gz and ct.labels.nii.gz). The same bundle, words and seed give the same bytes on the same
machine, and those that the workflow drew. Files say in their header that they are synthetic.
"""
BUNDLE = """\
Make a bundle of a recipe that the workflow has trained: networks, cards, grid, label words and a
model card, in a folder and in a .zip of it. No image of a patient and no id goes into it. Run it
in the folder of the workflow.
"""
CHECK = """\
Say all that is wrong with a config, the tables of cases that it names and the files it asks for,
at once, without running anything. Run it in the folder of the workflow.
"""


COSTS = """\
Say what the jobs of a run cost, by rule, as a Markdown table: the last run of each job, as
Snakemake measured it. Run it in the folder of the workflow.
"""


def parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    shape = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("radfoundry", description=__doc__.split("\n")[0], epilog=EPILOG)
    top.formatter_class = shape
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    draw_ = commands.add_parser("draw", help="draw images from a bundle", description=DRAW)
    _draw_words(draw_)
    make = commands.add_parser("bundle", help="make a bundle of a recipe", description=BUNDLE)
    make.add_argument("recipe", metavar="RECIPE", help="a name below `recipes:` of the config")
    make.add_argument("--config", default="config.yaml", help="default: config.yaml")
    make.add_argument("--results", default="results", help="what the workflow wrote (results)")
    make.add_argument("--out", required=True, metavar="FOLDER", help="a folder that is not there")
    check_ = commands.add_parser("check", help="check a config", description=CHECK)
    check_.add_argument("config", metavar="CONFIG", help="such as config.yaml")
    told = commands.add_parser("costs", help="say what a run cost", description=COSTS)
    told.add_argument("logs", nargs="?", default="logs", help="what the workflow wrote (logs)")
    for command, run in ((draw_, draw), (make, bundle), (check_, check), (told, costs)):
        command.set_defaults(run=run)
    return top


def _draw_words(draw_: argparse.ArgumentParser) -> None:
    add = draw_.add_argument
    add("bundle", metavar="BUNDLE", help="folder or .zip that `radfoundry bundle` wrote")
    add("--prompt", default="", help='findings as a report has them; "" asks for nothing')
    add("--seed", type=int, default=0, help="of all chance: another one, another patient (0)")
    add("--out", required=True, metavar="FILE", help=f"ends in {ENDING}; replaced if it is there")
    add("--count", type=int, default=1, help="so many, of the seeds SEED, SEED + 1, ... (1)")
    add("--lobes", metavar="LABELS", help="label map whose five lung lobes are kept, on the grid")
    add("--like", metavar="IMAGE", help="image whose place and spacing the images get")
    sizes = "voxel size, within what was taught (LIKE's, or the bundle's)"
    add("--spacing", type=float, nargs=3, metavar=("X", "Y", "Z"), help=sizes)
    add("--guidance", type=float, help="how strongly the prompt counts, 0 to 20 (the recipe's)")
    add("--steps", type=int, help="of the sampler: fewer are faster (the recipe's)")
    add("--device", default="cpu", help="cpu, cuda, cuda:1, ... (cpu)")
    add("--no-labels", action="store_true", help="write no label maps")
    add("--plain", action="store_true", help="no mark in the header: the workflow's own bytes")


def draw(words: argparse.Namespace) -> None:
    """Draw from a bundle and write what was drawn."""
    if not words.out.endswith(ENDING):
        raise ValueError(f"--out {words.out!r}: allowed: a name that ends in {ENDING}")
    if not 1 <= words.count <= MOST:
        raise ValueError(f"--count {words.count}: allowed: 1 to {MOST}")
    _check_device(words.device)
    from radfoundry import bundles

    one = bundles.load(words.bundle)
    _warn_of_unread(words.prompt)
    given: dict[str, Any] = {
        "lobes": _volume(words.lobes, "--lobes"),
        "like": _volume(words.like, "--like"),
    }
    stated = {key: getattr(words, key) for key in ("spacing", "guidance", "steps")}
    given |= {"device": words.device} | {k: v for k, v in stated.items() if v is not None}
    for seed in range(words.seed, words.seed + words.count):
        sample = one.draw(words.prompt, seed, **given)
        marks = {"bundle": one.card["recipe"], "bundle_sha256": one.sha256}
        marks |= {"prompt": words.prompt, "seed": str(seed)}
        stem = words.out.removesuffix(ENDING)
        _write(sample, f"{stem}_seed{seed}" if words.count > 1 else stem, marks, words)


def _write(sample: Case, stem: str, marks: dict[str, str], words: argparse.Namespace) -> None:
    from radfoundry.release.volumes import nifti

    parts = {f"{stem}{ENDING}": sample.image}
    if not words.no_labels and sample.anatomy.any():  # zeros would say that nothing is there
        parts[f"{stem}.labels{ENDING}"] = sample.image.holding(sample.anatomy)
    for name, volume in parts.items():
        if words.plain:
            write_plain(volume, name)
        else:
            labels = volume is not sample.image
            write_bytes(nifti(volume, marks, labels=labels), name)
        sys.stdout.write(f"{name}\n")


def _volume(path: str | None, option: str) -> Volume | None:
    """Return a volume of the user's, through the read gate; None if none is stated."""
    if path is None:
        return None
    from radfoundry.data.gate import GateError, volumes
    from radfoundry.data.gate.pairs import opened_whole

    try:
        source = opened_whole(path, None)
        if source.kind not in volumes.GRIDS:
            raise ValueError(f"{option} {path!r}: allowed: a file of {', '.join(volumes.GRIDS)}")
        return volumes.decode(source, "CT").image
    except (GateError, OSError) as error:
        raise ValueError(f"{option} {path!r}: {error}") from None


def _check_device(name: str) -> None:
    import torch

    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ValueError(f"--device {name!r}: {reason}; allowed: cpu, or a GPU there is") from None


def _warn_of_unread(prompt: str) -> None:
    from radfoundry.text import labeler

    for text in labeler.unread([prompt]) if prompt.strip() else ():
        sys.stderr.write(f"warning: no finding that the labeler knows in {text!r}: drawn anyway\n")


def bundle(words: argparse.Namespace) -> None:
    """Make a bundle of a recipe and write it as a folder and a .zip."""
    from radfoundry.bundles import making, results
    from radfoundry.training import sealed

    folder = Path(words.out)
    archive = folder.with_name(f"{folder.name}.zip")
    for path in (folder, archive):
        if path.exists():
            raise ValueError(f"--out {words.out!r}: {path} is there; allowed: a new name")
    settings = checked(strict_load(words.config))
    files = making.made(results.origin(settings, words.recipe, words.results))
    sealed.write(files, folder)
    sys.stdout.write(f"{folder}\n{archive}\n")


def check(words: argparse.Namespace) -> None:
    """Say what is wrong with a config."""
    if found := faults.found(words.config):
        raise ValueError("\n".join([f"{words.config} cannot be used:", *(f"  {f}" for f in found)]))
    settings = checked(strict_load(words.config))
    counts = ", ".join(f"{len(settings[part])} {part}" for part in ("cohorts", "recipes"))
    for line in untrained.advice(settings):
        sys.stderr.write(f"warning: {line}\n")
    sys.stdout.write(f"{words.config}: {counts}; no fault\n")


def costs(words: argparse.Namespace) -> None:
    """Say what the jobs of a run cost."""
    from radfoundry.report import costs as measured

    jobs = measured.of_run(words.logs)
    if jobs.empty:
        raise ValueError(f"{words.logs!r}: allowed: a folder with {measured.ENDING} of jobs")
    sys.stdout.write(measured.text(jobs))


def main(given: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = parser().parse_args(given)
    with warnings.catch_warnings(record=True) as told:
        try:
            words.run(words)
            wrong = ""
        except (ValueError, OSError) as error:
            wrong = f"radfoundry {words.command}: {error}\n"
    for text in dict.fromkeys(str(one.message) for one in told if one.category is RuntimeWarning):
        sys.stderr.write(f"warning: {text}\n")
    sys.stderr.write(wrong)
    return WRONG if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
