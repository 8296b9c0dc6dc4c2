"""Clinical measurements agree with hand-made bodies and with a reference program's figures."""

import json
import math

import numpy as np
import pytest
import SimpleITK

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import clinical
from radfoundry.phantoms import chest_ct
from radfoundry.volume import Volume

SHAPE = (60, 40, 30)
VOXEL_MM = (2.0, 1.5, 3.0)
BODY = {
    "body": (0, 60, 0, 40, 0, 30),
    "lung_lower_lobe_right": (35, 55, 5, 35, 2, 12),
    "lung_upper_lobe_right": (35, 55, 5, 35, 12, 28),
    "lung_upper_lobe_left": (5, 25, 5, 35, 2, 28),
    "heart": (20, 44, 10, 30, 4, 14),
}


def boxes(shape=SHAPE, **places):
    """Return an anatomy map of boxes: name=(x from, to, y from, to, z from, to); x to the right."""
    masks = {}
    for name, (left, right, back, front, low, high) in places.items():
        masks[name] = np.zeros(shape, bool)
        masks[name][left:right, back:front, low:high] = True
    return regions.compose(masks)


def marked(name, left, right, low, high):
    """Return a findings map with one finding in a box."""
    findings = np.zeros(SHAPE, np.uint8)
    findings[left:right, 5:15, low:high] = regions.label_id(name)
    return findings


def ct(hu=-850.0):
    return Volume(np.full(SHAPE, hu, np.float32), np.diag([*VOXEL_MM, 1.0]))


def without(*names):
    return boxes(**{name: place for name, place in BODY.items() if name not in names})


@pytest.fixture(scope="module")
def copd(shared_data):
    """Return the real CT with reference densitometry, and its region map."""
    images = (SimpleITK.ReadImage(shared_data / "ct_cip_64" / f"{n}-64.nrrd") for n in ("ct", "lm"))
    image, labels = images
    hu = SimpleITK.GetArrayFromImage(image).T.astype(np.float32)
    region = SimpleITK.GetArrayFromImage(labels).T & 255
    return Volume(hu, np.diag([*image.GetSpacing(), 1.0])), region


def test_densitometry_equals_the_reference_of_the_chest_imaging_platform(copd):
    image, region = copd
    found = clinical.measure(image, np.where(region > 0, 26, 0).astype(np.uint8))
    assert found["laa_950"] == pytest.approx(19.662, abs=5e-4)
    assert found["laa_856"] == pytest.approx(75.0731, abs=5e-5)
    assert found["lung_volume_l"] == pytest.approx(4.55416, abs=5e-6)
    assert found["mean_lung_hu"] == pytest.approx(-873.814, abs=5e-4)
    assert found["percentile15_hu"] == pytest.approx(-956, abs=1)


def test_each_lung_equals_the_reference_too(copd):
    image, region = copd
    found = clinical.measure(
        image, np.select([region > 11, region > 8], [20, 21], 0).astype(np.uint8)
    )
    assert found["lung_left_volume_l"] == pytest.approx(2.13509, abs=5e-6)
    assert found["lung_right_volume_l"] == pytest.approx(2.41907, abs=5e-6)


def test_low_attenuation_is_strictly_below_the_limit(copd):
    image, region = copd
    lungs = image.voxels[region > 0]
    assert clinical.low_attenuation(lungs, np.nextafter(-950, 0)) == pytest.approx(20.81, abs=5e-3)


def test_volumes_are_those_of_the_boxes():
    found = clinical.measure(ct(), without())
    voxel = 2 * 1.5 * 3
    # What the heart covers is not lung.
    lower, upper = 20 * 30 * 10 - 9 * 20 * 8, 20 * 30 * 16 - 9 * 20 * 2
    assert found["lung_lower_lobe_right_volume_l"] == pytest.approx(lower * voxel / 1e6)
    assert found["lung_upper_lobe_right_volume_l"] == pytest.approx(upper * voxel / 1e6)
    assert found["lung_right_volume_l"] == pytest.approx((lower + upper) * voxel / 1e6)
    both = found["lung_right_volume_l"] + found["lung_left_volume_l"]
    assert found["lung_volume_l"] == pytest.approx(both)


def test_a_change_of_size_scales_volumes_and_nothing_else():
    plain, grown = (clinical.measure(ct(), without(), volume_scale=s) for s in (1.0, 1.5))
    assert grown["lung_volume_l"] == pytest.approx(1.5 * plain["lung_volume_l"])
    assert grown["laa_856"] == plain["laa_856"]
    assert grown["cardiothoracic_ratio"] == plain["cardiothoracic_ratio"]


def test_what_is_not_labeled_is_not_a_number():
    found = clinical.measure(ct(), np.zeros(SHAPE, np.uint8), looked_for=("pleural_space",))
    assert set(found) == set(clinical.MEASURES)
    assert all(math.isnan(value) for value in found.values())


def test_fluid_that_was_looked_for_and_is_not_there_is_zero():
    assert math.isnan(clinical.measure(ct(), without())["effusion_volume_ml"])
    for name in ("pleural_space", "pleural_effusion"):
        found = clinical.measure(ct(), without(), looked_for=(name,))
        sides = [found[f"effusion{side}_volume_ml"] for side in ("", "_right", "_left")]
        assert sides == [0, 0, 0]
        assert math.isnan(found["emphysema_volume_ml"])


@pytest.mark.parametrize(("side", "left", "right"), [("right", 46, 52), ("left", 6, 12)])
def test_fluid_is_counted_on_its_side_and_is_not_lung(side, left, right):
    dry = clinical.measure(ct(), without())
    wet = clinical.measure(ct(), without(), marked("pleural_effusion", left, right, 20, 24))
    volume_ml = 6 * 10 * 4 * 9 / 1000
    other = {"right": "left", "left": "right"}[side]
    assert wet[f"effusion_{side}_volume_ml"] == pytest.approx(volume_ml)
    assert wet[f"effusion_{other}_volume_ml"] == 0
    assert dry["lung_volume_l"] - wet["lung_volume_l"] == pytest.approx(volume_ml / 1000)


def test_fluid_without_a_side_of_its_own_belongs_to_the_side_where_it_lies():
    labels = boxes(**BODY | {"pleural_space": (55, 58, 5, 35, 2, 12)})
    found = clinical.measure(ct(), labels)
    assert found["effusion_right_volume_ml"] == found["effusion_volume_ml"] > 0


def test_fluid_beside_a_single_lung_is_not_split_in_two():
    right = ("lung_upper_lobe_right", "lung_lower_lobe_right")
    places = {name: place for name, place in BODY.items() if name not in right}
    labels = boxes(**places | {"pleural_space": (5, 25, 1, 5, 2, 12)})
    found = clinical.measure(ct(), labels)
    assert found["effusion_left_volume_ml"] > 0
    assert math.isnan(found["effusion_right_volume_ml"])
    assert math.isnan(found["cardiothoracic_ratio"])


def test_fluid_beside_a_lung_that_was_not_found_is_not_zero_but_unknown():
    lobes = [name for name in BODY if name.startswith("lung_") and name.endswith("_left")]
    places = {name: place for name, place in BODY.items() if name not in lobes}
    found = clinical.measure(ct(), boxes(**places), looked_for=("pleural_space",))
    assert found["effusion_right_volume_ml"] == 0
    assert math.isnan(found["effusion_left_volume_ml"])
    assert math.isnan(found["effusion_volume_ml"])


def test_a_volume_of_what_is_cropped_is_that_of_a_part_and_a_density_is_not():
    assert clinical.cropped("lung_right_volume_l", ["lung_right"])
    assert clinical.cropped("lung_volume_l", ["lung_right"])
    assert not clinical.cropped("lung_left_volume_l", ["lung_right"])
    assert not clinical.cropped("laa_950", ["lung_right"])
    assert not any(clinical.cropped(name, []) for name in clinical.MEASURES)


def test_sides_of_phantom_effusions_are_true():
    options = {"patients": 3, "exams": [1, 1], "findings": {"pleural_effusion": 1.0}}
    for parameters in chest_ct.plan(options, np.random.default_rng(1))["parameters"]:
        case = chest_ct.draw(json.loads(parameters))
        fluid = regions.mask(case.findings, "pleural_effusion")
        x = np.arange(len(fluid)) * case.image.affine[0, 0] + case.image.affine[0, 3]
        share = fluid[x > 0].sum() / fluid.sum()
        found = clinical.measure(case.image, case.anatomy, case.findings)
        parts = found["effusion_right_volume_ml"] / found["effusion_volume_ml"]
        assert parts == pytest.approx(share, abs=0.01)


def test_vessels_and_bronchi_inside_a_lobe_belong_to_the_lung():
    plain = clinical.measure(ct(), without())
    trees = {"lung_vessel": (40, 44, 16, 20, 16, 24), "airway": (48, 50, 16, 18, 16, 26)}
    found = clinical.measure(ct(), boxes(**BODY | trees))
    assert found["lung_volume_l"] == plain["lung_volume_l"]
    assert found["vessel_volume_cm3"] == pytest.approx(4 * 4 * 8 * 9 / 1000)
    assert found["airway_volume_cm3"] == pytest.approx(2 * 2 * 10 * 9 / 1000)


def test_an_airway_is_whole_across_corners_and_broken_by_a_gap():
    mask = np.zeros(SHAPE, bool)
    mask[10:12, 10, 10] = True
    mask[12, 11, 11] = True  # touches at a corner only
    assert clinical.airways(mask, 1000.0)["airway_largest_part"] == 1
    mask[14, 14, 14] = True
    broken = clinical.airways(mask, 1000.0)
    assert broken["airway_parts"] == 2
    assert broken["airway_largest_part"] == pytest.approx(3 / 4)
    assert broken["airway_volume_cm3"] == pytest.approx(4)


def test_the_cardiothoracic_ratio_is_that_of_the_slice_where_the_heart_is_widest():
    assert clinical.cardiothoracic_ratio(without()) == pytest.approx(24 / 50)
    narrow_base = boxes(**BODY | {"lung_upper_lobe_left": (15, 25, 5, 35, 2, 28)})
    wide_top = narrow_base.copy()
    wide_top[5:15, 5:35, 20:28] = regions.label_id("lung_upper_lobe_left")
    assert clinical.cardiothoracic_ratio(wide_top) == pytest.approx(24 / 40)


def test_fluid_around_the_lung_is_inside_the_thorax():
    labels = boxes(**BODY | {"pleural_space": (55, 59, 5, 35, 2, 28)})
    assert clinical.cardiothoracic_ratio(labels) == pytest.approx(24 / 54)


def test_a_slice_that_shows_one_side_only_has_no_ratio():
    """A raised diaphragm hides one lung where the heart is widest: the next slice counts."""
    low = {"lung_lower_lobe_right": (35, 55, 5, 35, 8, 12), "heart": (24, 44, 10, 30, 4, 14)}
    labels = boxes(**BODY | low)
    labels[18:24, 10:30, 4:7] = regions.label_id("heart")
    assert clinical.cardiothoracic_ratio(labels) == pytest.approx(20 / 50)


def test_stray_voxels_do_not_widen_the_heart():
    labels = without()
    labels[2, 20, 8] = regions.label_id("heart")
    assert clinical.cardiothoracic_ratio(labels) == pytest.approx(24 / 50)


@pytest.mark.parametrize("missing", ["heart", "lung_upper_lobe_left"])
def test_without_heart_or_lung_there_is_no_ratio(missing):
    assert math.isnan(clinical.cardiothoracic_ratio(without(missing)))


def test_an_enlarged_phantom_heart_has_a_larger_ratio():
    options = {"patients": 4, "exams": [1, 1]}
    ratios = []
    for prevalence in (0.0, 1.0):
        options["findings"] = {"cardiomegaly": prevalence}
        rows = chest_ct.plan(options, np.random.default_rng(2))["parameters"]
        cases = (chest_ct.draw(json.loads(row)) for row in rows)
        ratios.append([clinical.cardiothoracic_ratio(case.anatomy) for case in cases])
    assert np.mean(ratios[1]) > np.mean(ratios[0]) + 0.05


def test_a_radiograph_compares_widths_that_need_not_be_at_one_height():
    film = boxes(
        (100, 1, 100), lung_right=(60, 90, 0, 1, 10, 90), lung_left=(20, 40, 0, 1, 40, 90),
        heart=(35, 70, 0, 1, 10, 40),
    )  # fmt: skip
    image = Volume(np.zeros(film.shape, np.float32), np.eye(4))
    found = clinical.measure(image, film)
    assert found["cardiothoracic_ratio"] == pytest.approx(35 / 70)
    assert math.isnan(found["lung_volume_l"])


def test_labels_on_another_grid_and_foreign_findings_are_refused():
    with pytest.raises(ValueError, match="the image is"):
        clinical.measure(ct(), np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(ValueError, match="not findings"):
        clinical.measure(ct(), without(), np.full(SHAPE, 9, np.uint8))
    with pytest.raises(ValueError, match="volume_scale is 0"):
        clinical.measure(ct(), without(), volume_scale=0)


def values():
    return {name: float(at) for at, name in enumerate(clinical.MEASURES)}


def untrusted(*failed):
    return {name for name, value in clinical.trusted(values(), failed).items() if np.isnan(value)}


def test_every_measurement_is_read_off_regions_that_exist():
    for measure in clinical.MEASURES.values():
        assert measure.regions
        assert all(regions.ids(region) for region in measure.regions)


def test_measurements_of_sound_labels_are_kept():
    assert clinical.trusted(values(), ()) == values()
    assert clinical.trusted(values(), ["kidney"]) == values()


def test_measurements_of_failed_labels_are_not_a_number():
    assert untrusted("heart") == {"cardiothoracic_ratio"}
    effusions = {f"effusion{side}_volume_ml" for side in ("", "_right", "_left")}
    assert untrusted("pleural_space") == effusions
    whole = {"lung_volume_l", "laa_950", "laa_856", "percentile15_hu", "mean_lung_hu"}
    whole |= {"emphysema_volume_ml", "cardiothoracic_ratio", "lung_left_volume_l"}
    left = untrusted("lung_left")
    assert whole | {"lung_upper_lobe_left_volume_l", "lung_lower_lobe_left_volume_l"} <= left
    assert not left & {"lung_right_volume_l", "lung_middle_lobe_right_volume_l", *effusions}


def test_an_unknown_measurement_is_refused():
    with pytest.raises(ValueError, match="heart_rate"):
        clinical.trusted({"heart_rate": 60.0}, ())


def cut(lowest):
    """Return what is measured of an emphysematous lung behind a window from a lowest HU."""
    hu = ct(-850.0).voxels.copy()
    hu[:, 5:15] = -990
    image = Volume(np.clip(hu, lowest, 400), np.diag([*VOXEL_MM, 1.0]))
    bullae = marked("emphysema", 40, 44, 16, 24)
    return clinical.measure(image, without(), bullae, lowest_hu=lowest)


def test_what_a_window_cut_off_is_not_a_number():
    assert cut(-1024)["laa_950"] > 0
    assert cut(-1024)["emphysema_volume_ml"] > 0
    known = ("laa_950", "percentile15_hu", "mean_lung_hu", "emphysema_volume_ml")
    for lowest in (-950, -900):
        assert all(math.isnan(cut(lowest)[name]) for name in known)
        assert cut(lowest)["laa_856"] == cut(-1024)["laa_856"] > 0
        assert cut(lowest)["lung_volume_l"] == cut(-1024)["lung_volume_l"]
    assert not any(math.isnan(cut(-960)[name]) for name in known)
    assert math.isnan(cut(-856)["laa_856"])


def test_emphysema_that_was_looked_for_behind_a_window_is_not_zero():
    image = ct(-850.0)
    for lowest, expected in ((-1024, 0.0), (-900, math.nan)):
        found = clinical.measure(image, without(), None, 1.0, ("emphysema",), lowest)
        assert found["emphysema_volume_ml"] == pytest.approx(expected, nan_ok=True)


def test_a_window_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="lowest_hu"):
        clinical.measure(ct(), without(), lowest_hu=math.nan)
