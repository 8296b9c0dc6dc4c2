"""Weight files are asked for by name, before any job, and never fetched."""

import hashlib
import subprocess
import sys
import time

import pytest

from radfoundry.config import weight_files

LICENSE = "aca_12345678901234"


def method(**options):
    """Return a method of pseudo-labelling with TotalSegmentator."""
    return {"segmenter": "totalsegmentator", "options": options}


def config(**methods):
    """Return as much of a config as is looked at."""
    return {"pseudolabel": methods}


def fill(folder, chosen):
    """Put files in place for a method, and return how many."""
    rows = weight_files.inventory(chosen)
    for row in rows:
        path = folder / row["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    return len(rows)


def test_every_missing_file_is_named_with_task_release_and_place(tmp_path):
    chosen = method(weights=str(tmp_path), structures=["lung_vessel", "heart"])
    lines = weight_files.missing(config(vessels=chosen))
    text = "\n".join(lines)
    assert len(lines) == 9  # the 6 mm network, the vessels', and the one that finds the lungs
    assert all(line.startswith("pseudolabel.vessels: ") for line in lines)
    for word in ("lung_vessels: weights 117", "weights 297", "v2.5.0-weights", "checkpoint_final"):
        assert word in text
    assert str(tmp_path / "Dataset298_TotalSegmentator_total_6mm_1559subj") in text


def test_all_methods_are_named_in_one_error(tmp_path):
    methods = config(
        one=method(weights=str(tmp_path)),
        two={"segmenter": "lungmask", "options": {"weights": str(tmp_path)}},
    )
    with pytest.raises(ValueError, match=r"(?s)pseudolabel\.one.*pseudolabel\.two.*unet_r231-"):
        weight_files.check(methods)


def test_phantoms_and_segmenters_without_files_need_none():
    methods = config(
        a=method(), b=method(weights="phantoms"), c={"segmenter": "lungmask", "options": {}},
        d={"segmenter": "pbtseg", "options": {}},
    )  # fmt: skip
    assert weight_files.missing(methods) == []
    weight_files.check(methods)


def test_files_that_are_there_are_listed_with_size_and_sha256(tmp_path):
    chosen = method(weights=str(tmp_path))
    assert {row["status"] for row in weight_files.inventory(chosen)} == {"missing"}
    assert fill(tmp_path, chosen) == 3
    for row in weight_files.inventory(chosen):
        assert (row["status"], row["bytes"], row["license"]) == ("ok", 7, "open")
        assert row["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert weight_files.faults(chosen) == []


def test_a_licensed_task_needs_a_number_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv(weight_files.LICENSE_VARIABLE, raising=False)
    chosen = method(weights=str(tmp_path), tasks=["heartchambers_highres"])
    assert any("needs a license" in line for line in weight_files.faults(chosen))
    fill(tmp_path, chosen)
    lines = weight_files.faults(chosen)
    assert lines
    assert all(weight_files.LICENSE_VARIABLE in line for line in lines)
    assert {row["status"] for row in weight_files.inventory(chosen)} == {"ok", "unlicensed"}
    monkeypatch.setenv(weight_files.LICENSE_VARIABLE, LICENSE)
    assert weight_files.faults(chosen) == []


def test_a_published_file_with_another_content_is_changed(tmp_path):
    chosen = {"segmenter": "lungmask", "options": {"weights": str(tmp_path)}}
    fill(tmp_path, chosen)
    (row,) = weight_files.inventory(chosen)
    assert row["status"] == "changed"
    assert row["sha256"] in weight_files.fault_message(row)


def test_the_config_may_state_another_sha256(tmp_path):
    options = {"weights": str(tmp_path / "own.pth"), "sha256": {"R231": "0" * 64}}
    chosen = {"segmenter": "lungmask", "options": options}
    fill(tmp_path, chosen)
    assert [row["status"] for row in weight_files.inventory(chosen)] == ["changed"]
    options["sha256"] = {"R231": hashlib.sha256(b"weights").hexdigest()}
    assert [row["status"] for row in weight_files.inventory(chosen)] == ["ok"]


def test_the_fused_model_needs_both_files():
    options = {"weights": "somewhere", "model": "LTRCLobes_R231"}
    rows = weight_files.inventory({"segmenter": "lungmask", "options": options})
    assert [row["weights"] for row in rows] == ["LTRCLobes", "R231"]


def test_a_structure_nobody_marks_is_refused_with_those_that_can_be():
    options = {"structures": ["lung_vessel"], "modality": "MR", "tasks": []}
    with pytest.raises(ValueError, match=r"lung_vessel.*MR.*lung_right"):
        weight_files.tasks(options)


def test_what_phantoms_cannot_teach_is_known_before_any_job():
    methods = config(
        fine=method(mode="normal"),
        mr=method(modality="MR", structures=["heart"]),
        odd=method(tasks=["x"]),
    )
    lines = weight_files.missing(methods)
    for line, words in zip(lines, ("3.0 mm is the finest", "CT alone", "no task 'x'"), strict=True):
        assert words in line


def test_a_task_of_another_modality_is_refused():
    with pytest.raises(ValueError, match=r"total_mr.*choose from total"):
        weight_files.tasks({"structures": ["heart"], "modality": "CT", "tasks": ["total_mr"]})


def test_a_subset_of_classes_needs_the_network_that_finds_them():
    options = {"roi_subset": True, "mode": "fast"}
    assert weight_files.weights_of("total", options) == [298, 297]
    assert weight_files.weights_of("total", options | {"roi_subset": False}) == [297]


def test_asking_loads_no_heavy_library_and_takes_under_a_second(tmp_path):
    program = (
        "import sys, time; from radfoundry.config import weight_files\n"
        "begun = time.monotonic()\n"
        f"method = {method(weights=str(tmp_path), structures=['lung_vessel', 'heart', 'body'])!r}\n"
        "lines = weight_files.missing({'pseudolabel': {'one': method}})\n"
        "heavy = [m for m in ('numpy', 'torch', 'totalsegmentator') if m in sys.modules]\n"
        "print(len(lines) > 0, heavy)"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "True []", done.stderr
    assert time.monotonic() - begun < 10  # most of it is the start of Python


# The page of needs says what the tools themselves say.


@pytest.fixture(scope="module")
def needs():
    """Return weights_needed.yaml."""
    return weight_files.needs()


def flat(entry):
    """Return all ids that a task of the tool, or of the page, may run."""
    modes = entry.get("sub_modes", {"default": entry})
    ids = [mode["task_id"] for mode in modes.values()]
    return {i for found in ids for i in (found if isinstance(found, list) else [found])}


def test_tasks_and_networks_are_those_of_the_tool(needs):
    known = pytest.importorskip("totalsegmentator.map_tasks_config")
    stated = needs["totalsegmentator"]
    for name, task in stated["tasks"].items():
        theirs = known.TASK_CONFIGS[name]
        own = task["weights"]
        ours = set(sum(own.values(), [])) if isinstance(own, dict) else set(own)
        assert ours == flat(theirs), name
        assert task["license"] == theirs.get("commercial", False), name
        crops = theirs.get("crop") is not None
        assert task.get("crop", []) == (
            [297 if theirs.get("robust_crop") else 298] if crops else []
        )
        assert isinstance(own, dict) == ("sub_modes" in theirs), name


def test_modes_of_a_task_are_those_of_the_tool(needs):
    known = pytest.importorskip("totalsegmentator.map_tasks_config")
    for name, task in needs["totalsegmentator"]["tasks"].items():
        modes = known.TASK_CONFIGS[name].get("sub_modes", {})
        for mode, ids in task["weights"].items() if modes else ():
            theirs = modes.get("default" if mode == "normal" else mode) or modes["fast"]
            asked = theirs["task_id"]
            assert ids == (asked if isinstance(asked, list) else [asked]), (name, mode)


def test_folders_trainers_and_spacings_are_those_of_the_tool(needs):
    known = pytest.importorskip("totalsegmentator.map_tasks_config")
    for task in known.TASK_CONFIGS.values():
        for mode in task.get("sub_modes", {"default": task}).values():
            for number in flat({"sub_modes": {"one": mode}}):
                ours = needs["totalsegmentator"]["weights"].get(number)
                if ours is None:
                    continue
                theirs = known.TASK_ID_WEIGHTS_CONFIGS[number]
                assert ours["folder"] == theirs["foldername"]
                assert ours["release"] == theirs.get("version", "license server")
                assert ours["trainer"] == mode["trainer"]
                assert ours["spacing"] == mode.get("resample")
                assert ours.get("folds", [0]) == mode.get("folds", [0])


def test_every_class_named_is_one_of_the_tool(needs):
    names = pytest.importorskip("totalsegmentator.map_to_binary").class_map
    from radfoundry.segmenters.totalsegmentator import STRUCTURES, numbers

    for task, entry in needs["totalsegmentator"]["tasks"].items():
        for structure, patterns in entry["gives"].items():
            assert structure in STRUCTURES
            for pattern in patterns:
                assert numbers(names[task], [pattern]), (task, pattern)


def test_lungmask_files_are_those_of_the_tool(needs):
    mask = pytest.importorskip("lungmask.mask")
    assert set(needs["lungmask"]["weights"]) == set(mask.MODEL_URLS)
    for name, entry in needs["lungmask"]["weights"].items():
        url, classes = mask.MODEL_URLS[name]
        assert url.endswith(f"/{entry['release']}/{entry['file']}")
        assert classes == entry["classes"]
