"""Draw the rooms of src/radfoundry, floor by floor, into docs/architecture.md, from the imports.

The page is written by people; the part between its two marks is made here, so that it changes only
when the code does. `--check` writes nothing and fails where it would.
"""

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src/radfoundry"
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- floors: made by `make docs` -->", "<!-- end of floors -->"
Arrows = dict[str, frozenset[str]]


def rooms(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the packages and loose modules of the library by name, each with the file it opens."""
    loose = {path.stem: path for path in package.glob("[!_]*.py")}
    return dict(sorted((loose | {p.parent.name: p for p in package.glob("*/__init__.py")}).items()))


def arrows(package: Path = PACKAGE) -> Arrows:
    """Return for each room the other rooms that its files import."""
    names = rooms(package)
    return {name: frozenset(_imported(package, name) & {*names} - {name}) for name in names}


def _imported(package: Path, room: str) -> set[str]:
    files = [package / f"{room}.py"] if (package / f"{room}.py").is_file() else []
    found = set()
    for file in [*files, *(package / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                dotted = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {d.split(".")[1] for d in dotted if d.startswith(f"{package.name}.")}
    return found


def floors(graph: Arrows) -> dict[str, int]:
    """Return the floor of every room: one above the highest that it imports.

    Raises:
        ValueError: Rooms import each other in a circle, which is named.

    >>> floors({"report": frozenset({"case"}), "case": frozenset()})
    {'report': 2, 'case': 1}
    """
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"a circle of imports: {' -> '.join(error.args[1])}") from None
    level: dict[str, int] = {}
    for room in order:  # what it imports comes before it
        level[room] = 1 + max((level[below] for below in graph[room]), default=0)
    return {room: level[room] for room in graph}


def without_shortcuts(graph: Arrows) -> Arrows:
    """Return the arrows that no longer path replaces."""

    @cache
    def below(room: str) -> frozenset[str]:
        return graph[room].union(*(below(other) for other in graph[room]))

    return {
        room: frozenset(b for b in direct if not any(b in below(c) for c in direct - {b}))
        for room, direct in graph.items()
    }


def summary(file: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def drawing(package: Path = PACKAGE) -> str:
    """Return a table of the rooms from the top floor down, and their arrows as a Mermaid graph."""
    files, graph = rooms(package), arrows(package)
    level = floors(graph)
    order = sorted(files, key=lambda room: (-level[room], room))
    shown = {
        room: f"{room}/" if files[room].name == "__init__.py" else f"{room}.py" for room in order
    }
    lines = ["| floor | room | what a reader finds there |", "|---|---|---|"]
    lines += [f"| {level[room]} | `{shown[room]}` | {summary(files[room])} |" for room in order]
    lines += ["", "```mermaid", "flowchart TD"]
    for number in sorted(set(level.values()), reverse=True):
        lines.append(f'    subgraph floor{number}["{number}"]')
        lines += [f'        {room}["{shown[room]}"]' for room in order if level[room] == number]
        lines.append("    end")
    direct = without_shortcuts(graph)
    lines += [f"    {room} --> {other}" for room in order for other in sorted(direct[room])]
    return "\n".join([*lines, "```"])


def page(text: str) -> str:
    """Return the page's text with the drawing as the code is now between its marks."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{drawing()}\n{END}{rest.split(END)[1]}"


def main(words: list[str]) -> int:
    """Write the page, or with `--check` say whether it is up to date; return the exit code."""
    text = PAGE.read_text(encoding="utf-8")
    now = page(text)
    if "--check" not in words:
        PAGE.write_text(now, encoding="utf-8")
    elif text != now:
        sys.stderr.write("docs/architecture.md is not what the code says: run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
