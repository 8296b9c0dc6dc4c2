"""Draw docs/dag.md: the rules of `all` as a Mermaid graph, one box per stage, always in one order.

Snakemake writes `--rulegraph` in another order on every run; here everything is sorted, so that
the page changes only when the workflow does. `--check` writes nothing and fails where it would.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/dag.md"
HEAD = """# The graph of rules

<!-- Made by docs/draw_dag.py from the workflow: run `make dag`. -->

One box per stage, one node per rule, of `snakemake all` with the committed `config.yaml`. An arrow
leads from the rule that writes a file to one that reads it; where a longer path says the same, the
shortcut is left out.

"""


def stages_of(files: dict[str, str]) -> dict[str, str]:
    """Return the stage of every rule, from the rules files' texts by their names.

    >>> stages_of({"5_sample.smk": "rule draw_samples:", "4_train.smk": "rule train:"})
    {'train': '4_train', 'draw_samples': '5_sample'}
    """
    stated = r"^(?:use rule \w+ as (\w+) with|(?:rule|checkpoint) (\w+)):"
    pairs = ((name, re.findall(stated, files[name], re.M)) for name in files)
    return {
        used or own: "_".join(name.removesuffix(".smk").split("_")[:2])
        for name, rules in sorted(pairs)
        for used, own in rules
    }


def edges_of(dot: str) -> set[tuple[str, str]]:
    """Return (writer, reader) of every arrow of a rule graph in dot.

    >>> edges_of('0[label = "all"]; 1[label = "draw"]; 1 -> 0')
    {('draw', 'all')}
    """
    names = dict(re.findall(r'(\d+)\s*\[\s*label\s*=\s*"(\w+)', dot))
    pairs = {(names[a], names[b]) for a, b in re.findall(r"(\d+)\s*->\s*(\d+)", dot)}
    return {(a, b) for a, b in pairs if a != b}  # one network may be trained on top of another


def without_shortcuts(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the arrows that no longer path replaces: the picture of the order, and legible.

    >>> sorted(without_shortcuts({("a", "b"), ("b", "c"), ("a", "c")}))
    [('a', 'b'), ('b', 'c')]
    """
    after: dict[str, set[str]] = {}
    for writer, reader in edges:
        after.setdefault(writer, set()).add(reader)

    def reached(rule: str) -> set[str]:
        direct = after.get(rule, set())
        return direct.union(*(reached(reader) for reader in direct))

    return {(a, b) for a, b in edges if not any(b in reached(c) for c in after[a] - {b})}


def mermaid(edges: set[tuple[str, str]], stages: dict[str, str]) -> str:
    """Return a Mermaid flow chart of these arrows, the rules boxed by stage, all sorted."""
    rules = {rule for edge in edges for rule in edge}
    lines = ["flowchart TD"]
    for stage in sorted({stages[rule] for rule in rules if rule in stages}):
        number, word = stage.split("_", 1)
        lines.append(f'    subgraph stage{number}["{number} {word}"]')
        lines += [f"        {rule}" for rule in sorted(rules) if stages.get(rule) == stage]
        lines.append("    end")
    # "all" is no node: it reads the end of every branch and tells nothing
    lines += [f"    {a} --> {b}" for a, b in sorted(edges) if b != "all"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page as the workflow is now.

    Raises:
        RuntimeError: Snakemake cannot draw the graph; its own words follow.
    """
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "dot", "--forceall", "all"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"snakemake --rulegraph failed:\n{done.stderr}")
    texts = {path.name: path.read_text() for path in (ROOT / "workflow/rules").glob("[1-9]_*.smk")}
    graph = mermaid(without_shortcuts(edges_of(done.stdout)), stages_of(texts))
    return f"{HEAD}```mermaid\n{graph}```\n"


def main(words: list[str]) -> int:
    """Write the page, or with `--check` say whether it is up to date; return the exit code."""
    now = page()
    if "--check" not in words:
        PAGE.write_text(now)
        return 0
    if PAGE.is_file() and PAGE.read_text() == now:
        return 0
    sys.stderr.write("docs/dag.md is not what the workflow says: run `make dag`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
