"""Rules about the code itself: who may import whom, and what each file must be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radfoundry.catalogue import KINDS, names

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "src/radfoundry").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("[!_]*.py"))
RULE_FILES = sorted((ROOT / "workflow/rules").glob("[1-9]_*.smk"))
RULES = "\n".join(path.read_text() for path in RULE_FILES)

# The boundary: what may open, list or make files. Everything else takes and returns values.
MAY_TOUCH_FILES = {"volume", "tables", "weights", "gate", "catalogue", "provenance"}
MAY_TOUCH_FILES |= {"configuration", "cohorts", "training", "checkpoints", "nnunet"}
MAY_TOUCH_FILES |= {"weightfiles"}
TOUCHES_FILES = {"open", "mkdir", "read_text", "write_text", "read_bytes", "read_csv", "to_csv"}
OUTSIDE = {"snakemake", "scripts", "workflow", "argparse", "subprocess"}
AT_PARSE_TIME = ("catalogue", "provenance", "configuration", "cohorts", "schemas", "sheets")
AT_PARSE_TIME += ("allowances", "contradictions", "weightfiles")


def imported(file):
    """Yield the dotted names a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def named(file):
    return "/".join(file.relative_to(ROOT).parts[-2:])


def calls(file):
    found = [n.func for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
    return {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in found}


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_the_library_never_looks_outside_itself(file):
    assert not {name.split(".")[0] for name in imported(file)} & OUTSIDE


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_only_boundary_modules_touch_files(file):
    part = file.relative_to(ROOT / "src/radfoundry").parts[0].removesuffix(".py")
    assert part in MAY_TOUCH_FILES or not calls(file) & TOUCHES_FILES


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_the_device_and_the_seed_are_arguments(file):
    text = file.read_text()
    assert not re.search(r"\.cuda\(|cuda\.is_available|torch\.manual_seed|np\.random\.seed", text)


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_a_library_file_fits_the_house_style(file):
    limit = 400 if file.stem == "networks" else 250
    assert len(file.read_text().splitlines()) <= limit


@pytest.mark.parametrize("file", SCRIPTS, ids=named)
def test_a_script_only_joins_files_to_functions(file):
    assert len(file.read_text().splitlines()) <= 50
    assert not any(isinstance(n, ast.ClassDef) for n in ast.walk(ast.parse(file.read_text())))


def test_every_rule_has_its_own_script_and_every_script_its_rule():
    pairs = re.findall(r"^rule (\w+):(?:(?!^rule ).)*?scripts/(\w+)\.py", RULES, re.M | re.S)
    assert {rule for rule, script in pairs if rule != script} == set()
    assert {script for _, script in pairs} == {path.stem for path in SCRIPTS}


def test_every_rule_that_runs_something_names_log_environment_and_code():
    for rule in re.split(r"^rule ", RULES, flags=re.M)[1:]:
        if "script:" in rule:
            assert all(f"    {word}" in rule for word in ("log:", "conda:", "code=")), rule[:40]
        assert "run:" not in rule


@pytest.mark.parametrize("kind", KINDS)
def test_plugins_do_not_import_their_siblings(kind):
    for file in (ROOT / "src/radfoundry" / kind).glob("[!_]*.py"):
        siblings = [name for name in imported(file) if name.startswith(f"radfoundry.{kind}")]
        assert not siblings, f"{file.name} imports {siblings}"


@pytest.mark.parametrize("module", AT_PARSE_TIME)
def test_drawing_the_dag_needs_no_heavy_import(module):
    allowed = set(sys.stdlib_module_names) | {"yaml", "jsonschema", "radfoundry"}
    tops = {name.split(".")[0] for name in imported(ROOT / f"src/radfoundry/{module}.py")}
    assert tops <= allowed


def test_the_modules_of_a_dry_run_load_no_arrays():
    listed = ", ".join(f"radfoundry.{module}" for module in AT_PARSE_TIME)
    program = f"import sys, {listed}; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_rules_files_hold_rules_and_common_holds_functions():
    for file in RULE_FILES:
        assert not re.search(r"^def |lambda ", file.read_text(), re.M), file.name
        assert len(file.read_text().splitlines()) <= 170, file.name
    for name in ("common", "options", "targets", "inputs", "recipes"):
        text = (ROOT / f"workflow/rules/{name}.smk").read_text()
        assert not re.search(r"^rule ", text, re.M)
        assert len(text.splitlines()) <= 170, name


def test_the_snakefile_tells_the_story_on_one_screen():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 40


@pytest.mark.parametrize("tool", ["radiomics", "totalsegmentator", "lungmask", "pydicom"])
def test_an_outside_tool_is_imported_in_one_place(tool):
    users = [f for f in LIBRARY if any(name.split(".")[0] == tool for name in imported(f))]
    assert len(users) == 1, [named(user) for user in users]


def test_every_plugin_folder_states_its_contract():
    for kind in KINDS:
        text = (ROOT / "src/radfoundry" / kind / "__init__.py").read_text()
        assert len(ast.get_docstring(ast.parse(text)) or "") > 80, kind
        assert names(kind), f"{kind} is empty"
