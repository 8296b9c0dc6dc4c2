"""Read and check the config: every fault at once, before any job runs.

What may be written is stated by `schemas/config.schema.yaml`. Plug-ins are never imported
here, their options are read from their source: checking a config must stay instant. It refuses
rather than guesses, and nothing in a config file may run code.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from radfoundry.config import (
    catalogue,
    consistency,
    control,
    few_shot_lesions,
    finding_methods,
    radiographs,
    reader_study,
    schema,
    training_values,
    untrained,
)
from radfoundry.config.consistency import NO_METHOD, reads, weights_from
from radfoundry.config.schema import Names

__all__ = [
    "NO_METHOD",
    "ConfigurationError",
    "bundle_file",
    "checked",
    "reads",
    "registered",
    "start_files",
    "strict_load",
    "weights_from",
]

SCHEMA = Path(__file__).parent / "schemas" / "config.schema.yaml"
SECTIONS = ("cohorts", "pseudolabel", "recipes")
SAFE_TAGS = ("bool", "float", "int", "map", "merge", "null", "seq", "str")
TAGS = {f"tag:yaml.org,2002:{name}" for name in SAFE_TAGS}
# Of a model in Hugging Face's layout, or of a MONAI bundle.
MODEL_FILES = (".bin", ".json", ".pt", ".pth", ".safetensors", ".txt")
MOST_NODES = 100_000  # aliases of aliases grow exponentially


class ConfigurationError(ValueError):
    """A config cannot be used; `faults` holds one line for each reason."""

    def __init__(self, where: str, faults: Iterable[str]):
        self.faults = list(faults)
        super().__init__("\n".join([f"{where} cannot be used:", *(f"  {f}" for f in self.faults)]))


def strict_load(path: str | Path) -> dict:
    """Return what a config file says, without defaults.

    Raises:
        ConfigurationError: For a file that cannot be read, duplicate keys, tags such as
            `!!python/object`, templates that run code, or aliases that explode; each with its line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        faults = sorted(_node_faults(root)) if root else []
        loaded = {} if faults or root is None else yaml.safe_load(text)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(str(path), [" ".join(str(error).split())]) from None
    if faults:
        raise ConfigurationError(str(path), [f"line {line}: {text}" for line, text in faults])
    if not isinstance(loaded, dict):
        raise ConfigurationError(str(path), [f"must be keys with values, not {loaded!r:.80}"])
    return loaded


def _node_faults(root: yaml.Node) -> Iterator[tuple[int, str]]:
    if _expanded(root, {}) > MOST_NODES:
        yield 1, f"aliases (*name) stand for more than {MOST_NODES:,} values, or for themselves"
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.tag not in TAGS:
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            yield node.start_mark.line + 1, f"tag or type {kind!r} is refused; quote what is text"
        if isinstance(node, yaml.MappingNode):
            yield from _key_faults(node)
        todo += _children(node)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _key_faults(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    first: dict[tuple, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield line, "a key must be a plain name"
            continue
        if key.value == "__use_yte__":
            yield line, "key '__use_yte__': templates run code and are refused"
        if (key.tag, key.value) in first:
            yield line, f"duplicate key {key.value!r}, first on line {first[key.tag, key.value]}"
        first.setdefault((key.tag, key.value), line)


def _expanded(node: yaml.Node, sizes: dict[int, float]) -> float:
    """Return how many values a node stands for once aliases are replaced; infinite for a loop."""
    if id(node) not in sizes:
        sizes[id(node)] = math.inf
        sizes[id(node)] = 1 + sum(_expanded(child, sizes) for child in _children(node))
    return sizes[id(node)]


def registered() -> dict[str, Collection[str]]:
    """Return the names that a config may use.

    Returns:
        For each kind of plug-in a mapping of names to their options, as in `catalogue.options`; for
        "findings" and "regions" the words of labels.yaml.
    """
    words = catalogue.vocabulary()
    findings = [entry["name"] for entry in words["findings"]]
    structures = [entry["name"] for entry in words["structures"]]
    regions = list(
        dict.fromkeys([*words["regions"], *structures, *findings, "ignore", "background"])
    )
    plugins = {k: {n: catalogue.options(k, n) for n in catalogue.names(k)} for k in catalogue.KINDS}
    return {**plugins, "findings": findings, "regions": regions}


def checked(
    config: Mapping, source: Mapping | str | Path = SCHEMA, names: Names | None = None
) -> dict:
    """Return a new config with defaults filled in, or list all that is wrong.

    Args:
        config: As loaded, by `strict_load` or by Snakemake.
        source: The schema, or its path.
        names: What `registered` returns, unless given; a kind may also be a plain list of names,
            then the options of its plug-ins are not checked.

    Raises:
        ConfigurationError: One line per fault: key, value, what is allowed, the nearest key.
    """
    if source == SCHEMA:
        source = catalogue.packaged(SCHEMA)
    stated = source if isinstance(source, Mapping) else strict_load(source)
    known = dict(registered() if names is None else names)
    known |= {name: [*map(str, _section(config, stated, name))] for name in SECTIONS}
    known["methods"] = [*known["pseudolabel"], NO_METHOD]
    rules = schema.concrete(stated, config, known)
    filled = schema.filled(config, rules)
    faults = schema.faults(filled, rules, known) or list(finding_methods.found(filled))
    if not faults:
        filled["pseudolabel"] = finding_methods.resolved(filled["pseudolabel"])
    faults = faults or [
        *consistency.found(filled),
        *radiographs.found(filled),
        *control.found(filled),
        *reader_study.found(filled),
        *consistency.unstated_sizes(config, filled, rules),
        *training_values.found(filled),
        *untrained.found(filled),
        *few_shot_lesions.found(filled),
    ]
    if faults:
        raise ConfigurationError("the config", faults)
    for recipe in filled["recipes"].values():
        recipe["sample"] = _sampled(recipe) | recipe["sample"]
        recipe["train"] = _named(recipe)
    return filled


def _named(recipe: Mapping) -> dict[str, Any]:
    """Return `train` with the values, none, of networks that are only named: `true` or `false`."""
    named = catalogue.asked_for(recipe["generator"])
    stated = {k: v for k, v in recipe["train"].items() if not (k in named and v in (False, None))}
    return {key: {} if key in named and value is True else value for key, value in stated.items()}


def _sampled(recipe: Mapping) -> dict[str, Any]:
    """Return the options of `sample` that a recipe's other values bring, where it states none.

    A generator's SAMPLED is a mapping of a path, such as `train/objective`, to the options that
    each value there brings.
    """
    brought: dict[str, Any] = {}
    for path, values in catalogue.stated("generators", recipe["generator"], "SAMPLED", {}).items():
        brought |= values.get(catalogue.value_at(recipe, path), {})
    return brought


def start_files(recipe: Mapping, network: str) -> list[str]:
    """Return the files that a recipe's network starts from, sorted; [] for none.

    Of the bundle that `train: {start: ...}` names: its .zip, or the manifest of its folder. Of the
    folder that `train: {<network>: {folder: ...}}` names: weights, configuration, words; and the
    file of its `weights`.

    Args:
        recipe: Of the checked config.
        network: Of the recipe's generator.
    """
    if start := recipe["train"].get("start"):
        return [bundle_file(start)]
    stated = recipe["train"].get(network) or {}
    folder = stated.get("folder")
    places = ("*", "configs/*", "models/*") if folder else ()
    found = [path for place in places for path in Path(folder or "").glob(place)]
    listed = [str(path) for path in found if path.suffix in MODEL_FILES and path.is_file()]
    return sorted({*listed, *([str(stated["weights"])] if stated.get("weights") else [])})


def bundle_file(start: str) -> str:
    """Return the file that stands for a bundle: another one is another bundle.

    >>> bundle_file("chest.zip"), bundle_file("bundles/chest")
    ('chest.zip', 'bundles/chest/manifest.json')
    """
    return start if Path(start).suffix == ".zip" else str(Path(start) / "manifest.json")


def _section(config: Mapping, stated: Mapping, name: str) -> Collection[str]:
    given = config.get(name)
    given = stated["properties"].get(name, {}).get("default") if given is None else given
    return given if isinstance(given, Mapping) else ()
