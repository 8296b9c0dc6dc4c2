"""Find an implementation by name: the folder is the register.

A file ``radfoundry/<kind>/<name>.py`` is all it takes to add a generator, a segmenter, an expert,
a task or a phantom. Listing a folder imports nothing, so checking a config stays instant.
"""

import ast
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
    tree = ast.parse((HERE / kind / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == constant_name for t in targets):
            return ast.literal_eval(node.value)  # type: ignore[attr-defined]
    raise ValueError(f"{kind}/{name}.py does not state {constant_name} at top level")


def options(kind: str, name: str) -> dict[str, Any] | None:
    """Return a plug-in's OPTIONS with their defaults, or None where it does not state them."""
    try:
        return constant(kind, name, "OPTIONS")
    except ValueError:
        return None
