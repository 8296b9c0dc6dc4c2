"""What a module of ours defines, name by name, and what each definition refers to.

Functions, classes and values are told apart, so that a digest can cover those that a job uses and
not the whole file. What changes no result is taken out first: docstrings, annotations of arguments
and variables, and pictures that a training shows (`preview=` and the like, given to `Callbacks`).

Standard library only: see `digest`.
"""

import ast
import builtins
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Chain = tuple[str, ...]  # a.b.c as ("a", "b", "c")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINED = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
IMPORTS = (ast.Import, ast.ImportFrom)
SCOPES = (*DEFINED, ast.Lambda, *COMPREHENSIONS)
DATA = (".yaml", ".j2", ".css")
LOOKS_ON = {"preview", "progress", "show"}  # hooks for people: they see a training and change none
GIVES_HOOKS = {"Callbacks", "replace"}


@dataclass(frozen=True)
class Module:
    """A file's top level.

    Attributes:
        file: Where it lies.
        definitions: For each name the statements that bind it.
        aliases: For each imported name what it stands for, dotted.
        effects: Statements that do more than to bind a name when the file is imported.
    """

    file: Path
    definitions: Mapping[str, tuple[ast.stmt, ...]]
    aliases: Mapping[str, str]
    effects: tuple[ast.stmt, ...]


@cache
def module(file: Path) -> Module:
    """Return what a Python file defines."""
    tree = _Substance().visit(ast.parse(file.read_text(encoding="utf-8")))
    body = [statement for statement in tree.body if not _not_run(statement)]
    aliases = dict(pair for statement in body for pair in imported(statement))
    found: dict[str, tuple[ast.stmt, ...]] = {}
    for statement in body:
        for name in bound(statement):
            found[name] = (*found.get(name, ()), statement)
    own = set(aliases) | set(found)
    effects = tuple(statement for statement in body if _acts(statement, own))
    return Module(file, found, aliases, effects)


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (name, what it stands for, dotted) of the imports in a statement, functions left out.

    >>> dict(imported(ast.parse("import a.b; from c.d import e as f")))
    {'a': 'a', 'f': 'c.d.e'}
    """
    for found in _within(node, DEFINED):
        if isinstance(found, ast.Import):
            for alias in found.names:
                head = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (head, head)
        elif isinstance(found, ast.ImportFrom) and found.module:
            for alias in found.names:
                yield alias.asname or alias.name, f"{found.module}.{alias.name}"


def bound(node: ast.AST) -> set[str]:
    """Return the names that a statement, or the body of a function, binds in its own scope."""
    names = {node.name} if isinstance(node, DEFINED) else set()
    for found in _within(node, SCOPES):
        if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store):
            names.add(found.id)
        elif isinstance(found, DEFINED):
            names.add(found.name)
    return names


def chains(node: ast.AST) -> set[Chain]:
    r"""Return what a statement refers to beyond its own variables.

    Classes that only `isinstance` asks for are left out: where nobody makes one, the answer is no.

    >>> code = "def f(x):\n    y = np.abs(x)\n    return y + SCALE"
    >>> sorted(chains(ast.parse(code).body[0]))
    [('SCALE',), ('np', 'abs')]
    """
    return set(_chains(node, frozenset(dir(builtins)) - {"eval", "exec", "globals", "__import__"}))


def _chains(node: ast.AST, known: frozenset[str]) -> Iterator[Chain]:
    found = chain(node)
    if found is not None:
        if found[0] not in known:
            yield found
        return
    inner = known | _variables(node)
    for child in ast.iter_child_nodes(node):
        if asked(node) is not None and child is node.args[1]:  # type: ignore[attr-defined]
            continue
        yield from _chains(child, inner)


def chain(node: ast.AST) -> Chain | None:
    """Return ("a", "b", "c") for the expression a.b.c, None for another."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def asked(node: ast.AST) -> list[Chain] | None:
    """Return the classes that a call of `isinstance` asks for; None for anything else.

    >>> asked(ast.parse("isinstance(x, (a.B, C))", mode="eval").body)
    [('a', 'B'), ('C',)]
    """
    if not (isinstance(node, ast.Call) and chain(node.func) == ("isinstance",)):
        return None
    if len(node.args) != 2:
        return None
    return [found for part in _alternatives(node.args[1]) if (found := chain(part))]


def data(node: ast.AST) -> set[str]:
    """Return the names of package data that stand in a statement."""
    texts = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {Path(t).name for t in texts if isinstance(t, str) and t.endswith(DATA) and len(t) < 100}


def _variables(node: ast.AST) -> frozenset[str]:
    """Return the names that a scope holds; of a class none, since its methods do not see them."""
    if isinstance(node, COMPREHENSIONS):
        return frozenset(_stored(generator.target for generator in node.generators))
    if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
        return frozenset()
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    names = {argument.arg for argument in arguments if argument}
    body = node.body if isinstance(node.body, list) else [node.body]
    shared = {n for part in ast.walk(node) if isinstance(part, ast.Global) for n in part.names}
    return frozenset(names.union(*map(bound, body)) - shared)


def _stored(targets: Iterable[ast.AST]) -> Iterator[str]:
    yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Tuple):
        yield from (part for element in node.elts for part in _alternatives(element))
    elif isinstance(node, ast.BinOp):
        yield from (*_alternatives(node.left), *_alternatives(node.right))
    else:
        yield node


def _within(node: ast.AST, scopes: tuple[type, ...]) -> Iterator[ast.AST]:
    """Yield a node and all below it, without what lies inside other scopes."""
    yield node
    if not isinstance(node, scopes):
        for child in ast.iter_child_nodes(node):
            yield from _within(child, scopes)


def _not_run(statement: ast.stmt) -> bool:
    """Say whether importing a file passes a statement over: for types only, or for a script."""
    test = statement.test if isinstance(statement, ast.If) else None
    names = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)} if test else set()
    return bool(names & {"TYPE_CHECKING", "__name__"})


def _acts(statement: ast.stmt, own: set[str]) -> bool:
    """Say whether a statement does something when it is imported; a decorator of ours may."""
    if isinstance(statement, DEFINED):
        heads = {(chain(getattr(d, "func", d)) or ("",))[0] for d in statement.decorator_list}
        return bool(heads & own - set(HARMLESS))
    plain = (*IMPORTS, ast.Pass)
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return not all(isinstance(part, ast.Name | ast.Tuple) for part in targets)
    return not isinstance(statement, plain)


HARMLESS = ("dataclass", "cache", "lru_cache", "torch", "property", "contextmanager", "dataclasses")


def without_entries(statement: ast.stmt, own: str, others: frozenset[str]) -> ast.stmt:
    """Return a table's statement without the entries of `others`, where `own` has one beside them.

    Anything else is returned as it is.
    """
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return statement
    return _Entries(own, others).visit(copy.deepcopy(statement))


class _Substance(ast.NodeTransformer):
    """Takes out what changes no result."""

    inside = False  # the body of a class

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_words(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        before, self.inside = self.inside, True  # a field's annotation is what makes it one
        node = self._without_words(node)
        self.inside = before
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        before, self.inside = self.inside, False
        node.returns = None
        node = self._without_words(node)
        self.inside = before
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self.inside:
            return self.generic_visit(node)
        plain = ast.Assign([node.target], node.value) if node.value else ast.Pass()
        return self.generic_visit(ast.copy_location(plain, node))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if (chain(node.func) or ("",))[-1] in GIVES_HOOKS:
            node.keywords = [word for word in node.keywords if word.arg not in LOOKS_ON]
        return self.generic_visit(node)

    def _without_words(self, node):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)


class _Entries(ast.NodeTransformer):
    """Takes entries of a literal table out that do not concern a job."""

    def __init__(self, own: str, others: frozenset[str]) -> None:
        self.own, self.others = own, others

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        names = [getattr(key, "value", None) for key in node.keys]
        pairs = zip(names, node.keys, node.values, strict=True)
        mixed = self.own in names
        kept = [(k, v) for name, k, v in pairs if not (mixed and name in self.others)]
        node.keys, node.values = [k for k, _ in kept], [v for _, v in kept]
        return self.generic_visit(node)
