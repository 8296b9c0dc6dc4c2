"""Golden dry runs: after one change, exactly the right rules are planned again."""

import json
import re
import shutil
import time
from contextlib import ExitStack, contextmanager

import pandas as pd
import pytest
import torch
from factory import ROOT, Factory, small_config

from radfoundry import volume
from radfoundry.evaluation.realism.feature_sizes import SIZES, build

FEATURE_NETWORK = {**SIZES["paper"], "widths": [2, 2, 2, 4], "layers": [1, 1, 1, 1]}
EVALUATION = {"fit_arm", "compare_arms", "compare_subgroups"}
PUBLICATION = {"write_scorecard", "write_report"}
FILTERING = {"decide_verdicts", "measure_acceptance"}
SYNTHESIS = {"measure_probes", "measure_realism", "summarize_synthesis"}
AFTER_SAMPLES = {"judge_samples", "draw_thumbnails", "check_leakage", "write_release"}
AFTER_SAMPLES |= FILTERING | EVALUATION | PUBLICATION
SAMPLING = {"plan_requests", "draw_samples", "collect_samples"}


def test_a_finished_factory_has_nothing_to_do(factory):
    assert factory.planned("all") == set()


def test_another_evaluation_seed_reruns_evaluation_and_publishing_alone(factory):
    with factory.configured("evaluate/seeds", [1]):
        assert factory.planned("evaluate") == EVALUATION
        assert factory.planned("all") == EVALUATION | PUBLICATION


def test_other_age_bands_compare_subgroups_again_and_train_nothing(factory):
    with factory.configured("evaluate/subgroups", {"age_bands": [50], "fewest": 5}):
        assert factory.planned("evaluate") == {"compare_subgroups"}
        assert factory.planned("all") == {"compare_subgroups", "write_report"}
    with factory.configured("evaluate/subgroups", {"by": []}):
        assert factory.planned("all") == {"write_report"}


def test_an_audit_trains_its_embeddings_and_is_asked_before_the_release(factory):
    audit = {"fit_audit_networks", "audit_memorisation"}
    with factory.configured("evaluate/memorisation", {"recipes": ["artasyn"]}):
        assert factory.planned("evaluate") == audit
        assert factory.planned("all") == audit | {"write_release"} | PUBLICATION


def test_a_comparison_with_an_old_release_writes_the_report_alone(factory, tmp_path):
    shutil.copytree(factory.folder / "results/release", tmp_path / "old")
    with factory.configured("compare", str(tmp_path / "old")):
        assert factory.planned("all") == {"write_report"}
    with factory.configured("compare", str(tmp_path)):
        assert "holds no release" in factory.run("--dry-run", "all", ok=False)


def test_other_names_or_a_stricter_gate_make_the_release_again_alone(factory):
    for key, value in (("case_ids", "keep"), ("max_shortfall", 0.5)):
        with factory.configured(f"publish/{key}", value):
            assert factory.planned("all") == {"write_release", "write_report"}


def test_another_threshold_reruns_the_verdicts_and_what_follows(factory):
    with factory.configured("recipes/artasyn/filter/realism/quantile", 0.2):
        expected = FILTERING | {"write_release"} | EVALUATION | PUBLICATION
        assert factory.planned("all") == expected


def test_another_sample_seed_draws_again_without_training_again(factory):
    with factory.configured("recipes/artasyn/seed", 8):
        assert factory.planned("sample") == SAMPLING
        assert factory.planned("all") == SAMPLING | AFTER_SAMPLES


def test_another_seed_of_a_trained_recipe_reruns_nothing_before_its_requests(factory):
    with factory.configured("recipes/medsyn/seed", 8):
        assert factory.planned("sample") == SAMPLING
        assert factory.planned("all") == SAMPLING | AFTER_SAMPLES | SYNTHESIS


def test_other_prompts_draw_again_without_training_again(factory):
    with factory.configured("recipes/medsyn/sample/prompts", [{"text": "Left effusion."}]):
        planned = factory.planned("all")
        assert planned >= SAMPLING
        assert not planned & {
            "train_network",
            "preprocess_batch",
            "segment_batch",
            "fit_feature_network",
        }


def test_more_compared_volumes_describe_the_real_ones_again_and_draw_nothing(factory):
    with factory.configured("evaluate/synthesis/distances/count", 16):
        described = {"describe_real", "collect_descriptions", "measure_realism"}
        expected = described | {"summarize_synthesis"} | PUBLICATION
        assert factory.planned("all") == expected


def test_more_probes_rerun_the_probes_alone(factory):
    with factory.configured("evaluate/synthesis/probes/prompt", 2):
        probing = {"plan_probes", "draw_probes", "collect_probes", "measure_probes"}
        expected = probing | {"summarize_synthesis"}
        assert factory.planned("evaluate") == expected
        assert factory.planned("all") == expected | PUBLICATION


def test_thresholds_are_judged_again_without_drawing_or_choosing_again(factory):
    with factory.configured("evaluate/synthesis/enlarged", 2):
        expected = {"compare_channels", "compare_resolutions", "summarize_synthesis"}
        assert factory.planned("evaluate") == expected


def test_other_steps_of_one_network_train_no_other_again(factory):
    with factory.configured("recipes/medsyn/train/super_resolution/steps", 3):
        said = factory.run("--dry-run", "train")
        assert said.count("rule train_network:") == 1
        assert "networks/super_resolution" in said


UNTRAINED = (  # what a pull often changes, and no training reaches
    ("diffusion/samplers.py", "sample"),
    ("diffusion/tiles.py", "tiled"),
    ("text/labeler/__init__.py", "label"),
    ("generators/medsyn/previews.py", "low_resolution"),
    ("data/channels.py", "decode"),
)
LOW, HIGH = "medsyn/networks/low_resolution", "medsyn/networks/super_resolution"


def trained(said):
    return set(re.findall(r"output: results/recipes/(\S+/networks/\w+)", said))


def test_samplers_tiles_labeler_previews_and_decoding_train_nothing_again(factory):
    with ExitStack() as edits:
        for path, name in UNTRAINED:
            edits.enter_context(factory.touched(f"src/radfoundry/{path}", name))
        assert factory.planned("train") == set()


@pytest.mark.parametrize(
    ("path", "name", "networks"),
    [
        ("networks/blocks.py", "TimedBlock", {LOW, HIGH}),
        ("networks/super_resolution.py", "SuperResolution", {HIGH}),
        ("text/encoder/finding_task.py", "fit", {"medsyn/networks/text", LOW}),
    ],
)
def test_what_a_network_is_made_of_trains_it_again_and_no_other(factory, path, name, networks):
    with factory.touched(f"src/radfoundry/{path}", name):
        said = factory.run("--dry-run", "train")
    assert trained(said) == networks
    for network in networks - {LOW}:
        kept = f"results/recipes/{network.replace('networks', 'networks/previous')}"
        assert f"code of {path}:{name} changed. What it learned stays in {kept}/" in said


def test_reports_without_images_train_the_text_encoder_and_what_stands_on_it(factory):
    (factory.folder / "words.tsv").write_text("report\nLungs are clear.\n")
    with factory.configured("recipes/medsyn/train/text/reports", "words.tsv"):
        said = factory.run("--dry-run", "train")
        assert trained(said) == {"medsyn/networks/text", LOW}
        assert said.count("rule collect_reports:") == 1
    with factory.configured("recipes/medsyn/train/text/reports", "none.tsv"):
        assert "none.tsv cannot be used" in factory.run("--dry-run", "train", ok=False)


def pin_of(factory, recipe, network):
    """Return what the dry run advises: the folder that a network is kept in, and its sha256."""
    kept = next(
        (factory.folder / f"results/recipes/{recipe}/networks/previous/{network}").iterdir()
    )
    card = json.loads((kept / "card.json").read_text())
    return {"folder": str(kept.relative_to(factory.folder)), "sha256": card["sha256"]}


def test_a_pinned_network_is_taken_and_not_trained(spare):
    pin = pin_of(spare, "medsyn", "low_resolution")
    with spare.configured("recipes/medsyn/networks", {"low_resolution": pin}):
        with spare.touched("src/radfoundry/networks/blocks.py", "TimedBlock"):
            assert trained(spare.run("--dry-run", "train")) == {LOW, HIGH}
            assert spare.planned(f"results/recipes/{LOW}") == {"take_network"}
        spare.run(f"results/recipes/{LOW}")
        assert (
            volume.sha256(spare.folder / "results/recipes" / LOW / "weights.safetensors")
            == pin["sha256"]
        )
        assert spare.planned("train") == set()
    other = pin | {"sha256": "0" * 64}
    with spare.configured("recipes/medsyn/networks", {"low_resolution": other}):
        assert f"the config allows {'0' * 64} alone" in spare.run("--dry-run", "train", ok=False)


def test_another_patient_count_reruns_that_cohort(factory):
    with factory.configured("cohorts/site_b/phantom/seed", 99):
        planned = factory.planned("all")
        assert "draw_phantoms" in planned
        assert not planned & SAMPLING


def test_a_comment_in_a_library_module_reruns_nothing(factory):
    with factory.edited("src/radfoundry/volume.py", "import hashlib", "# why\nimport hashlib"):
        assert factory.planned("all") == set()


def test_an_edited_metric_reruns_evaluation_alone(factory):
    path = "src/radfoundry/evaluation/metrics/detection.py"
    with factory.edited(path, "\ndef ", "\nADDED = 1\n\n\ndef "):
        planned = factory.planned("all")
        assert EVALUATION & planned
        assert planned <= EVALUATION | PUBLICATION | {"measure_labels"}


def test_an_edited_expert_reruns_its_own_scores(factory):
    path = "src/radfoundry/experts/realism.py"
    with factory.edited(path, "\ndef ", "\nADDED = 1\n\n\ndef "):
        planned = factory.planned("all")
        assert {"calibrate_expert", "judge_samples"} <= planned
        assert not planned & (SAMPLING | {"preprocess_batch", "segment_batch"})


def test_an_edited_vocabulary_reruns_what_reads_labels(factory):
    path = "src/radfoundry/anatomy/labels.yaml"
    with factory.edited(path, "ignore: 255", "ignore: 254"):
        assert {"segment_batch", "draw_samples", "fit_arm"} <= factory.planned("all")


@pytest.fixture
def hospital(tmp_path, factory):
    """Return a finished preprocess of a cohort that is a table of PNG files."""
    cases = pd.read_csv(factory.folder / "results/cohorts/site_b/cases.tsv", sep="\t", dtype=str)
    drawn = next((factory.folder / "results/cohorts/site_b/phantoms").iterdir())
    (tmp_path / "images").mkdir()
    for case in cases["case"]:
        shutil.copy(drawn / case / "image.png", tmp_path / "images" / f"{case}.png")
    table = cases[["case", "patient"]].assign(image="images/" + cases["case"] + ".png")
    table.to_csv(tmp_path / "cases.tsv", sep="\t", index=False)
    config = small_config() | {"recipes": {}, "evaluate": {}}
    cohort = {"table": "cases.tsv", "preprocess": {"size": 64}, "batch": 4}
    one = Factory(tmp_path, config | {"cohorts": {"clinic": cohort}})
    one.run("preprocess")
    return one


def test_a_changed_image_reruns_its_own_batch(hospital):
    assert hospital.planned("preprocess") == set()
    time.sleep(1.1)  # time stamps of some file systems are whole seconds
    first, *_, last = sorted((hospital.folder / "images").iterdir())
    shutil.copy(first, last)
    said = hospital.run("--dry-run", "preprocess")
    assert said.count("rule preprocess_batch:") == 1
    assert hospital.planned("preprocess") == {"preprocess_batch", "assign_splits"}


def test_a_moved_factory_has_nothing_to_do_even_with_a_blank_in_its_path(factory, tmp_path):
    moved = shutil.copytree(factory.folder, tmp_path / "an other place")
    assert Factory.at(moved, factory.config).planned("all") == set()


def test_lost_metadata_is_no_error(spare):
    shutil.rmtree(spare.folder / ".snakemake" / "metadata")
    spare.run("--dry-run", "all")


def test_parsing_writes_nothing(tmp_path):
    Factory(tmp_path, small_config()).planned("all")
    assert {path.name for path in tmp_path.iterdir()} <= {
        *("Snakefile", "src", "workflow", "profiles", "scripts", "envs", "config.yaml"),
        ".snakemake",
    }


def test_the_cluster_profile_is_found_from_the_root():
    assert (ROOT / "slurm").is_symlink()
    assert (ROOT / "slurm/profile.yaml").is_file()


def test_a_feature_network_given_by_path_needs_no_case_and_another_file_is_taken_anew(tmp_path):
    tensors, target = (
        build(FEATURE_NETWORK, 0).state_dict(),
        "results/cohorts/chest_ct/feature_network",
    )
    torch.save({"state_dict": tensors}, tmp_path / "resnet.pth")
    config = small_config()
    config["evaluate"]["synthesis"]["feature_network"] = {"weights": str(tmp_path / "resnet.pth")}
    one = Factory(tmp_path / "run", config)
    one.run(target)
    assert [path.name for path in (one.folder / "results/cohorts/chest_ct").iterdir()] == [
        "feature_network"
    ]
    card = json.loads((one.folder / target / "card.json").read_text())
    assert card["source_sha256"] == volume.sha256(tmp_path / "resnet.pth")
    time.sleep(1.1)  # time stamps of some file systems are whole seconds
    torch.save(tensors, tmp_path / "resnet.pth")
    assert one.planned(target) == {"fit_feature_network"}
    (tmp_path / "resnet.pth").unlink()
    assert "resnet.pth" in one.run("--dry-run", target, ok=False)


def test_a_null_arm_more_or_less_is_drawn_and_measured_alone_and_trains_no_recipe_again(factory):
    drawing = {"plan_probes", "draw_probes", "collect_probes", "measure_probes"}
    with factory.configured("evaluate/synthesis/untrained", {"samples": 4, "side": 1}):
        assert factory.planned("train") == set()
        assert factory.planned("all") == drawing | {"summarize_synthesis"} | PUBLICATION
    with factory.configured("evaluate/synthesis/untrained", False):
        assert factory.planned("all") == {"summarize_synthesis"} | PUBLICATION


def test_a_recipe_of_radiographs_is_measured_by_rules_of_its_own_and_ct_stays_as_it_is(factory):
    reading = {"fit_finding_reader", "read_films", "measure_radiographs", "summarize_radiographs"}
    reading |= {"measure_masks"}
    comparing = {"fit_feature_network", "describe_real", "collect_descriptions", "measure_realism"}
    with factory.configured("evaluate/synthesis/recipes", ["medsyn", "artasyn"]):
        assert factory.planned("evaluate") == reading | comparing
        said = factory.run("--dry-run", "all")
    assert said.count("rule fit_feature_network:") == 1
    assert "results/cohorts/site_a/finding_reader" in said


def test_other_steps_of_the_claimed_network_leave_its_null_arm_as_it_is(factory):
    with factory.configured("recipes/medsyn/train/low_resolution/steps", 3):
        said = factory.run("--dry-run", "all")
    assert said.count("rule train_network:") == 1
    assert f"output: results/recipes/{LOW}\n" in said


@pytest.fixture
def films(tmp_path):
    """Return recipes of radiographs whose networks are trained and whose requests are planned."""
    config, few = small_config(), {"steps": 1, "batch": 2}
    cohort = config["cohorts"]["site_a"] | {"pseudolabel": "none", "batch": 8}
    cohort["phantom"] |= {"patients": 8, "findings": {"consolidation": 0.5}}
    recipes, wanted = {}, []
    for name, third in (("xreal", "anatomy_controller"), ("aurad", "masks")):
        train = dict.fromkeys(("autoencoder", "diffusion", third), few) | {"text": {"steps": 0}}
        recipes[name] = {"cohort": "site_a", "generator": name, "filter": {"novelty": {}}}
        recipes[name] |= {"train": train, "sample": {"count": 2}}
        files = ("requests.tsv", *(f"networks/{network}" for network in train))
        wanted += [f"results/recipes/{name}/{file}" for file in files]
    own = {"cohorts": {"site_a": cohort}, "recipes": recipes, "evaluate": {}}
    one = Factory(tmp_path / "films", config | own)
    one.run(*wanted)
    return one


@contextmanager
def of_both(films, path, value):
    with ExitStack() as changed:
        for name in ("xreal", "aurad"):
            changed.enter_context(films.configured(f"recipes/{name}/{path}", value))
        yield


def test_other_prompts_or_another_seed_of_radiographs_rerun_nothing_before_the_requests(films):
    drawing = {"draw_samples", "collect_samples", "measure_round_trip"}
    assert films.planned("sample") == drawing
    with of_both(films, "seed", 8):
        assert films.planned("sample") == drawing | {"plan_requests"}
    with of_both(films, "sample/prompts", [{"findings": [{"name": "nodule"}]}]):
        assert films.planned("sample") == drawing | {"plan_requests"}
    with ExitStack() as edits:
        for file, name in (("_radiographs/shapes", "drawn"), ("aurad/mask_drawing", "drawn")):
            edits.enter_context(films.touched(f"src/radfoundry/generators/{file}.py", name))
        assert trained(films.run("--dry-run", "train")) == set()
