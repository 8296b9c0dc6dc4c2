"""Phantoms: what every kind promises, and what chest radiographs and CTs must show."""

import json

import numpy as np
import pandas as pd
import pytest

from radfoundry.anatomy import regions
from radfoundry.config.catalogue import load, names
from radfoundry.volume import picture

SIZES = {"chest_ct": 48, "chest_xray": 96, "tumour": 24}
CHESTS = ["chest_ct", "chest_xray"]
SICK = {"tumour": {"tumour": 1.0}}
HEALTHY: dict = {"patients": 4, "exams": [1, 1], "findings": {}}
LUNG_FINDINGS = ["opacity", "consolidation", "ground_glass", "pleural_effusion", "nodule"]
LUNG_FINDINGS += ["emphysema"]


def planned(phantom, seed=0, **options):
    size = SIZES[phantom.__name__.rsplit(".", 1)[-1]]
    return phantom.plan(HEALTHY | {"size": size} | options, np.random.default_rng(seed))


def drawn(phantom, seed=0, **options):
    return [phantom.draw(json.loads(p)) for p in planned(phantom, seed, **options)["parameters"]]


def with_and_without(phantom, finding, seed=1):
    rows = planned(phantom, seed, patients=2, findings={finding: 1.0})
    for text in rows["parameters"]:
        yield (phantom.draw(json.loads(text)), phantom.draw(json.loads(text) | {"findings": []}))


@pytest.fixture(params=names("phantoms"))
def phantom(request):
    return load("phantoms", request.param)


@pytest.fixture(params=CHESTS)
def chest(request):
    return load("phantoms", request.param)


def sick_options(phantom):
    name = phantom.__name__.rsplit(".", 1)[-1]
    return {"findings": SICK.get(name, {"opacity": 1.0, "cardiomegaly": 1.0})}


@pytest.fixture(scope="module")
def xray():
    return load("phantoms", "chest_xray")


@pytest.fixture(scope="module")
def ct():
    return load("phantoms", "chest_ct")


def test_equal_seeds_plan_equal_cohorts(phantom):
    pd.testing.assert_frame_equal(planned(phantom, 3), planned(phantom, 3))
    assert planned(phantom, 3)["parameters"][0] != planned(phantom, 4)["parameters"][0]


def test_equal_parameters_draw_equal_bytes(phantom):
    text = planned(phantom, **sick_options(phantom))["parameters"][0]
    first, second = (phantom.draw(json.loads(text)) for _ in range(2))
    for name in ("anatomy", "findings"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.image.voxels.tobytes() == second.image.voxels.tobytes()


def test_label_maps_speak_the_vocabulary(chest):
    for case in drawn(chest, findings=dict.fromkeys(LUNG_FINDINGS, 0.6)):
        regions.check(case.anatomy)
        regions.check(case.findings, "findings")
        assert case.anatomy.shape == case.findings.shape == case.image.voxels.shape


def test_exams_of_a_patient_share_the_body_and_differ_in_the_image(phantom):
    rows = planned(phantom, patients=1, exams=[2, 2])
    first, second = (json.loads(text) for text in rows["parameters"])
    assert first["body"] == second["body"]
    assert first["exam"] != second["exam"]
    assert rows["patient"].nunique() == 1
    assert rows["case"].is_unique


def test_an_unknown_site_is_refused_with_the_sites_there_are(phantom):
    with pytest.raises(ValueError, match="choose from a, b"):
        planned(phantom, site="nowhere")


def test_an_unknown_finding_is_refused_with_the_findings_there_are(phantom):
    with pytest.raises(ValueError, match="choose from (opacity|tumour)"):
        planned(phantom, findings={"tumor": 0.5})


def test_drawing_leaves_its_parameters_alone(phantom):
    text = planned(phantom, **sick_options(phantom))["parameters"][0]
    parameters = json.loads(text)
    phantom.draw(parameters)
    assert parameters == json.loads(text)


def test_sites_show_lungs_of_different_gray(chest):
    grays = {}
    for site in chest.SITES:
        cases = drawn(chest, seed=5, site=site, patients=8)
        lungs = [c.image.voxels[regions.mask(c.anatomy, "lungs")] for c in cases]
        grays[site] = [np.median(voxels) for voxels in lungs]
    assert np.mean(grays["b"]) - np.mean(grays["a"]) > 0.5 * np.std(grays["a"])


def test_sites_differ_in_noise(chest):
    noise = {}
    for site in chest.SITES:
        rows = [json.loads(p) for p in planned(chest, site=site, patients=20)["parameters"]]
        noise[site] = [(row.get("film") or row["scan"]) for row in rows]
        noise[site] = np.mean([film.get("noise", film.get("noise_hu")) for film in noise[site]])
    assert noise["b"] > 1.5 * noise["a"]


@pytest.mark.parametrize("finding", LUNG_FINDINGS)
def test_a_finding_lies_in_the_lungs(chest, finding):
    for sick, _ in with_and_without(chest, finding):
        marked = regions.mask(sick.findings, finding)
        lungs = np.isin(
            sick.anatomy, [*regions.ids("pleural_cavity"), 6, 7, *regions.ids("heart"), 10]
        )
        assert marked.any()
        assert (marked & ~lungs).sum() <= 2 + 0.12 * marked.sum()


@pytest.mark.parametrize("finding", ["opacity", "consolidation", "nodule", "pleural_effusion"])
def test_a_finding_changes_the_image_where_its_mask_is(chest, finding):
    for sick, well in with_and_without(chest, finding):
        change = np.abs(sick.image.voxels - well.image.voxels)
        marked = sick.findings > 0
        assert change[marked].mean() > 8 * change[~marked].mean()


def test_ct_outside_a_finding_is_the_same_bit_for_bit(ct):
    for sick, well in with_and_without(ct, "pleural_effusion"):
        untouched = sick.findings == 0
        np.testing.assert_array_equal(sick.image.voxels[untouched], well.image.voxels[untouched])


def test_fluid_is_denser_than_lung(chest):
    for sick, _ in with_and_without(chest, "pleural_effusion"):
        assert _contrast(sick, "pleural_effusion") > 0


def test_bullae_are_darker_than_lung(ct):
    for sick, _ in with_and_without(ct, "emphysema"):
        assert _contrast(sick, "emphysema") < -50


def _contrast(case, finding):
    lungs = regions.mask(case.anatomy, "lungs")
    marked = regions.mask(case.findings, finding)
    marked &= regions.mask(case.anatomy, "pleural_cavity")
    clear = lungs & (case.findings == 0)
    return np.median(case.image.voxels[marked]) - np.median(case.image.voxels[clear])


def test_a_large_heart_is_larger(chest):
    for sick, well in with_and_without(chest, "cardiomegaly"):
        grown = [regions.mask(case.anatomy, "heart").sum() for case in (sick, well)]
        assert grown[0] > 1.15 * grown[1]


@pytest.mark.parametrize("variety", ["cohort", "wide"])
def test_lungs_are_darker_than_the_mediastinum(xray, variety):
    for case in drawn(xray, seed=2, variety=variety, patients=12):
        lungs = regions.mask(case.anatomy, "lungs") & ~regions.mask(case.anatomy, "heart")
        middle = regions.mask(case.anatomy, "cardiomediastinum")
        assert case.image.voxels[lungs].mean() + 0.1 < case.image.voxels[middle].mean()


def test_right_is_right_and_the_apex_of_the_heart_points_left(chest):
    for case in drawn(chest, seed=7):
        x = [np.argwhere(regions.mask(case.anatomy, r))[:, 0].mean() for r in
             ("lung_right", "heart", "lung_left")]  # fmt: skip
        assert x[0] > x[1] > x[2]
        assert x[1] < (x[0] + x[2]) / 2


def test_the_viewed_picture_has_the_patients_left_on_its_right(xray):
    case = drawn(xray)[0]
    heart = np.argwhere(picture(regions.mask(case.anatomy, "heart")))[:, 1].mean()
    right = np.argwhere(picture(regions.mask(case.anatomy, "lung_right")))[:, 1].mean()
    assert right < heart


@pytest.mark.parametrize("variety", ["cohort", "wide"])
def test_both_lung_fields_are_large_and_gray_levels_are_legal(xray, variety):
    for case in drawn(xray, seed=8, variety=variety, patients=12):
        voxels = case.image.voxels
        assert voxels.dtype == np.float32
        assert voxels.min() >= 0
        assert voxels.max() <= 1
        for side in ("lung_right", "lung_left"):
            assert 0.03 < regions.mask(case.anatomy, side).mean() < 0.35


def test_lung_behind_the_heart_counts_to_lung_and_heart(xray):
    for case in drawn(xray, seed=9):
        behind = regions.mask(case.anatomy, "lung_left") & regions.mask(case.anatomy, "heart")
        assert behind.any()


def test_all_five_lobes_are_there_with_air_in_them(ct):
    lobes = ["lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right"]
    lobes += ["lung_middle_lobe_right", "lung_lower_lobe_right"]
    for case in drawn(ct, seed=4):
        for lobe in lobes:
            mask = regions.mask(case.anatomy, lobe)
            assert mask.mean() > 0.003
            assert np.median(case.image.voxels[mask]) < -700


def test_ct_tissues_have_their_hounsfield_units(ct):
    for case in drawn(ct, seed=6):
        at = {n: case.image.voxels[regions.mask(case.anatomy, n)] for n in
              ("airway", "heart", "spine", "lung_vessel")}  # fmt: skip
        assert np.percentile(at["airway"], 25) < -600
        assert 20 < np.median(at["heart"]) < 90
        assert np.percentile(at["spine"], 75) > 150
        assert np.median(at["lung_vessel"]) > -700


def test_lung_volumes_are_those_of_adults(ct):
    for case in drawn(ct, seed=10, patients=6):
        voxel_ml = np.prod(case.image.spacing_mm) / 1000
        assert 2000 < regions.mask(case.anatomy, "lungs").sum() * voxel_ml < 9000
        assert 300 < regions.mask(case.anatomy, "heart").sum() * voxel_ml < 1800
