"""What the words of a config schema mean: options of plug-ins, defaults, faults and their wording.

JSON Schema (draft 2020-12) with the few words of our own that `config.schema.yaml` explains. It
opens no file and imports no plug-in: names and options come in as values.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

SCIENTIFIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+", re.ASCII)  # YAML 1.1: text
TYPES: Mapping[str, Any] = {
    "boolean": bool,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
LONGEST = 80
WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "keys"}
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "minItems": "at least"}
LIMITS |= {"maximum": "at most", "exclusiveMaximum": "below", "maxItems": "at most"}
Names = Mapping[str, Collection[str]]


def nearest(word: str, known: Collection[str]) -> str:
    """Return a hint at the most similar known word, or "" when none is similar.

    >>> nearest("generatr", ["cohort", "generator"])
    "; did you mean 'generator'?"
    """
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(str(word).lower(), lowered, n=1)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""


def concrete(rules: Mapping, value: Any, known: Names) -> Mapping:
    """Return the schema of this very value: each name has its rules, plug-in options are known."""
    if not isinstance(value, Mapping):
        return rules
    properties, others = dict(rules.get("properties", {})), rules.get("additionalProperties")
    if isinstance(others, Mapping):
        properties = {name: others for name in value} | properties
    for key, variants in rules.get("variants", {}).items():
        chosen = value.get(variants["named"], properties[variants["named"]].get("default"))
        properties[key] = variants.get(str(chosen), properties[key])
    for key, source in _plugin_sections(rules, value):
        name = _plugin_name(key, source, value, properties)
        properties[key] = _with_options(properties[key], known.get(source["kind"], ()), name)
    below = {k: concrete(r, value.get(k, r.get("default")), known) for k, r in properties.items()}
    return {**rules, "properties": below}


def _plugin_sections(rules: Mapping, value: Mapping) -> Iterator[tuple[str, Mapping]]:
    for key, source in rules.get("plugin_options", {}).items():
        yield from ((name, source) for name in (value if key == "*" else [key]))


def _plugin_name(key: str, source: Mapping, value: Mapping, properties: Mapping) -> Any:
    if "inside" in source:
        inside = value.get(key)
        return inside.get(source["inside"]) if isinstance(inside, Mapping) else None
    if "named" not in source:
        return key
    return value.get(source["named"], properties.get(source["named"], {}).get("default"))


def _with_options(rules: Mapping, plugins: Collection[str], name: Any) -> Mapping:
    options = plugins.get(name) if isinstance(plugins, Mapping) and isinstance(name, str) else None
    if options is None:
        return rules
    own = {key: _rules_like(default) for key, default in options.items()}
    return {**rules, "properties": own | rules.get("properties", {}), "additionalProperties": False}


def _rules_like(default: Any) -> Mapping:
    """Return the rule that a value must be of its default's type; anything where that is None."""
    for name, kind in TYPES.items():
        if isinstance(default, kind):
            first = default[0] if name == "array" and default else None
            return {"type": name} | ({} if first is None else {"items": _rules_like(first)})
    return {}


def filled(value: Any, rules: Mapping) -> Any:
    """Return a copy with defaults, in the schema's order, and numbers such as "1e-4" read."""
    types = rules.get("type", ())
    types = {types} if isinstance(types, str) else set(types)
    if value is None and types & {"object", "array"}:
        value = {} if "object" in types else []
    if isinstance(value, Mapping):
        return _filled_object(value, rules)
    if isinstance(value, list | tuple):
        return [filled(item, rules.get("items", {})) for item in value]
    if types & {"number", "integer"} and isinstance(value, str) and SCIENTIFIC.fullmatch(value):
        value = float(value)
    whole = isinstance(value, float) and value.is_integer() and "integer" in types
    return int(value) if whole else value


def _filled_object(value: Mapping, rules: Mapping) -> dict:
    known = rules.get("properties", {})
    if rules.get("integer_names"):
        value = {str(key) if type(key) is int else key: item for key, item in value.items()}
    defaults = {key: rule["default"] for key, rule in known.items() if "default" in rule}
    order = [*(key for key in known if key in value or key in defaults), *value]
    given = {key: value.get(key, defaults.get(key)) for key in order}
    return {key: filled(item, known.get(key, {})) for key, item in given.items()}


def faults(value: Any, rules: Mapping, known: Names) -> list[str]:
    """Return one line for each thing that is wrong: key, value, what is allowed, nearest key."""
    number = Draft202012Validator.TYPE_CHECKER.redefine("number", lambda _, item: _is_number(item))
    own = {word: _worded(check, known) for word, check in CHECKS.items()}
    validator = extend(Draft202012Validator, own, type_checker=number)(rules)
    found = [line for error in validator.iter_errors(value) for line in _messages(error)]
    paths = {path for path, _ in found}
    found += [(path, words) for path, words in _unfit(value) if path not in paths]
    return [f"{path or 'the config'}: {words}" for path, words in dict.fromkeys(found)]


def _worded(check: Callable[..., Iterable[str]], known: Names) -> Callable:
    def errors(_: Any, rule: Any, value: Any, __: Mapping) -> Iterator[ValidationError]:
        yield from (ValidationError(words) for words in check(rule, value, known))

    return errors


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _among(rule: str, value: Any, known: Names) -> Iterator[str]:
    if isinstance(value, str) and value not in known.get(rule, (value,)):
        names = ", ".join(known[rule]) or "there are none"
        hint = nearest(value, known[rule])
        yield f"{_shown(value)} is none of the {rule}; allowed: {names}{hint}"


def _pattern(rule: str, value: Any, _: Names) -> Iterator[str]:
    if isinstance(value, str) and not re.fullmatch(rule, value):
        yield f"is {_shown(value)}; allowed: text that matches {rule}"


def _exactly_one(rule: list[str], value: Any, _: Names) -> Iterator[str]:
    given = [key for key in rule if isinstance(value, Mapping) and key in value]
    if len(given) != 1:
        yield f"give exactly one of {', '.join(rule)}; given: {' and '.join(given) or 'none'}"


def _at_most_one(rule: list[str], value: Any, _: Names) -> Iterator[str]:
    if isinstance(value, Mapping) and sum(key in value for key in rule) > 1:
        yield f"give at most one of {', '.join(rule)}"


def _sums_to_one(rule: list[str], value: Any, _: Names) -> Iterator[str]:
    parts = [value.get(key, 0) for key in rule] if isinstance(value, Mapping) else [1]
    if all(map(_is_number, parts)) and not math.isclose(sum(parts), 1, abs_tol=1e-6):
        yield f"{' + '.join(rule)} is {sum(parts):g}; allowed: 1"


def _ordered(rule: str, value: Any, _: Names) -> Iterator[str]:
    if not isinstance(value, list) or not all(map(_is_number, value)):
        return
    wrong = operator.ge if rule == "strictly" else operator.gt
    if any(wrong(*pair) for pair in pairwise(value)):
        words = "a low and a high value, in this order" if len(value) == 2 else "ascending values"
        yield f"is {value}; allowed: {words}"


CHECKS: Mapping[str, Callable[..., Iterator[str]]] = {
    "among": _among,
    "pattern": _pattern,
    "exactly_one": _exactly_one,
    "at_most_one": _at_most_one,
    "sums_to_one": _sums_to_one,
    "ordered": _ordered,
}


def _unfit(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Find what no key may hold, options of unknown plug-ins included."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, f"is {value}; allowed: finite numbers"
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield _joined([path, str(key)]), "a name is text; write it in quotes"
            yield from _unfit(item, _joined([path, str(key)]))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, f"{path}[{index}]")


def _messages(error: Any) -> Iterator[tuple[str, str]]:
    """Say what an error of jsonschema means: the key's path, and words."""
    path, value, rules = _joined(error.absolute_path), error.instance, error.schema
    if "propertyNames" in error.schema_path:
        yield _joined([path, value]), error.message
    elif error.validator == "additionalProperties":
        known = rules.get("properties", {})
        for key in [key for key in value if key not in known]:
            words = f"unknown key (value {_shown(value[key])}); allowed: {', '.join(known)}"
            yield _joined([path, key]), words + _renamed(key, known)
    elif error.validator == "required":
        for key in [key for key in rules["required"] if key not in value]:
            yield _joined([path, key]), f"is missing; allowed: {allowed(rules['properties'][key])}"
    elif error.validator in {*CHECKS, "dependentRequired"}:
        yield path, error.message
    else:
        hint = nearest(value, rules["enum"]) if "enum" in rules and isinstance(value, str) else ""
        yield path, f"is {_shown(value)}; allowed: {allowed(rules)}{hint}"


def _renamed(key: str, known: Mapping[str, Mapping]) -> str:
    """Return a hint at the key that was called so formerly, else at the most similar one."""
    now = [name for name, rules in known.items() if rules.get("formerly") == key]
    return f"; `{key}` is now `{now[0]}`" if now else nearest(key, known)


def _joined(parts: Iterable[Any]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if type(part) is int and path else f".{part}" if path else str(part)
    return path


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def allowed(rules: Mapping) -> str:
    """Return in words what a rule allows, for messages and for the documentation.

    >>> allowed({"type": "number", "minimum": 0, "maximum": 1})
    'number, 0 to 1'
    >>> allowed({"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1})
    'list (at least 1) of whole number, at least 0'
    """
    if "enum" in rules:
        return ", ".join(str(value) or '""' for value in rules["enum"])
    types = rules.get("type", "any value")
    types = [types] if isinstance(types, str) else types
    return " or ".join(_allowed_of(name, rules) for name in types)


def _allowed_of(name: str, rules: Mapping) -> str:
    if name in ("number", "integer"):
        return WORDS.get(name, name) + _limits(rules, "minimum", "maximum")
    if name == "array":
        length = _limits(rules, "minItems", "maxItems").removeprefix(", ")
        size, different = f" ({length})" if length else "", bool(rules.get("uniqueItems"))
        return f"list{size} of {'different ' * different}{allowed(rules.get('items', {}))}"
    if name == "string":
        source = f" among {rules['among']}" if "among" in rules else ""
        return WORDS[name] + source + (f" like {rules['pattern']}" if "pattern" in rules else "")
    return WORDS.get(name, name)


def _limits(rules: Mapping, least: str, most: str) -> str:
    low, high = rules.get(least), rules.get(most)
    if low is not None and high is not None:
        return f", exactly {low}" if low == high else f", {low} to {high}"
    return "".join(f", {LIMITS[word]} {rules[word]}" for word in LIMITS if word in rules)
