"""A label of a volume is assessed by volume, pieces, side and border; it is no silent zero."""

import json
import math

import numpy as np
import pytest
import SimpleITK

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality import assess
from radfoundry.phantoms import chest_ct
from radfoundry.volume import Volume

SHAPE = (80, 60, 80)  # of 5 mm: a body 40 cm wide
STRUCTURES = ("lung_right", "lung_left", "heart")
WHOLE = {
    "lung_right": (45, 70, 15, 45, 20, 70),
    "lung_left": (10, 35, 15, 45, 20, 70),
    "heart": (30, 50, 22, 42, 22, 40),
}
LOBES = {
    "lung_lower_lobe_right": (45, 70, 15, 45, 20, 45),
    "lung_upper_lobe_right": (45, 70, 15, 45, 45, 70),
}


def masked(place):
    left, right, back, front, low, high = place
    mask = np.zeros(SHAPE, bool)
    mask[left:right, back:front, low:high] = True
    return mask


def boxes(**places):
    """Return an anatomy map of boxes: name=(x from, to, y from, to, z from, to); x to the right."""
    return regions.compose({name: masked(place) for name, place in places.items()})


def ct(spacing_mm=5.0):
    """Return a body in air, lungs in it, every voxel a little different from the next."""
    hu = np.full(SHAPE, -1000, np.float32)
    hu[5:75, 8:52] = 40
    for name in ("lung_right", "lung_left"):
        hu[masked(WHOLE[name])] = -850
    hu += np.random.default_rng(0).normal(0, 5, SHAPE).astype(np.float32)
    return Volume(hu, np.diag([spacing_mm] * 3 + [1.0]))


def assessed(labels, structures=STRUCTURES, image=None):
    return assess.assess(labels, structures, ct() if image is None else image)


def statuses(*args, **options):
    return {name: found.status for name, found in assessed(*args, **options).items()}


def test_a_plausible_chest_is_present_and_measured():
    found = assessed(boxes(**WHOLE))
    assert {one.status for one in found.values()} == {"present"}
    assert found["heart"].volume_cm3 == pytest.approx(20 * 20 * 18 * 0.125)
    assert found["heart"].largest_part == 1
    assert found["heart"].edge_fraction == 0
    assert math.isnan(found["heart"].area_fraction)


def test_an_empty_mask_is_absent_and_has_no_measurements():
    heart = assessed(boxes(lung_right=WHOLE["lung_right"], lung_left=WHOLE["lung_left"]))["heart"]
    assert heart.status == "absent"
    assert all(math.isnan(n) for n in (heart.volume_cm3, heart.largest_part, heart.edge_fraction))


LUNGS = {name: WHOLE[name] for name in ("lung_right", "lung_left")}


@pytest.mark.parametrize(
    ("name", "shown", "status"),
    [
        ("airway", np.s_[:, :, :], "absent"), ("airway", np.s_[:, :, :45], "not_in_view"),
        ("heart", np.s_[:, :, 45:], "not_in_view"), ("heart", np.s_[:, :, :45], "absent"),
        ("pleural_space", np.s_[:, :, 45:], "not_in_view"), ("pleural_space", np.s_[:], "absent"),
    ],
)  # fmt: skip
def test_what_lies_beyond_the_image_is_not_in_view_rather_than_absent(name, shown, status):
    image = Volume(np.ascontiguousarray(ct().voxels[shown]), ct().affine)
    found = assess.assess(boxes(**LUNGS)[shown], [*LUNGS, name], image)
    assert found[name].status == status


def test_a_lung_is_absent_where_the_body_ends_and_not_in_view_where_the_image_cuts_it():
    one = boxes(lung_right=WHOLE["lung_right"])
    assert statuses(one)["lung_left"] == "absent"
    part = np.s_[38:]
    image = Volume(np.ascontiguousarray(ct().voxels[part]), ct().affine)
    assert statuses(one[part], image=image)["lung_left"] == "not_in_view"


@pytest.mark.parametrize("name", [*STRUCTURES, "airway", "rib"])
def test_one_voxel_is_small(name):
    found = assessed(boxes(**{name: (50, 51, 20, 21, 30, 31)}), (name,))
    assert found[name].status == "small"
    assert found[name].volume_cm3 == pytest.approx(0.125)


@pytest.mark.parametrize(
    "cut", [{"lung_right": (60, 80, 15, 45, 20, 70)}, {"lung_right": (45, 70, 15, 45, 50, 80)}]
)
def test_a_lung_on_the_border_is_cropped(cut):
    assert statuses(boxes(**WHOLE | cut))["lung_right"] == "cropped"


def test_the_image_ends_where_padding_begins():
    padded = ct()
    padded.voxels[:, :, 70:] = -1024
    assert statuses(boxes(**WHOLE), image=padded)["lung_right"] == "cropped"
    assert statuses(boxes(**WHOLE), image=padded)["heart"] == "present"


def test_a_trachea_that_leaves_the_image_is_not_cropped():
    windpipe = boxes(**WHOLE, airway=(38, 42, 28, 32, 40, 80))
    found = assessed(windpipe, ("airway",))["airway"]
    assert (found.status, found.edge_fraction > 0.01) == ("present", True)


def test_both_lungs_under_one_name_are_said_to_be_merged():
    one = boxes(lung_right=(10, 70, 15, 45, 40, 60))
    found = assessed(one)
    assert found["lung_right"].status == "failed"
    assert "merged" in found["lung_right"].reason
    assert found["lung_left"].status == "absent"


def test_both_lungs_under_one_name_in_two_pieces_fail_too():
    labels = boxes(lung_right=WHOLE["lung_right"])
    labels[masked(WHOLE["lung_left"])] = regions.label_id("lung_right")
    assert assessed(labels)["lung_right"].status == "failed"


def test_lungs_that_share_a_wall_are_said_to_be_merged():
    touching = {"lung_right": (40, 70, 15, 45, 20, 70), "lung_left": (10, 40, 15, 45, 20, 70)}
    found = assessed(boxes(**touching))
    assert [found[name].status for name in touching] == ["failed", "failed"]
    assert "merged" in found["lung_left"].reason


def test_lungs_that_meet_at_a_thin_line_are_not():
    line = {"lung_right": (40, 43, 43, 45, 40, 60), "lung_left": (35, 40, 43, 45, 40, 60)}
    labels = boxes(lung_right=WHOLE["lung_right"], lung_left=WHOLE["lung_left"])
    for name, place in line.items():
        labels[masked(place)] = regions.label_id(name)
    assert set(statuses(labels, structures=tuple(line)).values()) == {"present"}


def test_swapped_lungs_fail_and_say_on_which_side_they_lie():
    swapped = WHOLE | {"lung_right": WHOLE["lung_left"], "lung_left": WHOLE["lung_right"]}
    found = assessed(boxes(**swapped))
    assert found["lung_right"].status == found["lung_left"].status == "failed"
    assert "patient's right" in found["lung_right"].reason


def test_a_single_lung_on_the_wrong_side_fails_without_the_other_to_compare():
    found = assessed(boxes(lung_right=WHOLE["lung_left"]), ("lung_right",))
    assert "patient's right" in found["lung_right"].reason


def test_a_lobe_in_the_other_lung_fails():
    labels = boxes(**LOBES | {"lung_middle_lobe_right": WHOLE["lung_left"]})
    found = assessed(labels, (*LOBES, "lung_middle_lobe_right"))
    assert found["lung_middle_lobe_right"].status == "failed"
    assert found["lung_upper_lobe_right"].status == "present"


def test_lobes_that_are_upside_down_fail():
    upper, lower = LOBES["lung_lower_lobe_right"], LOBES["lung_upper_lobe_right"]
    labels = boxes(lung_upper_lobe_right=upper, lung_lower_lobe_right=lower)
    found = assessed(labels, tuple(LOBES))
    assert {one.status for one in found.values()} == {"failed"}
    assert "below" in found["lung_upper_lobe_right"].reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heart": (2, 78, 2, 58, 2, 78)}, "more than any heart"),
        ({"lung_left": (30, 36, 15, 45, 20, 38)}, "times as large"),
    ],
)
def test_an_implausible_volume_fails_and_says_why(change, words):
    name = next(iter(change))
    found = assessed(boxes(**WHOLE | change), STRUCTURES)[name]
    assert found.status == "failed"
    assert words in found.reason


def test_a_lung_pressed_small_by_fluid_does_not_fail():
    pressed = WHOLE | {"lung_left": (30, 36, 15, 45, 20, 38)}
    fluid = boxes(**pressed, pleural_space=(10, 28, 15, 45, 20, 70))
    assert statuses(fluid)["lung_left"] == "present"


@pytest.mark.parametrize(("name", "status"), [("airway", "failed"), ("lung_vessel", "present")])
def test_an_airway_in_many_pieces_fails_and_vessels_may_be(name, status):
    labels = boxes(**WHOLE)
    for step in range(6):
        labels[50:54, 20:24, 22 + 6 * step : 25 + 6 * step] = regions.label_id(name)
    found = assessed(labels, (name,))[name]
    assert found.status == status
    assert found.largest_part == pytest.approx(1 / 6)


def test_no_lung_at_all_is_a_failure():
    nothing = statuses(np.zeros(SHAPE, np.uint8))
    assert nothing == {"lung_right": "failed", "lung_left": "failed", "heart": "absent"}


ALL_LOBES = tuple(name for lobes in regions.LOBES.values() for name in lobes)
FIVE = {
    "lung_lower_lobe_right": (45, 70, 15, 45, 20, 40),
    "lung_middle_lobe_right": (45, 70, 15, 45, 40, 50),
    "lung_upper_lobe_right": (45, 70, 15, 45, 50, 70),
    "lung_lower_lobe_left": (10, 35, 15, 45, 20, 45),
    "lung_upper_lobe_left": (10, 35, 15, 45, 45, 70),
}


def moved(steps, side):
    """Return the five lobes, those of a side moved along x."""
    return {
        name: (place[0] + steps, place[1] + steps, *place[2:]) if side in name else place
        for name, place in FIVE.items()
    }


def test_five_plausible_lobes_are_present_and_no_lung_is_added():
    found = statuses(boxes(**FIVE), (*ALL_LOBES, "heart"))
    assert found == dict.fromkeys(ALL_LOBES, "present") | {"heart": "absent"}


@pytest.mark.parametrize("structures", [ALL_LOBES, ("lung_right", "lung_left", *ALL_LOBES)])
def test_without_any_lobe_every_lobe_fails(structures):
    found = assessed(np.zeros(SHAPE, np.uint8), structures)
    assert {(one.status, one.reason) for one in found.values()} == {
        ("failed", "neither lung was found")
    }
    assert all(math.isnan(one.volume_cm3) for one in found.values())


def test_without_any_lobe_of_one_side_only_those_are_absent():
    found = statuses(boxes(**{n: p for n, p in FIVE.items() if "right" in n}), ALL_LOBES)
    assert {found[name] for name in regions.LOBES["lung_right"]} == {"present"}
    assert {found[name] for name in regions.LOBES["lung_left"]} == {"absent"}


def test_lobes_of_lungs_that_run_into_each_other_fail():
    found = assessed(boxes(**moved(10, "left")), ALL_LOBES)
    assert {one.status for one in found.values()} == {"failed"}
    assert "merged" in found["lung_lower_lobe_right"].reason


def test_lobes_of_a_lung_that_is_far_too_small_fail_and_the_others_do_not():
    tiny = {"lung_lower_lobe_left": (30, 35, 15, 45, 20, 30)}
    tiny |= {"lung_upper_lobe_left": (30, 35, 15, 45, 30, 40)}
    found = assessed(boxes(**FIVE | tiny), ALL_LOBES)
    assert {found[name].status for name in regions.LOBES["lung_right"]} == {"present"}
    for name in regions.LOBES["lung_left"]:
        assert found[name].status == "failed"
        assert "times as large" in found[name].reason


def test_lobes_that_do_not_hang_together_as_a_lung_fail():
    torn = FIVE | {"lung_middle_lobe_right": (45, 70, 15, 45, 42, 48)}
    found = assessed(boxes(**torn), ALL_LOBES)
    assert {found[name].status for name in regions.LOBES["lung_right"]} == {"failed"}
    assert "parts" in found["lung_middle_lobe_right"].reason
    assert {found[name].status for name in regions.LOBES["lung_left"]} == {"present"}


def test_lobes_of_one_lung_alone_are_not_judged_as_a_pair():
    found = statuses(np.zeros(SHAPE, np.uint8), regions.LOBES["lung_right"])
    assert set(found.values()) == {"absent"}


def test_volumes_are_those_of_the_patient_not_of_the_atlas():
    labels = boxes(**WHOLE)
    plain = assess.assess(labels, STRUCTURES, ct())["lung_right"]
    large = assess.assess(labels, STRUCTURES, ct(), 0.5)["lung_right"]
    assert large.volume_cm3 == pytest.approx(2 * plain.volume_cm3)
    assert (plain.status, large.status) == ("present", "failed")
    assert assess.assess(labels, STRUCTURES, ct(), 200.0)["lung_right"].status == "small"


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
def test_a_scale_of_volumes_is_positive(scale):
    with pytest.raises(ValueError, match="volume_scale"):
        assess.assess(boxes(**WHOLE), STRUCTURES, ct(), scale)


def test_pleural_fluid_that_is_not_there_is_absent_and_spoils_nothing():
    found = statuses(boxes(**WHOLE), (*STRUCTURES, "pleural_space"))
    assert found == dict.fromkeys(STRUCTURES, "present") | {"pleural_space": "absent"}


def test_volumes_follow_the_spacing():
    fine = assessed(boxes(**WHOLE), image=ct(1.0))["lung_right"]
    assert fine.status == "small"
    assert fine.volume_cm3 == pytest.approx(25 * 30 * 50 / 1000)


def test_truth_of_phantoms_is_present_and_its_mirror_image_is_not():
    row = chest_ct.plan({"patients": 1, "exams": [1, 1]}, np.random.default_rng(3)).parameters[0]
    case = chest_ct.draw(json.loads(row))
    lobes = [label.name for label in regions.vocabulary().structures if label.id in range(1, 6)]
    claimed = ("lungs", "lung_right", "lung_left", *lobes, "heart", "airway")
    assert set(statuses(case.anatomy, claimed, case.image).values()) == {"present"}
    mirrored = case.image.holding(np.ascontiguousarray(case.image.voxels[::-1]))
    found = statuses(case.anatomy[::-1], claimed, mirrored)
    assert {found[name] for name in ("lung_right", "lung_left", *lobes)} == {"failed"}


def test_real_lungs_are_present_and_swapped_names_are_found(shared_data):
    images = (SimpleITK.ReadImage(shared_data / "ct_cip_64" / f"{n}-64.nrrd") for n in ("ct", "lm"))
    # Stored with x growing to the patient's left, y to the back.
    image, labels = (SimpleITK.GetArrayFromImage(i).T[::-1, ::-1] for i in images)
    region = labels & 255
    image = Volume(image.astype(np.float32), np.diag([4.171872, 4.171872, 3.987342, 1.0]))
    for ids, status in (((20, 21), "present"), ((21, 20), "failed")):
        lungs = np.select([region > 11, region > 8], ids, 0).astype(np.uint8)
        found = assessed(lungs, ("lungs", "lung_right", "lung_left"), image)
        assert found["lungs"].status == "present"
        assert [found[name].status for name in ("lung_right", "lung_left")] == [status, status]


def test_labels_of_a_volume_need_its_image():
    with pytest.raises(ValueError, match="with its image"):
        assess.assess(boxes(**WHOLE), STRUCTURES)
