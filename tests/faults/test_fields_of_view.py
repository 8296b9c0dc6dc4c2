"""Scans that show more than a chest, or less: a neck, gas of the bowel, fat on the ribs, crops."""

import json

import numpy as np
import pytest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality import assess
from radfoundry.anatomy.quality import status as quality_status
from radfoundry.evaluation.metrics import overlap
from radfoundry.phantoms import chest_ct
from radfoundry.segmenters import threshold
from radfoundry.volume import Volume

PLAIN = {"patients": 1, "exams": [1, 1], "size": 64, "findings": {}}
FAST = {"lobes": False, "vessels": False}
NECK = {"neck_mm": 120, "size": [64, 64, 96]}


def drawn(seed=3, **options):
    """Return a phantom CT."""
    table = chest_ct.plan(PLAIN | options, np.random.default_rng(seed))
    return chest_ct.draw(json.loads(table.parameters[0]))


def labeled(case, where=np.s_[:, :, :]):
    """Return the labels of a part of a case, and their truth."""
    part = Volume(np.ascontiguousarray(case.image.voxels[where]), case.image.affine)
    return threshold.prepare(FAST)(part), case.anatomy[where]


def dice(labels, truth, region):
    return overlap.dice(regions.mask(labels, region), regions.mask(truth, region))


def false_ml(case, labels, truth, region, but=("airway", "pleural_space")):
    """Return the volume labeled as a region that is none of it, its edge of a voxel left out."""
    real = np.any([regions.mask(truth, name) for name in (region, *but)], axis=0)
    real = ndimage.binary_dilation(real)
    voxel = abs(np.linalg.det(case.image.affine[:3, :3])) / 1000
    return float((regions.mask(labels, region) & ~real).sum() * voxel)


@pytest.mark.parametrize(
    ("neck_mm", "slices", "site"), [(50, 76, "a"), (90, 84, "b"), (180, 104, "a"), (120, 48, "a")]
)
def test_a_windpipe_is_found_below_any_length_of_neck(neck_mm, slices, site):
    case = drawn(neck_mm=neck_mm, size=[64, 64, slices], site=site)
    labels, truth = labeled(case)
    assert dice(labels, truth, "airway") > 0.6
    assert dice(labels, truth, "lungs") > 0.97
    z = np.flatnonzero(regions.mask(truth, "lungs").any((0, 1)))[-1]
    assert not regions.mask(labels, "lungs")[:, :, z + 2 :].any()


@pytest.mark.parametrize(
    ("size", "site", "seed"), [(64, "a", 1), (64, "b", 3), ([64, 64, 48], "b", 2), (72, "b", 4)]
)
def test_gas_of_stomach_and_bowel_is_no_lung(size, site, seed):
    case = drawn(seed, size=size, site=site, bowel_gas=6)
    labels, truth = labeled(case)
    assert false_ml(case, labels, truth, "lungs") < 20
    assert dice(labels, truth, "lungs") > 0.97


@pytest.mark.parametrize(("seed", "site"), [(3, "a"), (3, "b"), (4, "a")])
def test_fat_between_ribs_and_pleura_is_no_effusion(seed, site):
    case = drawn(seed, site=site, rib_fat_mm=14, bowel_gas=3)
    assert not regions.mask(labeled(case)[0], "pleural_space").any()


def test_an_effusion_beside_fat_is_still_measured():
    case = drawn(1, size=80, rib_fat_mm=14, findings={"pleural_effusion": 1.0})
    labels, truth = labeled(case)
    sizes = [np.count_nonzero(regions.mask(m, "pleural_space")) for m in (labels, truth)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.25)


@pytest.mark.parametrize("where", [np.s_[16:], np.s_[:48], np.s_[:, 8:56], np.s_[10:54, 6:58]])
def test_a_chest_cut_at_its_sides_keeps_windpipe_and_lungs(where):
    labels, truth = labeled(drawn(), where)
    assert dice(labels, truth, "airway") > 0.6
    assert dice(labels, truth, "lungs") > 0.97
    assert not regions.mask(labels, "pleural_space").any()


@pytest.mark.parametrize(
    ("where", "side"),
    [
        (np.s_[38:], "right"),
        (np.s_[:26], "left"),
        (np.s_[34:, :44], "right"),
        (np.s_[42:], "right"),
    ],
)
@pytest.mark.parametrize("site", ["a", "b"])
def test_half_a_chest_without_its_spine_is_the_side_it_is(where, side, site):
    labels, truth = labeled(drawn(site=site), where)
    assert dice(labels, truth, f"lung_{side}") > 0.96
    assert regions.mask(labels, "lungs").sum() == regions.mask(labels, f"lung_{side}").sum()


@pytest.mark.parametrize("columns", [2, 4])
def test_an_edge_that_cuts_a_shoulder_cuts_no_half_of_the_chest_off(columns):
    case = drawn()
    faint = np.minimum(case.image.voxels[columns:], 140)  # a spine that has lost its bone
    found = threshold.prepare(FAST)(Volume(faint.copy(), case.image.affine))
    for side in ("lung_right", "lung_left"):
        assert dice(found, case.anatomy[columns:], side) > 0.96


@pytest.mark.parametrize(
    "where", [np.s_[:44, :40], np.s_[24:, :40], np.s_[20:, :40], np.s_[20:, :36], np.s_[24:, :44]]
)
@pytest.mark.parametrize("site", ["a", "b"])
def test_lungs_that_a_corner_of_the_image_cuts_are_lungs(where, site):
    labels, truth = labeled(drawn(site=site), where)
    assert dice(labels, truth, "lung_right") > 0.96
    assert dice(labels, truth, "lung_left") > 0.95


@pytest.mark.parametrize(("site", "top"), [("a", 44), ("a", 48), ("b", 44), ("b", 48)])
def test_a_windpipe_cut_little_above_its_fork_is_found(site, top):
    case = drawn(site=site)
    labels, truth = labeled(case, np.s_[:, :, :top])
    found = regions.mask(labels, "airway")
    real = ndimage.binary_dilation(regions.mask(truth, "airway"))
    assert found[:, :, -1].any()
    assert np.count_nonzero(found & real) > 0.95 * np.count_nonzero(found)
    assert dice(labels, truth, "airway") > 0.5


@pytest.mark.parametrize("levels", [(0, 12), (4, 16), (0, 8)])
def test_an_abdomen_has_no_windpipe(levels):
    labels, truth = labeled(drawn(1, bowel_gas=8), np.s_[:, :, slice(*levels)])
    assert not regions.mask(labels, "airway").any()
    assert regions.mask(labels, "lungs").sum() <= 1.05 * regions.mask(truth, "lungs").sum() + 60


def test_the_bodies_are_the_same_unless_more_is_asked_for():
    plain, none = (drawn(size=32, **more) for more in ({}, {"neck_mm": 0, "bowel_gas": 0}))
    np.testing.assert_array_equal(plain.image.voxels, none.image.voxels)
    text = chest_ct.plan(PLAIN, np.random.default_rng(0)).parameters[0]
    assert "extras" not in text


@pytest.mark.parametrize("wrong", [{"neck_mm": -1}, {"bowel_gas": 9}, {"rib_fat_mm": 40}])
def test_more_than_a_body_has_is_refused_with_the_limits(wrong):
    with pytest.raises(ValueError, match=rf"{next(iter(wrong))} is .*: it must be from 0 to"):
        chest_ct.plan(PLAIN | wrong, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (np.s_[:0.4], {"airway": "not_in_view", "lung_right": "cropped", "lung_left": "cropped"}),
        (np.s_[0.65:], {"heart": "not_in_view", "pleural_space": "not_in_view"}),
        (np.s_[:], {"pleural_space": "absent", "lung_right": "present", "heart": "present"}),
    ],
)
def test_a_scan_of_a_part_of_the_chest_says_what_it_could_not_show(share, expected):
    case = drawn(5)
    lungs = np.flatnonzero(regions.mask(case.anatomy, "lungs").any((0, 1)))
    ends = [
        None if at is None else int(lungs[0] + at * np.ptp(lungs))
        for at in (share.start, share.stop)
    ]
    part = np.s_[:, :, slice(*ends)]
    image = Volume(np.ascontiguousarray(case.image.voxels[part]), case.image.affine)
    anatomy = case.anatomy[part].copy()
    for name in expected:
        anatomy[regions.mask(anatomy, name) & (expected[name] in ("not_in_view", "absent"))] = 0
    found = assess.assess(anatomy, [*quality_status.LUNGS, *expected], image)
    assert {name: found[name].status for name in expected} == expected
