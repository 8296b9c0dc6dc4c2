"""A config is read strictly and checked as a whole."""

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from radfoundry.config import catalogue, headlines, radiographs, settings, untrained
from radfoundry.config.settings import ConfigurationError
from radfoundry.data import preprocess
from radfoundry.tables import SCHEMAS

ROOT = Path(__file__).parents[1]
SCHEMA = SCHEMAS / "config.schema.yaml"
NAMES = {
    "phantoms": ["chest_xray", "chest_ct"],
    "segmenters": {"pbtseg": {"method": "improved"}, "threshold": {}},
    "generators": {"artasyn": {"strength": [0.3, 0.8], "detail": 0.4, "samples": None}},
    "experts": {"anatomy": {"noise": 0.02}, "novelty": {}, "realism": {}},
    "tasks": {"anomaly": {"learning_rate": 0.002}},
    "findings": ["opacity", "nodule"],
    "regions": ["lungs", "heart", "ignore"],
}


def config(**changes):
    """Return a config with one phantom cohort and one recipe."""
    whole = {
        "cohorts": {"site_a": {"phantom": {"kind": "chest_xray"}}},
        "recipes": {"artasyn": {"cohort": "site_a", "generator": "artasyn"}},
    }
    return whole | changes


def checked(whole):
    return settings.checked(whole, SCHEMA, NAMES)


def refused(whole):
    """Return the faults of a config that must have some."""
    with pytest.raises(ConfigurationError) as error:
        checked(whole)
    return error.value.faults


def test_a_small_config_gets_all_its_defaults():
    whole = checked(config())
    assert whole["cohorts"]["site_a"]["splits"]["train"] == 0.6
    assert whole["cohorts"]["site_a"]["preprocess"]["size"] == 256
    assert whole["evaluate"]["bootstrap"] == 1000
    assert whole["max_rejected"] == 0.1
    assert whole["pseudolabel"]["pbtseg"]["segmenter"] == "pbtseg"


def test_checking_twice_changes_nothing():
    once = checked(config())
    assert checked(once) == once


def test_the_given_config_is_left_alone():
    given = config()
    before = yaml.safe_dump(given)
    checked(given)
    assert yaml.safe_dump(given) == before


def test_the_order_of_keys_makes_no_difference():
    swapped = dict(reversed(config(allow_cpu=True, max_rejected=0.2).items()))
    plain = checked(config(max_rejected=0.2, allow_cpu=True))
    assert yaml.safe_dump(checked(swapped), sort_keys=False) == yaml.safe_dump(
        plain, sort_keys=False
    )


def test_all_faults_are_told_at_once():
    whole = config(allow_cpu="no", max_rejected=2, evalute={})
    keys = {fault.split(":")[0] for fault in refused(whole)}
    assert keys == {"allow_cpu", "max_rejected", "evalute"}


def test_a_cohort_has_exactly_one_source():
    both = {"phantom": {"kind": "chest_xray"}, "table": "cases.tsv"}
    faults = refused({"cohorts": {"both": both, "none": {}}})
    assert [fault.split(":")[0] for fault in faults] == ["cohorts.both", "cohorts.none"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"recipes": {"r": {"cohort": "site_b", "generator": "artasyn"}}}, "recipes.r.cohort"),
        ({"recipes": {"r": {"cohort": "site_a", "generator": "art"}}}, "recipes.r.generator"),
        ({"evaluate": {"anomaly": {"recipes": ["no"]}}}, "evaluate.anomaly.recipes[0]"),
        ({"evaluate": {"anomaly": {"unseen": ["no"]}}}, "evaluate.anomaly.unseen[0]"),
        ({"evaluate": {"labels": {"methods": ["no"]}}}, "evaluate.labels.methods[0]"),
        ({"evaluate": {"anomaly": {"learnig_rate": 1}}}, "evaluate.anomaly.learnig_rate"),
        ({"pseudolabel": {"pbtseg": {"segmenter": "no"}}}, "pseudolabel.pbtseg.segmenter"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(changes, key):
    (fault,) = refused(config(**changes))
    assert fault.startswith(f"{key}: ")


def test_an_unknown_option_of_a_generator_is_refused_with_the_nearest():
    recipe = {"cohort": "site_a", "generator": "artasyn", "sample": {"detial": 1}}
    (fault,) = refused(config(recipes={"artasyn": recipe}))
    assert fault.startswith("recipes.artasyn.sample.detial: ")
    assert fault.endswith("did you mean 'detail'?")


def test_a_cohort_that_a_recipe_learns_from_is_not_unseen():
    anomaly = {"recipes": ["artasyn"], "unseen": ["site_a"]}
    (fault,) = refused(config(evaluate={"anomaly": anomaly}))
    assert fault.startswith("evaluate.anomaly.unseen: 'site_a'")


def test_values_of_masks_may_be_written_as_numbers():
    cohort = {"table": "cases.tsv", "reader_labels": {1: "lungs", 255: "ignore"}}
    labels = checked({"cohorts": {"real": cohort}})["cohorts"]["real"]["reader_labels"]
    assert labels == {"1": "lungs", "255": "ignore"}


def test_a_root_needs_a_table():
    cohort = {"phantom": {"kind": "chest_xray"}, "root": "images"}
    (fault,) = refused({"cohorts": {"site_a": cohort}})
    assert fault.startswith("cohorts.site_a: ")


def test_the_committed_config_is_accepted():
    whole = settings.strict_load(ROOT / "config.yaml")
    names = settings.registered()
    missing = [kind for kind in catalogue.KINDS if not names[kind]]
    if missing:
        pytest.skip(f"no {', '.join(missing)} yet")
    assert settings.checked(whole, SCHEMA)["cohorts"]


def test_what_is_registered_has_the_words_of_the_vocabulary():
    names = settings.registered()
    assert set(catalogue.KINDS) < set(names)
    assert "opacity" in names["findings"]
    assert {"lungs", "ignore", "lung_left"} <= set(names["regions"])


def test_preprocessing_and_its_schema_know_the_same_keys_and_values():
    rules = settings.strict_load(SCHEMA)["properties"]["cohorts"]["additionalProperties"]
    own = rules["variants"]["preprocess"]
    keys = {modality: own[modality]["properties"] for modality in ("CXR", "CT", "MR")}
    assert set(keys["CXR"]) == set(preprocess.OPTIONS)
    assert set(keys["CXR"]["polarity"]["enum"]) == set(preprocess.POLICIES)
    assert {m: set(keys[m]) for m in ("CT", "MR")} == {
        modality: set(options) for modality, options in preprocess.VOLUME_OPTIONS.items()
    }


def test_the_arms_of_the_schema_are_the_arms_of_the_task():
    rules = settings.strict_load(SCHEMA)["properties"]["evaluate"]["properties"]["anomaly"]
    arms = catalogue.constant("tasks", "anomaly", "ARMS")
    assert set(rules["properties"]["arms"]["items"]["enum"]) == set(arms)


def volumes(**own):
    """Return a config with one phantom cohort of CT."""
    cohort = {"modality": "CT", "phantom": {"kind": "chest_ct"}} | own
    return {"cohorts": {"ct": cohort}}


def test_a_cohort_of_volumes_has_keys_of_its_own():
    own = checked(volumes())["cohorts"]["ct"]
    assert own["preprocess"]["window_hu"] == [-1024, 600]
    assert "percentiles" not in own["preprocess"]
    assert own["pseudolabel"] == "threshold"


def test_a_key_of_radiographs_is_refused_for_volumes():
    (fault,) = refused(volumes(preprocess={"size": 64}))
    assert fault.startswith("cohorts.ct.preprocess.size: unknown key")


def test_a_segmenter_of_radiographs_is_refused_for_volumes():
    (fault,) = refused(volumes(pseudolabel="pbtseg"))
    assert fault == "cohorts.ct.pseudolabel: 'pbtseg' does not read CT; allowed: threshold, none"


def test_an_atlas_needs_a_grid():
    (fault,) = refused(volumes(preprocess={"atlas": True}))
    assert fault.startswith("cohorts.ct.preprocess.grid: is missing")


def test_a_value_of_a_mask_may_mean_several_things():
    meaning = {1: ["lungs", "heart"], "f": {"2": "heart"}}
    found = checked(volumes(reader_labels=meaning))["cohorts"]["ct"]["reader_labels"]
    assert found == {"1": ["lungs", "heart"], "f": {"2": "heart"}}


def test_a_wrong_meaning_among_several_is_refused():
    (fault,) = refused(volumes(reader_labels={"1": ["lungs", "hart"]}))
    assert "'hart' is none of the regions" in fault


def test_a_second_opinion_is_another_ones():
    (fault,) = refused(volumes(second_opinion="threshold"))
    assert fault.startswith("cohorts.ct.second_opinion: allowed: another method")


def test_vectors_need_their_regions_and_their_shapes():
    asked = {"regions": ["lungs"], "vectors": ["heart"]}
    faults = refused(volumes(pseudolabel="none", radiomics=asked))
    assert [fault.split(":")[0] for fault in faults] == [
        "cohorts.ct.radiomics.deprecated_shapes",
        "cohorts.ct.radiomics.vectors",
    ]


def test_a_recipe_of_radiographs_cannot_learn_from_volumes():
    recipe = {"recipes": {"r": {"cohort": "ct", "generator": "artasyn"}}}
    (fault,) = refused(volumes(pseudolabel="none") | recipe)
    assert fault == "recipes.r.cohort: 'ct' holds CT; artasyn makes CXR"


def test_a_phantom_is_of_its_own_modality():
    cohort = {"modality": "MR", "phantom": {"kind": "chest_xray"}}
    (fault,) = refused({"cohorts": {"mr": cohort}})
    assert fault == "cohorts.mr.modality: is MR; chest_xray is drawn in another one"


def drawing(generator="medsyn", **recipe):
    """Return a config of a recipe of CT."""
    whole = {"cohort": "ct", "generator": generator, **recipe}
    return volumes(pseudolabel="none") | {"recipes": {"r": whole}}


def wrong(whole):
    """Return the faults of a config, checked against the real plug-ins."""
    with pytest.raises(ConfigurationError) as error:
        settings.checked(whole, SCHEMA)
    return error.value.faults


def test_a_key_of_training_that_does_not_exist_is_told_before_any_job():
    train = {"sedd": 1, "text": {"stepz": 5}, "low_resolution": 3, "super_resolution": {"steps": 4}}
    faults = wrong(drawing(train=train))
    assert [fault.split(": ")[0] for fault in faults] == [
        "recipes.r.train.sedd",
        "recipes.r.train.text.stepz",
        "recipes.r.train.low_resolution",
    ]
    assert faults[0].endswith("did you mean 'seed'?")
    assert faults[1].endswith("did you mean 'steps'?")
    assert "is 3; allowed: keys: size, factor" in faults[2]
    assert wrong(drawing("wgan", train={"gan": {"step": 5}}))[0].endswith("did you mean 'steps'?")


def test_a_value_of_training_that_is_no_choice_is_told_before_any_job_with_those_that_are():
    own = {"precision": "float8", "gradient_checkpointing": "often", "compile": True}
    faults = wrong(drawing(train={"low_resolution": own}))
    assert "precision" in faults[0]
    assert "allowed: float32, bfloat16, float16" in faults[0]
    assert "gradient_checkpointing" in faults[1]
    assert len(faults) == 2
    (fault,) = wrong(drawing("wgan", train={"gan": {"compile": True}}))
    assert fault.startswith("recipes.r.train.gan.compile: unknown; allowed: size, penalty")


@pytest.mark.parametrize("old", catalogue.constant("generators", "medsyn", "RENAMED"))
def test_a_key_of_training_that_was_renamed_is_refused_with_its_new_name(old):
    new = catalogue.constant("generators", "medsyn", "RENAMED")[old]
    known = catalogue.training("medsyn")
    networks = [name for name in ("low_resolution", "super_resolution") if new in known[name]]
    network, below = (networks[0], "") if networks else ("low_resolution", "size.")  # of a size
    given = {"size": {"size": "phantom", old: 0}} if below else {old: 0}
    (fault,) = wrong(drawing(train={network: given}))
    assert fault == f"recipes.r.train.{network}.{below}{old}: `{old}` is now `{new}`"


def test_empty_sections_of_training_and_prompts_that_are_not_read_are_no_faults():
    sample = {"text": False, "prompts": [{"text": "  "}]}
    whole = drawing(train={"text": None, "low_resolution": None, "seed": 3}, sample=sample)
    assert settings.checked(whole, SCHEMA)["recipes"]["r"]["train"]["seed"] == 3


def test_a_generator_without_networks_takes_nothing_but_a_seed():
    recipes = {"r": {"cohort": "site_a", "generator": "artasyn", "train": {"steps": 3}}}
    (fault,) = wrong(config(recipes=recipes))
    assert fault == "recipes.r.train.steps: unknown; allowed: seed"


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ("Large effusion.", "sample.prompts: is 'Large effusion.'; allowed: reports, or a list"),
        ([{"text": "   "}], "sample.prompts[0].text: is blank; allowed: text"),
    ],
)
def test_prompts_that_are_none_are_told_before_any_job(prompts, told):
    (fault,) = wrong(drawing(sample={"prompts": prompts}))
    assert told in fault


def test_an_effusion_on_both_sides_can_be_asked_for():
    both = [{"findings": [{"name": "pleural_effusion", "side": "bilateral"}]}]
    whole = settings.checked(drawing(sample={"prompts": both}), SCHEMA)
    assert whole["recipes"]["r"]["sample"]["prompts"] == both


def measuring(key="feature_network", **options):
    return config(evaluate={"synthesis": {key: options}})


def test_a_feature_network_that_is_given_is_not_trained():
    given = checked(measuring(weights="resnet.pth", side=128))["evaluate"]["synthesis"]
    assert given["feature_network"] == {"weights": "resnet.pth", "side": 128, "size": "phantom"}
    (fault,) = refused(measuring(weights="resnet.pth", steps=3))
    assert fault == "evaluate.synthesis.feature_network: give at most one of weights, steps"
    assert refused(measuring(weights=""))


def judging_films(cohort=None, **synthesis):
    films = {"phantom": {"kind": "chest_xray"}, **(cohort or {})}
    solid = {"modality": "CT", "phantom": {"kind": "chest_ct"}}
    return config(
        cohorts={"site_a": films, "ct": solid},
        recipes={
            "artasyn": {"cohort": "site_a", "generator": "artasyn"},
            "medsyn": {"cohort": "ct", "generator": "medsyn"},
        },
        evaluate={"synthesis": {"recipes": ["artasyn"], **synthesis}},
    )


def test_drawn_radiographs_are_read_by_the_method_of_their_cohort_or_by_the_one_stated():
    whole = settings.checked(judging_films(), SCHEMA)
    assert radiographs.method(whole, "site_a") == "pbtseg"
    assert radiographs.segmenter_of_films(whole, "site_a") == {}  # it labeled those films itself
    assert radiographs.method(whole, "ct") == ""
    assert radiographs.segmenter(whole, "ct")["segmenter"] == "threshold"
    names = {"pbtseg": "pbtseg", "threshold": "threshold", "net": "projected"}
    other = {"pseudolabel": {name: {"segmenter": own} for name, own in names.items()}}
    stated = judging_films(radiographs={"method": "net"}) | other
    whole = settings.checked(stated, SCHEMA)
    assert radiographs.trained_method(whole, "site_a") == "net"
    assert radiographs.segmenter_of_recipe(whole, "artasyn")["segmenter"] == "projected"
    assert radiographs.segmenter_of_films(whole, "site_a")["segmenter"] == "projected"


@pytest.mark.parametrize("name", ["showcase_films", "film_objectives"])
def test_a_benchmark_of_radiographs_is_accepted_and_measures_what_it_draws(name):
    path = ROOT / f"benchmarks/{name}.yaml"
    whole = settings.checked(settings.strict_load(path), SCHEMA)
    assert whole["evaluate"]["synthesis"]["recipes"] == list(whole["recipes"])
    assert radiographs.recipes(whole, flat=True) == "|".join(whole["recipes"])
    assert radiographs.segmenter_of_films(whole, "films")["segmenter"] == "projected"


@pytest.mark.parametrize("name", ["showcase_tumours", "few_shot_null", "filter_ablation"])
def test_a_benchmark_is_accepted(name):
    path = ROOT / f"benchmarks/{name}.yaml"
    assert settings.checked(settings.strict_load(path), SCHEMA)["recipes"]


def test_the_scorecard_of_all_systems_measures_what_each_is_judged_by():
    whole = settings.strict_load(ROOT / "config.yaml")
    update_config(whole, settings.strict_load(ROOT / "benchmarks/scorecard.yaml"))
    checked = settings.checked(whole, SCHEMA)
    for recipe in checked["recipes"]:
        reasons = headlines.unmeasured(checked, recipe)
        assert {why.split(":")[0] for why in reasons.values()} == {"not measurable"}, recipe
    assert untrained.advice(checked) == []


def test_ct_without_a_window_is_refused_for_lesions_and_so_are_regions_that_are_none():
    whole = settings.strict_load(ROOT / "benchmarks/showcase_tumours.yaml")
    asked = whole["evaluate"]["few_shot_lesions"]
    del asked["windows"]["lung"]
    asked["findings"] = ["organ"]
    with pytest.raises(ConfigurationError) as refused:
        settings.checked(whole, SCHEMA)
    assert "evaluate.few_shot_lesions.windows: 'lung' is of CT" in str(refused.value)
    assert "few_shot_lesions.findings: 'organ' is no finding" in str(refused.value)


def test_controls_of_the_audit_are_audited_and_differ_by_what_they_claim_alone():
    whole = settings.checked(settings.strict_load(ROOT / "benchmarks/overfitted.yaml"), SCHEMA)
    recipes = whole["recipes"]
    assert whole["evaluate"]["memorisation"]["recipes"] == list(recipes)
    twenty, once = recipes["twentyfold_2000"], recipes["once_2000"]
    assert {key for key in once if once[key] != twenty[key]} == {"cohort"}
    for name, recipe in recipes.items():
        assert name == f"{recipe['cohort']}_{recipe['train']['diffusion']['steps']}"


def test_recipes_are_told_apart_by_what_they_draw():
    whole = settings.checked(judging_films(), SCHEMA)
    assert radiographs.recipes(whole, flat=True) == "artasyn"
    assert radiographs.recipes(whole, flat=False) == "medsyn"


@pytest.mark.parametrize(
    ("whole", "told"),
    [
        (judging_films({"pseudolabel": "none"}), "has no method; allowed: pbtseg"),
        (judging_films(radiographs={"method": "threshold"}), "does not read CXR"),
        (judging_films({"splits": {"train": 0.6, "tune": 0.4, "test": 0}}), "splits.test: is 0"),
        (
            judging_films(recipes=["artasyn", "medsyn"], feature_network={"weights": "a.pth"}),
            "one network cannot see CT and CXR",
        ),
    ],
)
def test_what_cannot_be_asked_of_drawn_radiographs_is_told_before_any_job(whole, told):
    with pytest.raises(ConfigurationError) as error:
        settings.checked(whole, SCHEMA)
    (fault,) = error.value.faults
    assert told in fault


def test_the_former_name_of_a_key_is_refused_with_its_new_one():
    (fault,) = refused(measuring(key="judge", steps=3))
    assert fault.startswith("evaluate.synthesis.judge: unknown key")
    assert fault.endswith("; `judge` is now `feature_network`")


def test_the_files_of_a_local_model_are_what_its_network_starts_from(tmp_path):
    for name in ("vocab.txt", "model.safetensors", "config.json", "README.md", "modeling.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "onnx.bin").mkdir()
    recipe = {"train": {"size": "phantom", "text": {"folder": str(tmp_path)}, "low": {"steps": 3}}}
    wanted = [str(tmp_path / n) for n in ("config.json", "model.safetensors", "vocab.txt")]
    assert settings.start_files(recipe, "text") == wanted
    assert settings.start_files(recipe, "low") == []
    assert settings.start_files(recipe, "high") == []


def test_a_local_model_that_is_not_there_has_no_files(tmp_path):
    recipe = {"train": {"text": {"folder": str(tmp_path / "nowhere")}}}
    assert settings.start_files(recipe, "text") == []


def test_a_path_with_braces_is_refused_where_rules_would_read_a_wildcard():
    faults = refused(config(cohorts={"c": {"table": "/data/{old}/cases.csv"}}, recipes={}))
    assert [fault.split(":")[0] for fault in faults] == ["cohorts.c.table"]
    assert "a path without braces" in faults[0]


def of_a_table(generator="medsyn", **recipe):
    """Return a config of a recipe that learns from a table of CT."""
    whole = drawing(generator, **recipe)
    del whole["cohorts"]["ct"]["phantom"]
    whole["cohorts"]["ct"] |= {"table": "cases.tsv"}
    return whole


@pytest.mark.parametrize("generator", ["medsyn", "wgan"])
def test_a_recipe_that_learns_from_real_images_must_name_its_size(generator):
    (fault,) = wrong(of_a_table(generator))
    told = "recipes.r.size: is missing, but 'ct' is a table of real images"
    assert fault == f"{told}; allowed: phantom, workstation, paper"


@pytest.mark.parametrize("size", ["phantom", "workstation", "paper"])
def test_any_size_that_is_named_will_do_for_real_images(size):
    whole = settings.checked(of_a_table(size=size), SCHEMA)
    assert whole["recipes"]["r"]["size"] == size
    assert settings.checked(whole, SCHEMA) == whole


def test_a_size_need_not_be_named_where_nothing_is_learned_from_real_images():
    pin = {"folder": "weights", "sha256": "0" * 64}
    pinned = dict.fromkeys(catalogue.constant("generators", "medsyn", "NETWORKS"), pin)
    for whole in (
        drawing(),
        of_a_table(networks=pinned),
        of_a_table("wgan", networks={"gan": pin}),
    ):
        assert settings.checked(whole, SCHEMA)["recipes"]["r"]["size"] == "phantom"
    clinic = {"cohorts": {"site_a": {"table": "cases.tsv"}}}
    assert settings.checked(config() | clinic, SCHEMA)["recipes"]["artasyn"]["size"] == "phantom"


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        ({"spacing": [1, 1]}, "sample.spacing: is [1, 1]; allowed: list (exactly 3)"),
        ({"spacing": [1, 1, 0]}, "sample.spacing[2]: is 0; allowed: number, above 0, at most 100"),
        ({"spacing": [1, 1, 2], "given": ["lobes"]}, "sample.spacing: given channels have"),
    ],
)
def test_a_voxel_size_that_cannot_be_drawn_is_told_before_any_job(sample, told):
    (fault,) = wrong(drawing(sample=sample))
    assert told in fault


def test_a_voxel_size_is_refused_where_the_generator_takes_none():
    (fault,) = wrong(drawing("wgan", sample={"spacing": [1, 1, 2]}))
    assert "recipes.r.sample.spacing: wgan does not take it" in fault
