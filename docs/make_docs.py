"""Write docs/configuration.md and docs/data.md from the schemas, so that they cannot drift.

.venv/bin/python docs/make_docs.py
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from radfoundry.config import catalogue
from radfoundry.config.schema import allowed

DOCS = Path(__file__).resolve().parent
SCHEMAS = DOCS.parent / "workflow" / "schemas"
MADE = "<!-- Made by docs/make_docs.py from workflow/schemas: edit those, then run `make docs`. -->"
KEYS = ("Key", "Type and limits", "Default", "Meaning")
COLUMNS = ("Column", "Type and limits", "Meaning")
ORDER = ("cases", "images", "splits", "duplicates", "weights", "labels", "second_opinion")
ORDER += ("radiomics", "vectors", "requests", "samples")
ORDER += ("scores", "thresholds", "verdicts", "acceptance", "acceptance_by_group")
ORDER += ("leave_one_out", "coverage", "label_dice", "clinical", "leakage")
ORDER += (
    "predictions",
    "comparison",
    "subgroups",
    "probes",
    "descriptions",
    "distances",
    "control",
    "pairs",
    "lesions",
    "resolutions",
    "round_trip",
)
ORDER += ("readings", "pseudonyms", "scorecard", "differences")


def configuration_page() -> str:
    """Return the page on every key of the config, and on the options of every plug-in."""
    schema = loaded("config")
    parts = ["# Configuration", MADE, CONFIGURATION]
    plain = {k: r for k, r in schema["properties"].items() if r["type"] != "object"}
    for name, rules in schema["properties"].items():
        if name not in plain:
            parts += [f"## {name}", rules["description"], table(KEYS, keys(rules, name))]
    parts += ["## The whole run", table(KEYS, (key_row(k, r) for k, r in plain.items()))]
    parts += ["## Options of plug-ins", OPTIONS]
    for kind in catalogue.KINDS:
        rows = list(option_rows(kind))
        if rows:
            parts += [f"### {kind}", table(("Name", "Option", "Default"), rows)]
    return "\n\n".join(parts) + "\n"


def keys(rules: Mapping, path: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for every key below one."""
    below = {f"{path}.{key}": rule for key, rule in rules.get("properties", {}).items()}
    others = rules.get("additionalProperties")
    if isinstance(others, Mapping):
        below[f"{path}.<{others['title']}>"] = others
    for key, rule in below.items():
        for told, own in variants(rules, path, key, rule):
            if "description" in own:
                yield key_row(told, own)
            yield from keys(own, told)
            if own.get("items", {}).get("properties"):
                yield from keys(own["items"], f"{told}[]")


def variants(rules: Mapping, path: str, key: str, rule: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Yield a key's rules once for each set of them, such as for CXR and for CT."""
    own = rules.get("variants", {}).get(key.removeprefix(f"{path}."))
    yield key, rule
    if own is None:
        return
    for value, alternative in own.items():
        if value != "named":
            yield f"{key} ({value})", alternative


def key_row(key: str, rules: Mapping) -> tuple[str, ...]:
    """Return what a reader must know of one key."""
    default = f"`{yaml_of(rules['default'])}`" if "default" in rules else ""
    return f"`{key}`", limits(rules), default, rules["description"]


def option_rows(kind: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for every option of every plug-in of a kind."""
    for name in catalogue.names(kind):
        for option, default in (catalogue.options(kind, name) or {}).items():
            yield f"`{name}`", f"`{option}`", f"`{yaml_of(default)}`"


def data_page() -> str:
    """Return the data dictionary: every table, every column, and the vocabulary of labels."""
    parts = ["# Data dictionary", MADE, DATA]
    found = {path.name.split(".")[0] for path in SCHEMAS.glob("*.schema.yaml")} - {"config"}
    for kind in [*(k for k in ORDER if k in found), *sorted(found - set(ORDER))]:
        schema = loaded(kind)
        told = f"{schema['description'].strip()} One row per {', '.join(schema['key'])}."
        parts += [f"## {kind}", told, table(COLUMNS, column_rows(schema))]
    parts += ["## Bundles", BUNDLE, table(("File", "What it holds"), BUNDLE_FILES)]
    return "\n\n".join([*parts, *vocabulary()]) + "\n"


def column_rows(schema: Mapping) -> Iterator[tuple[str, ...]]:
    """Yield a row for every column of a table."""
    given = schema.get("given", schema.get("required", []))
    for name, rules in schema["properties"].items():
        marks = " *" * (name in given) + " (written by the factory)" * ("readOnly" in rules)
        yield f"`{name}`{marks}", limits(rules), rules["description"]


def vocabulary() -> Iterator[str]:
    """Yield the parts on labels.yaml."""
    words = catalogue.vocabulary()
    yield "## Labels"
    yield f"{LABELS} The value {words['ignore']} marks pixels that a reader told us not to judge."
    rows = [
        (str(entry["id"]), f"`{entry['name']}`", kind, entry.get("within", ""))
        for kind, section in (("structure", "structures"), ("finding", "findings"))
        for entry in sorted(words[section], key=lambda entry: entry["id"])
    ]
    yield table(("Id", "Name", "Kind", "Lies within"), rows)
    regions = [(f"`{name}`", ", ".join(map(str, ids))) for name, ids in words["regions"].items()]
    yield table(("Region", "Made of"), regions)


def limits(rules: Mapping) -> str:
    """Return type, range and unit in words."""
    unit = f", {rules['unit']}" if "unit" in rules else ""
    name = rules.get("pattern") == loaded("cases")["properties"]["case"]["pattern"]
    return "name" if name else allowed(rules) + unit


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown; a bar inside a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def yaml_of(value: object) -> str:
    """Return a value as it is written in the config."""
    listed = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(listed, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("...\n").strip()


def loaded(name: str) -> dict:
    """Return one schema."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


CONFIGURATION = """\
`config.yaml` says what is made; the committed one is the embedded default and runs on phantoms. It
is checked before any job: all faults are listed at once, each with its key, its value, what is
allowed and the key that was probably meant. A key that is left out has its default, and a section
without content has no keys. Unknown keys, keys written twice, tags and templates that would run
code, NaN and infinity are refused; `1e-4` is a number. `<...>` stands for a name of your choice:
letters, digits, `-` and `_`, at most 64, in quotes where it looks like a number.

`snakemake --config` and `--configfile` change single values: they are merged into `config.yaml` and
cannot take a key away."""
OPTIONS = """\
What the sections that say so take besides the keys above, read from the `OPTIONS` of each file. A
value must be of its default's type; `null` means that the plug-in decides."""
DATA = """\
Tables are tab-separated text (radiomics: parquet) and are checked when they are written and when
they are read. An empty cell means: not known, not defined, not asked for. Ids are text. A table
always has the columns marked with an asterisk.

Your own table of cases needs the marked columns of `cases`, filled in every row, and may have the
others that the factory does not write. Tab, semicolon and comma all do as delimiters; a byte order
mark, CRLF line ends, and empty cells and lines at the end are fine. It must be UTF-8: any other
encoding could only be guessed. Ids that differ only in upper and lower case or in Unicode form
count as the same and are refused; those of patients also where leading zeros or separators are all
that differs. Paths start from the folder of the table, or from `root` of the
cohort, and may not leave it, through links neither. All faults are listed at once, with line and
column. Images that are missing become rejected cases."""
BUNDLE = """\
A bundle is what `radfoundry bundle RECIPE --out FOLDER` and the rule `write_bundle` (of the recipes
in `publish.bundles`) write: a folder, and a .zip of it with the same files. `radfoundry draw` and
`bundles.load` read either, and `train: {start: ...}` of a recipe goes on from one. Nothing of a
patient is in it: no image, and no id of a case or a patient, which is searched for before it is
written. Weights are read from safetensors alone, never unpickled, and every file is checked against
the manifest; files that the manifest does not name are not read. A sample of the workflow and one
of its bundle have the same bytes for the same prompt, seed, options and grid (`--like`,
`--plain`)."""
BUNDLE_FILES = (
    (
        "`bundle.json`",
        "For programs: recipe, generator, modality, grid (voxels, spacing, affine, whether it is "
        "an atlas's), window in HU, options of drawing with the recipe's values, whether "
        "prompts are read, each network with its size, objective and channels, the training data "
        "in numbers (`null`: fewer than 5 patients), limits, licence, authors, versions.",
    ),
    (
        "`networks/<network>/weights.safetensors`",
        "Tensors of one network; of a text encoder too.",
    ),
    (
        "`networks/<network>/card.json`",
        "Its card as training wrote it: size, objective, channels, the curve from HU to the values "
        "of the image channel, options, losses; a text encoder's vocabulary. `start`: the bundle "
        "that it goes on from, by sha256, and the tensors that only one of the two has.",
    ),
    ("`labels.json`", "What each id of a drawn label map is, and which ids make up each region."),
    (
        "`README.md`",
        "The model card: use, training data in numbers, limits, figures of the scorecard.",
    ),
    ("`manifest.json`", "Format, version, and the sha256 of every other file; written last."),
)
LABELS = """\
One vocabulary for every label map, from `src/radfoundry/anatomy/labels.yaml`. An anatomy map holds
structures, a findings map findings, one id per pixel; 0 is none of them. A region is a union of
ids."""


if __name__ == "__main__":
    (DOCS / "configuration.md").write_text(configuration_page(), encoding="utf-8")
    (DOCS / "data.md").write_text(data_page(), encoding="utf-8")
