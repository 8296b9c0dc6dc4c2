"""Rules about the code itself: who may import whom, and what each file must be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radfoundry.config.catalogue import FOLDERS, KINDS, folder, names

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "src/radfoundry").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("[!_]*.py"))
OUTSIDE_LIBRARY = sorted((ROOT / "scripts").glob("*.py"))
RULE_FILES = sorted((ROOT / "workflow/rules").glob("[1-9]_*.smk"))
RULES = "\n".join(path.read_text() for path in RULE_FILES)

# The boundary: what may open, list or make files. Everything else takes and returns values.
MAY_TOUCH_FILES = ("volume.py", "tables.py", "weights.py", "config/", "data/gate/")
MAY_TOUCH_FILES += ("training/checkpoints.py", "segmenters/_nnunet.py")
TOUCHES_FILES = {"open", "mkdir", "read_text", "write_text", "read_bytes", "read_csv", "to_csv"}
OUTSIDE = {"snakemake", "scripts", "workflow", "argparse", "subprocess"}
AT_PARSE_TIME = sorted((ROOT / "src/radfoundry/config").glob("*.py"))


def imported(file):
    """Yield the dotted names a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def named(file):
    return "/".join(file.relative_to(ROOT).parts[-2:])


def plugin_of(dotted):
    """Return the (kind, name) that a dotted module belongs to, or None for what is shared."""
    for kind, path in FOLDERS.items():
        start = f"radfoundry.{path.replace('/', '.')}."
        if dotted.startswith(start):
            name = dotted.removeprefix(start).split(".")[0]
            return (kind, name) if name in names(kind) else None
    return None


def inside(file, plugin):
    kind, name = plugin
    own = folder(kind) / name
    return file == own.with_suffix(".py") or own in file.parents


def calls(file):
    found = [n.func for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
    return {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in found}


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_the_library_never_looks_outside_itself(file):
    assert not {name.split(".")[0] for name in imported(file)} & OUTSIDE


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_only_boundary_modules_touch_files(file):
    place = str(file.relative_to(ROOT / "src/radfoundry"))
    assert place.startswith(MAY_TOUCH_FILES) or not calls(file) & TOUCHES_FILES


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_the_device_and_the_seed_are_arguments(file):
    text = file.read_text()
    assert not re.search(r"\.cuda\(|cuda\.is_available|torch\.manual_seed|np\.random\.seed", text)


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_a_library_file_fits_the_house_style(file):
    # 300 lines are what one sits down to read. A file is cut at a seam, never to meet a number.
    assert len(file.read_text().splitlines()) <= 300


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


@pytest.mark.parametrize("file", [*LIBRARY, *OUTSIDE_LIBRARY], ids=named)
def test_nobody_outside_a_plugin_imports_from_it(file):
    """What a kind's plug-ins share is `<kind>/_<name>`; all else asks the catalogue."""
    for name in imported(file):
        plugin = plugin_of(name)
        assert plugin is None or inside(file, plugin), f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", AT_PARSE_TIME, ids=named)
def test_what_is_read_while_the_dag_is_drawn_imports_little(file):
    allowed = set(sys.stdlib_module_names) | {"yaml", "jsonschema"}
    outside = {name for name in imported(file) if name.split(".")[0] not in allowed}
    assert {name for name in outside if not name.startswith("radfoundry.config")} == set()


def test_a_dry_run_loads_no_arrays():
    listed = ", ".join(f"radfoundry.config.{file.stem}" for file in AT_PARSE_TIME)
    listed = listed.replace(".__init__", "")
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
        text = (folder(kind) / "__init__.py").read_text()
        assert len(ast.get_docstring(ast.parse(text)) or "") > 80, kind
        assert names(kind), f"{kind} is empty"
