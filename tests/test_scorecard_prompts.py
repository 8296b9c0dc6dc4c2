"""Rows of prompts, given channels and enlargement, from small tables with known answers."""

import math

import numpy as np
import pandas as pd
import pytest

from radfoundry.config import catalogue
from radfoundry.evaluation import synthesis
from radfoundry.report.scorecard import prompts, published, volumes
from radfoundry.report.scorecard.card import build

NAN = math.nan
PROBES = ["sample", "patient", "probe", "arm", "measurement", "value"]
REAL = ["case", "patient", "findings", "measurement", "value", "truth"]
NONE = pd.DataFrame(columns=REAL).astype({"value": float, "truth": float})


def samples(probe, arm, patients=None, **measured):
    """Return rows of samples, one for each value of the measurements."""
    count = len(next(iter(measured.values())))
    owners = patients or [f"p{i}" for i in range(count)]
    return [
        (f"{probe}-{arm.replace('/', '-')}-{i}", owners[i], probe, arm, name, values[i])
        for name, values in measured.items()
        for i in range(count)
    ]


def published_of(system):
    """Return what the papers report of a system, whichever generator states it."""
    stated = catalogue.constant("generators", "medsyn", "PUBLISHED")
    return (stated | catalogue.constant("generators", "wgan", "PUBLISHED")).get(system, {})


def scored(rows, real=NONE, system="medsyn"):
    """Return the rows of the scorecard of some measurements by metric and arm."""
    table = pd.DataFrame(rows, columns=PROBES)
    found = prompts.rows(table, real, "mine", 200, np.random.default_rng(0), published_of(system))
    build(found)  # a scorecard that contradicts itself is refused
    return {(row.metric, row.arm): row for row in found}


def fluid(with_it, without):
    return samples("prompt", "pleural_effusion/with", effusion_volume_ml=with_it) + samples(
        "prompt", "pleural_effusion/without", effusion_volume_ml=without
    )


def cases(*rows):
    """Return the table of one measurement of real cases: findings, value, truth."""
    table = [(f"c{i}", f"p{i}", f, "effusion_volume_ml", v, t) for i, (f, v, t) in enumerate(rows)]
    return pd.DataFrame(table, columns=REAL)


def test_a_prompt_that_works_has_its_effect_its_chance_and_the_means_in_words():
    with_it = [900.0, 900.0, 1000.0, 1100.0, 1100.0]
    found = scored(fluid(with_it, [0.0, 0.0, 100.0, 200.0, 200.0]))
    effect = found["prompt_effect", "pleural_effusion"]
    assert effect.value == pytest.approx(9 * (1 - 3 / 31))
    assert effect.low <= effect.value <= effect.high
    assert effect.n == 10
    assert effect.note.startswith("1 against 0.1 L; paper 1.73 against 0 L;")
    assert found["prompt_effect_p", "pleural_effusion"].value < 0.001


def test_a_prompt_that_works_the_wrong_way_round_is_no_success():
    found = scored(fluid([0.0, 100.0, 200.0], [900.0, 1000.0, 1100.0]))
    assert found["prompt_effect", "pleural_effusion"].value < 0
    assert found["prompt_effect_p", "pleural_effusion"].value > 0.99


def test_the_papers_effects_follow_from_its_means_and_deviations():
    effects = {
        system: published_of(system)["prompt_effect"] for system in ("medsyn", "generic_text")
    }
    paper = {name: published.hedges(groups) for name, groups in effects["medsyn"].items()}
    generic = published.hedges(effects["generic_text"]["pleural_effusion"])
    small = 1 - 3 / (4 * 62 - 1)
    assert paper["pleural_effusion"] == pytest.approx(1.73 / (0.22 / 2**0.5) * small)
    assert paper["cardiomegaly"] == pytest.approx(1.525, abs=0.01)
    assert paper["emphysema"] == pytest.approx(0.551, abs=0.01)
    assert generic == pytest.approx(1.8 / ((5.9**2 + 1.4**2) / 2) ** 0.5 * small)


def test_what_cannot_be_measured_is_left_out_and_counted():
    effect = scored(fluid([900.0, 1000.0, NAN], [0.0, 100.0, 200.0]))
    assert effect["prompt_effect", "pleural_effusion"].n == 5
    assert "; 1 not measurable;" in effect["prompt_effect", "pleural_effusion"].note


def test_the_true_effect_of_a_finding_against_none_stands_beside_that_of_the_prompt():
    real = cases(
        ("pleural_effusion", 400.0, 500.0), ("nodule|pleural_effusion", 600.0, 700.0),
        ("", 0.0, 0.0), ("nodule", 9000.0, 0.0), ("", 200.0, 30.0), ("", 100.0, 0.0),
    )  # fmt: skip
    found = scored(fluid([1.0, 2.0], [0.0, 1.0]), real)["prompt_effect", "pleural_effusion/real"]
    pooled = np.sqrt((1 * 20000 + 2 * 10000) / 3)
    assert found.value == pytest.approx(400 / pooled * (1 - 3 / 11))
    assert found.n == 5
    assert found.note.startswith("2 real cases with it against 3 without any finding: ")
    assert "0.5 against 0.1 L; by the truth" in found.note


def test_a_finding_that_no_real_case_shows_has_no_true_effect():
    found = scored(fluid([1.0, 2.0], [0.0, 1.0]), cases(("", 0.0, 0.0), ("nodule", 1.0, 0.0)))
    assert ("prompt_effect", "pleural_effusion/real") not in found


def test_a_single_real_case_with_a_finding_is_told_but_has_no_effect_size():
    real = cases(("pleural_effusion", 400.0, 500.0), ("", 0.0, 0.0), ("", 100.0, 0.0))
    found = scored(fluid([1.0, 2.0], [0.0, 1.0]), real)["prompt_effect", "pleural_effusion/real"]
    assert math.isnan(found.value)
    assert found.note.endswith("0.4 against 0.05 L; no effect size: too few, or no spread")


def test_labels_that_show_nothing_in_ill_and_well_real_cases_make_no_difference():
    real = cases(*[("pleural_effusion", 0.0, 500.0), ("", 0.0, 0.0)] * 2)
    found = scored(fluid([1.0, 2.0], [0.0, 1.0]), real)["prompt_effect", "pleural_effusion/real"]
    assert found.value == 0
    assert "all of both groups alike" in found.note


def side(name, right, left):
    volumes = {"effusion_right_volume_ml": right, "effusion_left_volume_ml": left}
    return samples("side", name, **volumes)


def test_fluid_on_the_other_side_on_both_alike_or_nowhere_is_wrong():
    right = side("right", [9.0, 1.0, 0.0, 5.0, NAN], [1.0, 9.0, 0.0, 5.0, NAN])
    found = scored(right + side("left", [0.0, 1.0], [3.0, 2.0]))
    both = found["laterality_accuracy", "pleural_effusion"]
    assert (both.value, both.n) == (3 / 7, 7)
    assert both.note == "no fluid in 2, counted as wrong"
    assert found["laterality_accuracy", "pleural_effusion/right"].value == 1 / 5
    assert found["laterality_accuracy", "pleural_effusion/left"].value == 1
    assert both.low < both.value < both.high


def test_lobes_drawn_with_the_image_are_judged_on_dataset_and_prompts_alone():
    rows = samples("dataset", "-", joint_dice_lungs=[0.9, 0.7])
    rows += samples("prompt", "emphysema/with", joint_dice_lungs=[0.5, NAN])
    rows += samples("given", "lobes", joint_dice_lungs=[0.0])
    found = scored(rows)["joint_lobe_dice", "lungs"]
    assert (found.value, found.n) == (pytest.approx(0.7), 3)
    assert found.note == "1 undefined"


def test_given_lobes_stand_beside_what_a_real_image_reaches():
    rows = samples(
        "given", "lobes", given_dice_lungs=[0.8, 0.9], ceiling_dice_lungs=[0.95, 0.97]
    )  # fmt: skip
    found = scored(rows)["given_lobe_dice", "lungs"]
    assert (found.value, found.n) == (pytest.approx(0.85), 2)
    assert found.note == "in the real image of the same cases 0.960"


@pytest.mark.parametrize(("system", "published"), [("medsyn", 33.4), ("without_shapes", 19.9)])
def test_airways_stand_beside_real_ones_and_the_papers(system, published):
    real = cases(("", 50.0, 1.0), ("", 40.0, 1.0)).assign(measurement="airway_volume_cm3")
    found = scored(samples("dataset", "-", airway_volume_cm3=[30.0, 36.0, NAN]), real, system)
    drawn, known = (found["airway_volume_cm3", arm] for arm in ("synthetic", "real"))
    assert (drawn.value, drawn.n, drawn.published) == (33, 2, published)
    assert "no airway found in 0, counted as 0 cm3; 1 without lungs" in drawn.note
    assert (known.value, known.n, known.published) == (45, 2, 45.8)


def test_what_text_adds_to_a_segmentation_is_paired_by_patient():
    rows = samples("segment", "with_text", truth_dice_airway=[0.8, 0.5, 0.3, 0.9, 0.6])
    others, turned = [0.2, 0.7, 0.4, 0.8, 0.5], ["p2", "p0", "p1", "p3", "p4"]
    rows += samples("segment", "without_text", turned, truth_dice_airway=others)
    found = scored(rows)
    assert found["segmentation_dice", "airway/with_text"].published == 0.75
    gain = found["segmentation_dice_gain", "airway/with_text-without_text"]
    assert (gain.value, gain.low, gain.high) == tuple(pytest.approx(0.1) for _ in range(3))
    assert (gain.n, gain.published) == (5, pytest.approx(0.05))
    assert not any(arm.startswith("lobes") for _, arm in found)


def test_a_generator_without_prompts_has_the_figures_of_its_dataset_alone():
    rows = samples("dataset", "-", airway_volume_cm3=[30.0, 36.0], joint_dice_lungs=[0.4, 0.6])
    assert {metric for metric, _ in scored(rows)} == {"airway_volume_cm3", "joint_lobe_dice"}
    assert scored([]) == {}


def resolutions(**values):
    """Return rows of two patients for each arm__metric."""
    rows = [
        (f"c{i}", f"p{i}", *name.split("__"), value)
        for name, pair in values.items()
        for i, value in enumerate(pair)
    ]
    return pd.DataFrame(rows, columns=["case", "patient", "arm", "metric", "value"])


def test_the_network_gains_on_trilinear_where_it_is_better_in_either_direction():
    table = resolutions(
        sr__psnr_db=[31.0, 33.0], trilinear__psnr_db=[30.0, 32.0],
        sr__mmd=[0.1, 0.2], trilinear__mmd=[0.4, 0.5], real_floor__mmd=[0.0, 0.02],
    )  # fmt: skip
    found = list(volumes.of_resolutions(table, "mine", 100, np.random.default_rng(0)))
    values = {(row.metric, row.arm): row.value for row in found}
    assert len(build(found)) == len(values) == 7
    assert values["sr_psnr_db", "sr"] == 32
    assert values["sr_psnr_db_gain", "sr-trilinear"] == 1
    assert values["sr_mmd_gain", "trilinear-sr"] == pytest.approx(0.3)
    assert values["sr_mmd", "real_floor"] == pytest.approx(0.01)


def failed(probe, arm, count=1):
    """Return rows of draws that failed."""
    failures = samples(probe, arm, **{synthesis.FAILED: [1.0] * count})
    return [("lost-" + name, *rest) for name, *rest in failures]


def test_lungs_without_any_airway_found_have_none_of_it_drawn_or_real():
    rows = samples("dataset", "-", airway_volume_cm3=[30.0, NAN, NAN], lung_volume_l=[3, 2, NAN])
    real = cases(("", 50.0, 1.0), ("", NAN, 1.0)).assign(measurement="airway_volume_cm3")
    lungs = cases(("", 4.0, 4.0), ("", 3.0, 3.0)).assign(measurement="lung_volume_l")
    found = scored(rows, pd.concat([real, lungs]))
    drawn, known = (found["airway_volume_cm3", arm] for arm in ("synthetic", "real"))
    assert (drawn.value, drawn.n, known.value, known.n) == (15, 2, 25, 2)
    assert drawn.note.endswith("no airway found in 1, counted as 0 cm3; 1 without lungs")


def test_a_generator_that_never_draws_an_airway_has_a_volume_of_0():
    rows = samples("dataset", "-", airway_volume_cm3=[NAN, NAN], lung_volume_l=[3.0, 2.0])
    unmarked = cases(("", NAN, NAN)).assign(measurement="airway_volume_cm3")
    found = scored(
        rows, pd.concat([unmarked, unmarked.assign(measurement="lung_volume_l", value=3)])
    )
    assert found["airway_volume_cm3", "synthetic"].value == 0
    assert ("airway_volume_cm3", "real") not in found  # nobody looked for it


@pytest.mark.parametrize("system", ["", "without_shapes", "wgan", "generic_text"])
def test_the_papers_figures_stand_beside_no_other_arm_than_theirs(system):
    rows = samples("prompt", "emphysema/with", laa_950=[3.0, 4.0, 5.0])
    rows += samples("prompt", "emphysema/without", laa_950=[0.0, 1.0, 2.0])
    for arm in ("with_text", "without_text"):
        rows += samples("segment", arm, truth_dice_airway=[0.5, 0.7])
    found = scored(rows, system=system)
    assert all(math.isnan(row.published) for row in found.values())
    assert not any("paper" in row.note for row in found.values())


def test_a_generic_text_encoder_stands_beside_the_papers_own():
    found = scored(fluid([900.0, 1000.0], [0.0, 100.0]), system="generic_text")
    effect = found["prompt_effect", "pleural_effusion"]
    assert 0.4 < effect.published < 0.45
    assert "paper 0.0024 against 0.0006 L" in effect.note
    assert "0.05" not in found["prompt_effect_p", "pleural_effusion"].note


def test_arms_that_both_show_nothing_have_no_difference_rather_than_no_figure():
    found = scored(fluid([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]))
    effect, p = (found[name, "pleural_effusion"] for name in ("prompt_effect", "prompt_effect_p"))
    assert (effect.value, p.value, effect.n) == (0, 1, 6)
    assert "all of both arms alike" in effect.note
    assert "all of both arms alike" in p.note


def test_arms_without_spread_that_differ_have_no_effect_size_and_say_why():
    found = scored(fluid([900.0, 900.0], [0.0, 0.0]))["prompt_effect", "pleural_effusion"]
    assert math.isnan(found.value)
    assert "no effect size: too few, or no spread in either arm" in found.note


def test_draws_that_failed_are_counted_wherever_they_are_missing():
    rows = fluid([900.0, 1000.0], [0.0, 100.0]) + failed("prompt", "pleural_effusion/with", 2)
    rows += samples("dataset", "-", airway_volume_cm3=[30.0, 36.0], joint_dice_lungs=[0.4, 0.6])
    rows += failed("dataset", "-")
    for arm in ("with_text", "without_text"):
        rows += samples("segment", arm, truth_dice_airway=[0.5, 0.7]) + failed("segment", arm)
    given = {"given_dice_lungs": [0.8], "ceiling_dice_lungs": [0.9]}
    found = scored(rows + samples("given", "lobes", **given) + failed("given", "lobes"))
    counts = {"prompt_effect": 2, "prompt_effect_p": 2, "airway_volume_cm3": 1}
    counts |= {"joint_lobe_dice": 3, "given_lobe_dice": 1}
    counts |= {"segmentation_dice": 1, "segmentation_dice_gain": 2}
    assert {metric for metric, _ in found} == set(counts)
    for (metric, _), row in found.items():
        assert f"{counts[metric]} not drawn" in row.note, metric


def test_a_side_that_was_not_drawn_is_wrong():
    found = scored(side("right", [9.0], [1.0]) + failed("side", "right", 2))
    both = found["laterality_accuracy", "pleural_effusion"]
    assert (both.value, both.n) == (1 / 3, 3)
    assert both.note == "no fluid in 0, counted as wrong; so are 2 not drawn"
    assert scored(failed("side", "left"))["laterality_accuracy", "pleural_effusion"].value == 0


def test_a_distance_of_samples_has_its_systems_published_figure():
    row = {"metric": "fid", "arm": "synthetic", "value": 0.5, "low": 0.4, "high": 0.6, "n": 32}
    table = pd.DataFrame([row | {"note": "x"}, row | {"arm": "real_floor", "note": ""}])
    synthetic, floor = volumes.of_distances(table, "mine", published_of("wgan"))
    assert (synthetic.published, synthetic.value, synthetic.n) == (0.070, 0.5, 32)
    assert math.isnan(floor.published)
    assert math.isnan(next(volumes.of_distances(table, "mine", {})).published)
