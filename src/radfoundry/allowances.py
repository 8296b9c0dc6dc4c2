"""What a rule of a config schema allows, in words: for error messages and for the documentation."""

from collections.abc import Mapping

WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "keys"}
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "minItems": "at least"}
LIMITS |= {"maximum": "at most", "exclusiveMaximum": "below", "maxItems": "at most"}


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
