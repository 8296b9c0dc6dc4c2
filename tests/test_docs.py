"""The generated pages say what the schemas and the code say."""

import importlib.util
from pathlib import Path

import pytest
import yaml

from radfoundry import tables
from radfoundry.config import catalogue

ROOT = Path(__file__).parents[1]
SCHEMAS = sorted((ROOT / "workflow/schemas").glob("*.schema.yaml"))
TABLES = [path.name.split(".")[0] for path in SCHEMAS if not path.name.startswith("config")]
HINT = "run `make docs`"


@pytest.fixture(scope="module")
def make_docs():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs/make_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described(rules):
    """Yield every part of a schema that a reader must be told about."""
    below = [*rules.get("properties", {}).values()]
    below += [rules["additionalProperties"]] if rules.get("additionalProperties") else []
    for rule in [rule for rule in below if isinstance(rule, dict)]:
        yield rule
        yield from described(rule)


def test_the_configuration_page_is_what_the_schema_makes(make_docs):
    page = (ROOT / "docs/configuration.md").read_text()
    assert page == make_docs.configuration_page(), HINT


def test_the_data_page_is_what_the_schemas_make(make_docs):
    assert (ROOT / "docs/data.md").read_text() == make_docs.data_page(), HINT


def test_every_config_key_is_on_the_page(make_docs):
    config = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    page = make_docs.configuration_page()
    assert all(rule["description"] in page for rule in described(config) if "description" in rule)
    assert all("description" in rule or "title" in rule for rule in described(config))


def test_every_plugin_option_is_on_the_page(make_docs):
    page = make_docs.configuration_page()
    for kind in catalogue.KINDS:
        for name in catalogue.names(kind):
            for option in catalogue.options(kind, name) or {}:
                assert f"| `{name}` | `{option}` |" in page


def test_a_bar_in_a_cell_does_not_split_it(make_docs):
    assert "a\\|b" in make_docs.table(("Column",), [("a|b",)])


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_schema_is_complete(kind):
    schema = tables.schema(kind)
    assert schema["description"]
    assert {*schema["key"], *schema["required"]} <= set(schema["properties"])
    for rules in schema["properties"].values():
        assert rules["type"] in {"string", "integer", "number", "boolean"}
        assert rules["description"].endswith(".")
