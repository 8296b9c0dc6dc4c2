"""Find an implementation by name: the folder is the register.

A file ``radfoundry/<kind>/<name>.py`` is all it takes to add a generator, a segmenter, an expert,
a task or a phantom. Listing a folder imports nothing, so checking a config stays instant.
"""

import ast
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
KINDS = ("experts", "generators", "phantoms", "segmenters", "tasks")


def names(kind: str) -> list[str]:
    """Return what can be loaded from a kind's folder, sorted."""
    return sorted(path.stem for path in (HERE / kind).glob("[!_]*.py"))


def load(kind: str, name: str) -> ModuleType:
    """Return one implementation as its module, or say which ones there are."""
    if name not in names(kind):
        raise ValueError(f"no {name!r} among {kind}: choose from {', '.join(names(kind))}")
    return import_module(f"radfoundry.{kind}.{name}")


def constant(kind: str, name: str, constant_name: str) -> Any:
    """Return a literal that an implementation states at top level, without importing it.

    The workflow asks a generator for its NETWORKS this way: a dry run must not load torch.
    """
    if name not in names(kind):
        raise ValueError(f"no {name!r} among {kind}: choose from {', '.join(names(kind))}")
    return _stated(HERE / kind / f"{name}.py", constant_name)


def training(generator: str) -> dict[str, Sequence[str]] | None:
    """Return what `train:` of a generator takes: each key, and the keys below it (() for a value).

    It is the literal TRAIN of the generator's file, or of `<generator>options.py` beside the
    folder where that file exists; None where it is not stated. Without networks nothing is taken.
    """
    if not constant("generators", generator, "NETWORKS"):
        return {}
    beside = HERE / f"{generator}options.py"
    try:
        return _stated(beside if beside.exists() else HERE / f"generators/{generator}.py", "TRAIN")
    except ValueError:
        return None


def _stated(path: Path, name: str) -> Any:
    """Return a literal that a file states at top level."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            return ast.literal_eval(node.value)  # type: ignore[attr-defined]
    raise ValueError(f"{path.relative_to(HERE)} does not state {name} at top level")


def options(kind: str, name: str) -> dict[str, Any] | None:
    """Return a plug-in's OPTIONS with their defaults, or None where it does not state them."""
    try:
        return constant(kind, name, "OPTIONS")
    except ValueError:
        return None
