"""Rules about the code itself: who may import whom, and what each file must be."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radfoundry.config import catalogue
from radfoundry.config.catalogue import FOLDERS, KINDS, folder, names
from radfoundry.config.digest import DOCUMENTED

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "src/radfoundry").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("[!_]*.py"))
SHARED_SCRIPTS = sorted((ROOT / "scripts").glob("_*.py"))
RULE_FILES = sorted((ROOT / "workflow/rules").glob("[1-9]_*.smk"))
RULES = "\n".join(path.read_text() for path in RULE_FILES)

# The boundary: what may open, list or make files. Everything else takes and returns values.
MAY_TOUCH_FILES = ("volume.py", "tables.py", "weights.py", "config/", "data/gate/")
MAY_TOUCH_FILES += ("training/checkpoints.py", "training/sealed.py", "segmenters/_nnunet.py")
TOUCHES_FILES = {"open", "mkdir", "read_text", "write_text", "read_bytes", "read_csv", "to_csv"}
READS = {"read_text", "read_bytes", "open", "get_data"}
OUTSIDE = {"snakemake", "scripts", "workflow", "argparse", "subprocess"}
AT_PARSE_TIME = sorted((ROOT / "src/radfoundry/config").glob("*.py"))


def imported(file):
    """Yield the dotted names a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(folder):
    return ".".join(folder.relative_to(ROOT / "src").parts)


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
    shell = {"argparse"} if file.name == "__main__.py" else set()  # the command, as scripts/ are
    assert not {name.split(".")[0] for name in imported(file)} & (OUTSIDE - shell)


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


@pytest.mark.parametrize("file", [*SCRIPTS, *SHARED_SCRIPTS], ids=named)
def test_what_a_script_takes_of_shared_ones_is_there(file):
    shared = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
    for node in (n for n in shared if n.module.startswith("_") and n.module != "__future__"):
        there = vars(importlib.import_module(node.module))
        assert not {name.name for name in node.names} - set(there), node.module


@pytest.mark.parametrize("file", SHARED_SCRIPTS, ids=named)
def test_what_scripts_share_does_one_thing(file):
    assert len(file.read_text().splitlines()) <= 105


def test_every_rule_has_its_own_script_and_every_script_its_rule():
    pairs = re.findall(r"^rule (\w+):(?:(?!^rule ).)*?scripts/(\w+)\.py", RULES, re.M | re.S)
    assert {rule for rule, script in pairs if rule != script} == set()
    assert {script for _, script in pairs} == {path.stem for path in SCRIPTS}


def test_every_rule_that_runs_something_names_log_environment_and_code():
    for rule in re.split(r"^rule ", RULES, flags=re.M)[1:]:
        if "script:" in rule:
            assert all(f"    {word}" in rule for word in ("log:", "conda:", "code=")), rule[:40]
        assert "run:" not in rule


@pytest.mark.parametrize("file", [*LIBRARY, *SCRIPTS, *SHARED_SCRIPTS], ids=named)
def test_nobody_outside_a_plugin_imports_from_it(file):
    """What a kind's plug-ins share is `<kind>/_<name>`; all else asks the catalogue."""
    for name in imported(file):
        plugin = plugin_of(name)
        assert plugin is None or inside(file, plugin), f"{named(file)} imports {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_what_plugins_of_a_kind_share_is_theirs_alone(kind):
    own = ".".join(("radfoundry", *Path(FOLDERS[kind]).parts))
    for file in [path for path in LIBRARY if folder(kind) not in path.parents]:
        shared = [name for name in imported(file) if name.startswith(f"{own}._")]
        assert not shared, f"{named(file)} imports {shared}"


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


SHARED_RULES = {"common.smk": 110, "inputs.smk": 245}  # lines


def test_rules_files_hold_rules_and_two_shared_files_hold_functions():
    shared = {path.name for path in (ROOT / "workflow/rules").glob("[!1-9]*")}
    assert shared == set(SHARED_RULES), "a look-up of the config belongs to config/"
    for file in RULE_FILES:
        assert not re.search(r"^def |lambda ", file.read_text(), re.M), file.name
        assert len(file.read_text().splitlines()) <= 150, file.name
    for name in shared:
        text = (ROOT / "workflow/rules" / name).read_text()
        assert not re.search(r"^rule ", text, re.M), name
        assert len(text.splitlines()) <= SHARED_RULES[name], name
        bodies = re.findall(r"^def .*\n((?:(?: .*)?\n)+)", text, re.M)
        assert max(len(body.strip().splitlines()) for body in bodies) <= 10, name


def test_the_snakefile_tells_the_story_on_one_screen():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 40


def test_the_vocabulary_is_read_in_one_place():
    readers = [named(f) for f in LIBRARY if "labels.yaml" in set(words_of(f)) and calls(f) & READS]
    assert readers == ["config/catalogue.py"]


TOOLS = ("radiomics", "totalsegmentator", "lungmask", "pydicom", "faster_coco_eval")


@pytest.mark.parametrize("tool", TOOLS)
def test_an_outside_tool_is_imported_in_one_place(tool):
    users = [f for f in LIBRARY if any(name.split(".")[0] == tool for name in imported(f))]
    assert len(users) == 1, [named(user) for user in users]


def test_every_plugin_folder_states_its_contract():
    for kind in KINDS:
        text = (folder(kind) / "__init__.py").read_text()
        assert len(ast.get_docstring(ast.parse(text)) or "") > 80, kind
        assert names(kind), f"{kind} is empty"


def words_of(file):
    """Yield the strings of a file, docstrings left out."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            node.body = body[1:]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def plugin_words():
    """Return the names of all generators with their networks, and of all segmenters."""
    generators = names("generators")
    networks = {n for g in generators for n in catalogue.constant("generators", g, "NETWORKS")}
    return {*generators, *names("segmenters"), *networks}


@pytest.mark.parametrize("file", [*SCRIPTS, *SHARED_SCRIPTS], ids=named)
def test_no_script_names_a_generator_a_network_or_a_segmenter(file):
    assert not plugin_words() & set(words_of(file))


def test_the_workflow_names_no_generator_no_network_and_no_segmenter():
    for file in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        quoted = set(re.findall(r"[\"'](\w+)[\"']", file.read_text()))
        assert not plugin_words() & quoted, file.name


PAPERS = ("evaluation/tasks/", "generators/", "segmenters/")  # plug-ins have papers of their own


@pytest.mark.parametrize("file", LIBRARY, ids=named)
def test_a_general_room_names_no_paper(file):
    place = str(file.relative_to(ROOT / "src/radfoundry"))
    plugin = place.startswith(PAPERS) and "/_requests/" not in place
    assert plugin or not set(names("generators")) & set(words_of(file))


def test_on_the_top_level_lie_only_the_words_that_every_room_uses():
    loose = {path.stem for path in (ROOT / "src/radfoundry").glob("*.py")} - {
        "__init__",
        "__main__",
    }
    assert loose == {"volume", "case", "tables", "weights", "seeds"}


DOORS = {"data/gate", "data/preprocess", "radiomics", "text/labeler", "verdicts"}


def test_an_init_holds_a_contract_and_code_only_where_it_is_the_one_door():
    plugins = {folder(kind) / name for kind in KINDS for name in names(kind)}
    doors = plugins | {ROOT / "src/radfoundry" / door for door in DOORS}
    for file in [path for path in LIBRARY if path.name == "__init__.py"]:
        tree = ast.parse(file.read_text())
        assert len(ast.get_docstring(tree) or "") > 40, f"{named(file)} states no contract"
        defined = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        assert not defined or file.parent in doors, f"{named(file)} holds code"


def test_no_submodule_has_the_name_of_something_that_its_door_hands_on():
    for file in [path for path in LIBRARY if path.name == "__init__.py"]:
        handed = {
            alias.asname or alias.name
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.module != dotted(file.parent)
            for alias in node.names
        }
        assert not handed & {path.stem for path in file.parent.glob("[!_]*.py")}, named(file)


def test_a_plugins_literals_stand_in_its_own_folder():
    for kind in KINDS:
        for name in names(kind):
            assert catalogue.stated(kind, name, "OPTIONS") is not None, f"{kind}/{name}: OPTIONS"
    assert not list((ROOT / "src/radfoundry").glob("*options*.py"))


def test_the_rooms_are_few_and_stand_on_few_floors():
    spec = importlib.util.spec_from_file_location("drawing", ROOT / "docs/draw_architecture.py")
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    floors = drawing.floors(drawing.arrows())  # raises for a circle, and names it
    assert len(floors) <= 22
    assert max(floors.values()) <= 9
    assert drawing.main(["--check"]) == 0, "run `make docs`"
