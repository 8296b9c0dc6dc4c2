"""Words of the config schema: defaults, checks and how faults are worded."""

import math

import pytest

from radfoundry.config import schema

NUMBER = {"type": "object", "properties": {"rate": {"type": "number", "minimum": 0}}}


def faults(value, rules, **known):
    return schema.faults(value, rules, known)


def test_numbers_in_scientific_notation_are_numbers():
    assert schema.filled({"rate": "1e-4"}, NUMBER) == {"rate": 1e-4}


def test_text_keys_keep_what_looks_like_a_number():
    assert schema.filled("1e5", {"type": "string"}) == "1e5"


def test_whole_floats_become_integers_where_integers_are_wanted():
    filled = schema.filled("1e3", {"type": "integer"})
    assert filled == 1000
    assert type(filled) is int


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "1", None])
def test_what_is_no_finite_number_is_refused_once(value):
    assert len(faults({"rate": value}, NUMBER)) == 1


def test_defaults_are_copies():
    rules = {"type": "object", "properties": {"a": {"type": "array", "default": [1]}}}
    first, second = schema.filled({}, rules), schema.filled({}, rules)
    first["a"].append(2)
    assert second == {"a": [1]}


def test_defaults_below_an_empty_section_are_filled():
    inner = {"type": "object", "properties": {"b": {"type": "integer", "default": 3}}}
    assert schema.filled({"a": None}, {"type": "object", "properties": {"a": inner}}) == {
        "a": {"b": 3}
    }


def test_the_input_is_left_alone():
    given = {"rate": "1e-4", "more": [1]}
    schema.filled(given, NUMBER)
    assert given == {"rate": "1e-4", "more": [1]}


def test_an_unknown_key_is_named_with_value_choices_and_nearest():
    rules = NUMBER | {"additionalProperties": False}
    found = faults({"raet": 3}, rules)
    assert found == ["raet: unknown key (value 3); allowed: rate; did you mean 'rate'?"]


def test_a_missing_key_is_named_with_what_it_may_hold():
    assert faults({}, NUMBER | {"required": ["rate"]}) == [
        "rate: is missing; allowed: number, at least 0"
    ]


def test_a_value_below_its_limit_is_named_with_the_limit():
    assert faults({"rate": -1}, NUMBER) == ["rate: is -1; allowed: number, at least 0"]


def test_a_pattern_must_match_the_whole_text():
    assert faults("id\n", {"type": "string", "pattern": "^[a-z]+$"})


def test_a_name_among_others_is_named_with_the_nearest():
    (fault,) = faults("pbtseq", {"among": "segmenters"}, segmenters=["pbtseg", "other"])
    assert fault.endswith("allowed: pbtseg, other; did you mean 'pbtseg'?")


def test_a_list_item_is_named_by_its_place():
    rules = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}}
    assert faults({"a": [1, "x"]}, rules) == ["a[1]: is 'x'; allowed: number"]


@pytest.mark.parametrize(
    ("rules", "good", "bad"),
    [
        ({"exactly_one": ["a", "b"]}, {"a": 1}, {}),
        ({"exactly_one": ["a", "b"]}, {"b": 1}, {"a": 1, "b": 1}),
        ({"at_most_one": ["a", "b"]}, {}, {"a": 1, "b": 1}),
        ({"sums_to_one": ["a", "b"]}, {"a": 0.9, "b": 0.1}, {"a": 0.9, "b": 0.2}),
        ({"ordered": True}, [1, 1], [2, 1]),
        ({"ordered": "strictly"}, [1, 2], [1, 1]),
        ({"ordered": "strictly"}, [18, 40, 65], [18, 65, 40]),
    ],
)
def test_words_of_our_own_tell_good_from_bad(rules, good, bad):
    assert faults(good, rules) == []
    assert len(faults(bad, rules)) == 1


def test_plugin_options_become_keys_of_their_section():
    rules = {"type": "object", "plugin_options": {"*": {"kind": "experts"}}}
    rules |= {"additionalProperties": {"type": "object", "properties": {"q": {"type": "number"}}}}
    value = {"anatomy": {"q": 0.1, "nosie": 2, "shift": "1e-2"}}
    known = {"experts": {"anatomy": {"noise": 0.02, "shift": 0.1}}}
    concrete = schema.concrete(rules, value, known)
    filled = schema.filled(value, concrete)
    assert filled["anatomy"]["shift"] == 0.01
    (fault,) = schema.faults(filled, concrete, known)
    assert fault.startswith("anatomy.nosie: unknown key (value 2)")
    assert "did you mean 'noise'" in fault


def test_options_of_a_plugin_that_states_none_are_not_checked():
    rules = {"type": "object", "plugin_options": {"*": {"kind": "experts"}}}
    rules |= {"additionalProperties": {"type": "object"}}
    value = {"anatomy": {"anything": 1}}
    assert schema.faults(value, schema.concrete(rules, value, {"experts": ["anatomy"]}), {}) == []


def test_a_long_value_is_shortened_in_a_message():
    (fault,) = faults("x" * 1000, {"type": "number"})
    assert len(fault) < 200
