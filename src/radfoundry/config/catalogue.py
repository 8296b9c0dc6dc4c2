"""Find an implementation by name: the folder is the register.

A file ``<kind>/<name>.py``, or a folder ``<kind>/<name>/`` with an ``__init__.py``, is all it takes
to add a generator, a segmenter, an expert, a task or a phantom. What a plug-in states about itself
(NETWORKS, NEEDS, OPTIONS, TRAIN, PUBLISHED, ...) are literals of that file, or of the folder's
``options.py`` or ``published.py``: listing a folder and reading a literal import nothing, so
checking a config stays instant.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

PACKAGE = Path(__file__).parents[1]
FOLDERS = {  # where the implementations of each kind lie
    "experts": "experts",
    "generators": "generators",
    "phantoms": "phantoms",
    "segmenters": "segmenters",
    "tasks": "evaluation/tasks",
}
KINDS = tuple(FOLDERS)
_MISSING = object()


def folder(kind: str) -> Path:
    """Return the folder that is the register of a kind."""
    return PACKAGE / FOLDERS[kind]


def names(kind: str) -> list[str]:
    """Return what can be loaded from a kind's folder, sorted.

    Raises:
        ValueError: A file and a folder have one name; Python would import the folder.
    """
    files = {path.stem for path in folder(kind).glob("[!_]*.py")}
    folders = {path.parent.name for path in folder(kind).glob("[!_]*/__init__.py")}
    if both := sorted(files & folders):
        raise ValueError(f"{kind}/{both[0]} is there twice: as a file and as a folder")
    return sorted(files | folders)


def module_name(kind: str, name: str) -> str:
    """Return the dotted name of one implementation, or say which ones there are."""
    if name not in names(kind):
        raise ValueError(f"no {name!r} among {kind}: choose from {', '.join(names(kind))}")
    return ".".join((PACKAGE.name, *Path(FOLDERS[kind]).parts, name))


def load(kind: str, name: str) -> ModuleType:
    """Return one implementation as its module, or say which ones there are."""
    return import_module(module_name(kind, name))


def constant(kind: str, name: str, constant_name: str) -> Any:
    """Return a literal that an implementation states at top level, without importing it.

    The workflow asks a generator for its NETWORKS this way: a dry run must not load torch.
    """
    found = stated(kind, name, constant_name, _MISSING)
    if found is _MISSING:
        raise ValueError(f"{kind}/{name} does not state {constant_name} at top level")
    return found


def stated(kind: str, name: str, constant_name: str, default: Any = None) -> Any:
    """Return a literal of an implementation, or a default where it does not state it.

    Raises:
        ValueError: There is no such implementation, or what it states is no literal.
    """
    module_name(kind, name)
    for file in _files(kind, name):
        if file.is_file() and constant_name in _literals(file):
            try:
                return ast.literal_eval(_literals(file)[constant_name])
            except ValueError as error:
                raise ValueError(f"{constant_name} of {kind}/{name} is no literal") from error
    return default


def training(generator: str) -> dict[str, Sequence[str]] | None:
    """Return what `train:` of a generator takes: each key, and the keys below it (() for a value).

    It is the literal TRAIN of the generator; None where it is not stated. Without networks nothing
    is taken.
    """
    if not constant("generators", generator, "NETWORKS"):
        return {}
    return stated("generators", generator, "TRAIN")


def options(kind: str, name: str) -> dict[str, Any] | None:
    """Return a plug-in's OPTIONS with their defaults, or None where it does not state them."""
    return stated(kind, name, "OPTIONS")


@cache
def vocabulary() -> dict[str, Any]:
    """Return the file `labels.yaml` as it is: what `radfoundry.anatomy.regions` gives a type."""
    return packaged(PACKAGE / "anatomy" / "labels.yaml")


def packaged(file: Path) -> dict[str, Any]:
    """Return what a YAML file of ours says; files of others go through `settings.strict_load`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml: ten times as fast
    return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)


def _files(kind: str, name: str) -> tuple[Path, ...]:
    """Return the places where a plug-in's literals may stand, the first of which counts."""
    own = folder(kind) / name
    inside = (own / f"{stem}.py" for stem in ("__init__", "options", "published"))
    return own.with_suffix(".py"), *inside


@cache
def _literals(file: Path) -> dict[str, ast.expr]:
    """Return what a file assigns to names at top level."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        found.update({t.id: value for t in targets if isinstance(t, ast.Name) and value})
    return found


def networks_of(recipe: Mapping) -> list[str]:
    """Return the networks that a recipe has: not every one has all of its generator's.

    A generator's USED names networks with the option that decides, by path, and the value with
    which a recipe has them; what is not stated counts as false, and values below a key as true.
    With None a recipe has them unless the option is stated as false. A list are values of which any
    will do, None in it where the option is not stated.
    """
    names = constant("generators", recipe["generator"], "NETWORKS")
    used = stated("generators", recipe["generator"], "USED", {})
    return [
        name
        for name in names
        if all(_holds(value_at(recipe, path), v) for path, v in used.get(name, {}).items())
    ]


def _holds(value: Any, wanted: bool | list | None) -> bool:
    if isinstance(wanted, list):
        return value in wanted
    if isinstance(value, Mapping):  # a network that is named, if only to have it
        value = True
    return value is not False if wanted is None else bool(value) == wanted


def asked_for(generator: str) -> set[str]:
    """Return the networks that a recipe has if `train:` names them, with `true` or with values."""
    used = stated("generators", generator, "USED", {})
    return {name for name, rules in used.items() if rules.get(f"train/{name}") is True}


def value_at(recipe: Mapping, path: str) -> Any:
    """Return the value at a path such as `train/text/steps`; None where it is not stated."""
    value: Any = recipe
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def option(settings: Mapping, path: str) -> Any:
    """Return the value at a path such as `evaluate/seeds`; with `{recipe}` in it, what finds it.

    As Snakemake's `lookup`, which walks the whole config for each value: a fifth of a dry run.

    Raises:
        KeyError: Nothing is stated there; it says where.
    """
    if "{" in path:
        return lambda wildcards: option(settings, path.format(**dict(wildcards.items())))
    value: Any = settings
    for key in path.split("/"):
        if key not in value:
            raise KeyError(f"{path}: {key!r} is not stated")
        value = value[key]
    return value
