"""Which definitions of ours a function reaches, found from the source without running it.

Whatever a reached definition names is reached, and so on; of a class all methods; of a module that
is handed around as a value, or reads names of its own at run time, everything. A branch is left out
only where it cannot be entered: it asks for an object of a class that nothing reached makes, or for
another value of an argument that is known.

Standard library only: see `digest`.
"""

import ast
import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from radfoundry.config import definitions
from radfoundry.config.definitions import Chain, module
from radfoundry.config.digest import PACKAGE, file_of, files_of, with_parents

Unit = tuple[Path, str]  # a file, and a name that it defines
EFFECTS, FILE = "", "*"  # what a file does when it is imported; a whole file
LENGTH = 8
LOADS = (PACKAGE / "config" / "catalogue.py", "load")  # a plug-in by its name
AT_RUN_TIME = {"eval", "exec", "globals", "__import__"}


@dataclass(frozen=True)
class Known:
    """What is known of a job before it runs.

    Attributes:
        values: For a function's unit the value of its first argument.
        own: A name, and `others` beside which it stands in tables: theirs do not concern the job.
        tables: The folder or file of these tables.
        given: Files whose results come to the job as data: they are named, not entered.
    """

    values: Mapping[Unit, str] = field(default_factory=dict)
    own: str = ""
    others: frozenset[str] = frozenset()
    tables: Path = PACKAGE
    given: Collection[Path] = ()


def digests(roots: Collection[Unit], known: Known = Known()) -> dict[str, str]:  # noqa: B008
    """Return a digest of each definition that is reached, by name such as `seeds.py:seed`.

    Args:
        roots: Where to begin; a name may be imported from elsewhere.
        known: What rules out branches.
    """
    search = _Search(known, {found for root in roots for found in defined(*root)})
    return {_name(unit): search.digest(unit) for unit in sorted(search.run())}


class _Search:
    """The search from a few definitions to all that they reach."""

    def __init__(self, known: Known, roots: set[Unit]) -> None:
        self.known, self.reached = known, roots

    def run(self) -> set[Unit]:
        """Return all units that are reached; branches open as classes become reached."""
        new, seen = set(self.reached), dict[Unit, set[Unit]]()
        while new:
            asking = (unit for unit in self.reached if unit[0].suffix == ".py" and _asks(unit))
            made = {unit: self.reached & _asked_classes(unit) for unit in asking}
            again = {unit for unit in made if seen.get(unit) != made[unit]}
            found = set().union(*(self._uses(unit) for unit in new | again))
            new, seen = found - self.reached, made
            self.reached |= new
        return self.reached

    def digest(self, unit: Unit) -> str:
        """Return a digest of what a definition does, in branches that can be entered."""
        file, name = unit
        if file in self.known.given:
            content = b"data"
        elif file.suffix != ".py":
            content = file.read_bytes()
        else:
            content = "\n".join(ast.dump(part) for part in self._statements(unit)).encode()
        return hashlib.sha256(content).hexdigest()[:LENGTH]

    def _uses(self, unit: Unit) -> set[Unit]:
        if unit[0] in self.known.given or unit[0].suffix != ".py":
            return set()
        if unit in self.known.values or _asks(unit):
            return _referred(unit, self._statements(unit))
        return _uses(unit)

    def _statements(self, unit: Unit) -> list[ast.stmt]:
        statements = _statements(unit)
        if unit in self.known.values or _asks(unit):
            alive = _Alive(module(unit[0]), self.reached, self.known.values.get(unit))
            statements = [alive.visit(copy.deepcopy(part)) for part in statements]
        if self.known.others and self.known.tables in (unit[0], *unit[0].parents):
            own, others = self.known.own, self.known.others
            statements = [definitions.without_entries(part, own, others) for part in statements]
        return statements


class _Alive(ast.NodeTransformer):
    """Takes out branches that cannot be entered."""

    def __init__(self, own: definitions.Module, reached: set[Unit], value: str | None) -> None:
        self.own, self.reached, self.value, self.first = own, reached, value, ""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if self.value is not None and not self.first:
            self.first = _fixed_argument(node)
        self.generic_visit(node)
        node.body = list(_until_left(node.body)) or [ast.Pass()]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        said = self._said(node.test)
        if said is None:
            self.generic_visit(node)
            node.body = node.body or [ast.Pass()]
            return node
        entered = node.body if said else node.orelse
        seen = [self.visit(part) for part in entered]
        return [one for part in seen for one in (part if isinstance(part, list) else [part])]

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        said = self._said(node.test)
        if said is None:
            return self.generic_visit(node)
        return self.visit(node.body if said else node.orelse)

    def _said(self, test: ast.expr) -> bool | None:
        """Return what a test says before the job runs; None where that is open."""
        if isinstance(test, ast.BoolOp):
            parts = [self._said(part) for part in test.values]
            decides = isinstance(test.op, ast.Or)
            if decides in parts:
                return decides
            return None if None in parts else not decides
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            said = self._said(test.operand)
            return None if said is None else not said
        classes = definitions.asked(test)
        return self._compared(test) if classes is None else self._made(classes)

    def _compared(self, test: ast.expr) -> bool | None:
        match test:
            case ast.Compare(ast.Name(name), [ast.Eq() | ast.NotEq() as sign], [ast.Constant(v)]):
                same = self.value == v
                known = bool(self.first) and name == self.first
                return (same if isinstance(sign, ast.Eq) else not same) if known else None
        return None

    def _made(self, classes: list[Chain]) -> bool | None:
        """Return False where nothing that is reached makes an object of these classes."""
        units = [unit for found in classes for unit in _resolved(self.own, found)]
        plain = len(units) == len(classes) > 0 and all(map(_is_plain_class, units))
        return False if plain and not self.reached & set(units) else None


def _fixed_argument(function: ast.FunctionDef) -> str:
    """Return the name of a function's first argument if it is never anything else, or ""."""
    names = [node.arg for node in ast.walk(function) if isinstance(node, ast.arg)]
    first = function.args.args[0].arg if function.args.args else ""
    set_anew = first in set().union(*map(definitions.bound, function.body))
    return "" if set_anew or names.count(first) > 1 else first


def _until_left(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.Return | ast.Raise):
            return


@cache
def _uses(unit: Unit) -> set[Unit]:
    return _referred(unit, _statements(unit))


def _referred(unit: Unit, statements: list[ast.stmt]) -> set[Unit]:
    """Return the units that statements of a module name, and what importing the module does."""
    own = module(unit[0])
    found = set(_effects(own.file))
    for part in statements:
        imports = [node for node in ast.walk(part) if isinstance(node, definitions.IMPORTS)]
        inner = {name: meant for node in imports for name, meant in definitions.imported(node)}
        for chain in definitions.chains(part) | {(name,) for name in inner}:
            found.update(_resolved(own, chain, inner))
        found.update((path, FILE) for name in definitions.data(part) for path in _named(name))
    return found


@cache
def _named(name: str) -> tuple[Path, ...]:
    return tuple(PACKAGE.rglob(name))


def _resolved(own: definitions.Module, chain: Chain, inner: Mapping = {}) -> set[Unit]:  # noqa: B006
    """Return the units that an expression such as a.b.c means in a module."""
    head, *rest = chain
    if head in inner or head in own.aliases:
        return meant(".".join((inner.get(head) or own.aliases[head], *rest)), own.file)
    if head in AT_RUN_TIME:
        return {(own.file, FILE)}
    return {(own.file, head)} if head in own.definitions else set()


def meant(dotted: str, seen_from: Path) -> set[Unit]:
    """Return the units of a dotted name: none of ours for a name of others."""
    for prefix in reversed(list(with_parents(dotted))):
        file = file_of(prefix, seen_from.parent)
        if file is not None:
            name = dotted[len(prefix) + 1 :].partition(".")[0]
            units = defined(file, name) if name else {(file, FILE)}
            if LOADS in units:  # a script's plug-in is a root beside it; nobody else's is known
                inside = PACKAGE in seen_from.parents
                return {(path, FILE) for path in PACKAGE.rglob("*.py")} if inside else set()
            return units
    return set()


def defined(file: Path, name: str) -> set[Unit]:
    """Return where a name of a module is defined; the whole module where that is not to be seen."""
    own = module(file)
    if name in own.definitions:
        return {(file, name)}
    return meant(own.aliases[name], file) if name in own.aliases else {(file, FILE)}


@cache
def _effects(file: Path) -> frozenset[Unit]:
    """Return what is done when a file is imported."""
    return frozenset((one, EFFECTS) for one in _executed(file) if module(one).effects)


@cache
def _executed(file: Path) -> frozenset[Path]:
    """Return the files that are executed when one is imported, itself included."""
    seen, todo = {file}, [file]
    while todo:
        new = _imported(todo.pop()) - seen
        seen |= new
        todo += new
    return frozenset(seen)


@cache
def _imported(file: Path) -> frozenset[Path]:
    """Return the files that the imports of one file name."""
    return files_of(module(file).aliases.values(), file.parent)


def _statements(unit: Unit) -> list[ast.stmt]:
    file, name = unit
    own = module(file)
    if name == EFFECTS:
        return list(own.effects)
    if name == FILE:
        return list({id(p): p for parts in own.definitions.values() for p in parts}.values())
    return list(own.definitions[name])


@cache
def _asks(unit: Unit) -> bool:
    return any(definitions.asked(node) for part in _statements(unit) for node in ast.walk(part))


@cache
def _asked_classes(unit: Unit) -> frozenset[Unit]:
    """Return the classes of ours that a definition asks for: they decide on its branches."""
    nodes = (node for part in _statements(unit) for node in ast.walk(part))
    asked = {chain for node in nodes for chain in definitions.asked(node) or ()}
    return frozenset().union(*(_resolved(module(unit[0]), chain) for chain in asked))


def _is_plain_class(unit: Unit) -> bool:
    """Say whether a unit is a class of which `isinstance` knows by its bases alone."""
    parts = module(unit[0]).definitions.get(unit[1], ())
    return all(isinstance(p, ast.ClassDef) and not p.keywords for p in parts) and bool(parts)


def _name(unit: Unit) -> str:
    file, name = unit
    inside = PACKAGE in file.parents
    place = file.relative_to(PACKAGE).as_posix() if inside else f"scripts/{file.name}"
    return place if name == FILE else f"{place}:{name or 'import'}"
