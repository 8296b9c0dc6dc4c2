"""Chest CT phantoms: what an imaging engineer expects to find in one."""

import json

import numpy as np
import pytest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.phantoms import chest_ct
from radfoundry.phantoms._bodies import branches, fissures

LOBES = ["lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right"]
LOBES += ["lung_middle_lobe_right", "lung_lower_lobe_right"]


def planned(seed=1, **options):
    options = {"patients": 1, "exams": [1, 1], "size": 64, "findings": {}} | options
    rows = chest_ct.plan(options, np.random.default_rng(seed))
    return [json.loads(text) for text in rows["parameters"]]


@pytest.fixture(scope="module")
def healthy():
    return chest_ct.draw(planned(size=96)[0])


@pytest.fixture(scope="module")
def wet():
    return chest_ct.draw(planned(findings={"pleural_effusion": 1.0})[0])


def region(case, name):
    return regions.mask(case.anatomy, name)


def middle(case, mask):
    """Return the center of a mask, mm."""
    return case.image.affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + case.image.affine[:3, 3]


def test_lobes_have_no_holes_where_vessels_and_bronchi_run(healthy):
    for lobe in LOBES:
        mask = region(healthy, lobe)
        filled = ndimage.binary_fill_holes(mask)
        assert (filled & ~mask).sum() < 0.002 * mask.sum()
    inside = region(healthy, "lung_vessel") & region(healthy, "lungs")
    assert inside.sum() > 0.9 * region(healthy, "lung_vessel").sum() > 0


def test_every_lobe_has_vessels_and_bronchi_of_its_own(healthy):
    for lobe in LOBES:
        for tree in ("lung_vessel", "airway"):
            assert (region(healthy, lobe) & region(healthy, tree)).any()


def test_pleural_fluid_is_no_lung_and_the_finding_is_where_it_is(wet):
    fluid = region(wet, "pleural_space")
    assert fluid.any()
    assert not (fluid & region(wet, "lungs")).any()
    found = regions.mask(wet.findings, "pleural_effusion")
    assert (fluid & found).sum() > 0.97 * found.sum()
    assert fluid[~found].sum() == 0
    assert region(wet, "pleural_cavity")[found].mean() > 0.97


def test_pleural_fluid_has_the_density_of_fluid_and_lies_behind(wet):
    fluid = ndimage.binary_erosion(region(wet, "pleural_space"))
    assert 0 <= np.median(wet.image.voxels[fluid]) <= 25
    assert middle(wet, fluid)[1] < middle(wet, region(wet, "lungs"))[1] - 20


@pytest.mark.parametrize(("size", "least", "most"), [(64, 15, 120), (128, 60, 160)])
def test_fissures_are_faint_lines_between_the_lobes(size, least, most):
    parameters = planned(size=size)[0]
    case = chest_ct.draw(parameters)
    quiet = (region(case, "lung_right")) & ~region(case, "lung_vessel") & ~region(case, "airway")
    quiet = ndimage.binary_erosion(quiet, iterations=2)
    grid = chest_ct._grid(parameters)[0]
    args = parameters["body"], parameters["exam"], grid, 1
    depth = fissures.lobe_depth(*args, "lower lobe")
    on = np.abs(depth) < 0.2 * grid.edge_mm
    beside = (np.abs(depth) > 2 * grid.edge_mm) & (np.abs(depth) < 5 * grid.edge_mm)
    line, rest = (np.median(case.image.voxels[quiet & m]) for m in (on, beside))
    assert least < line - rest < most


def test_the_airway_runs_from_the_neck_into_both_lungs_in_one_piece(healthy):
    pieces, _ = ndimage.label(region(healthy, "airway"), np.ones((3, 3, 3)))
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    heights = np.flatnonzero(largest.any(axis=(0, 1)))
    top = np.flatnonzero(region(healthy, "body").any(axis=(0, 1))).max()
    assert heights.max() >= top - 1
    for side in ("lung_right", "lung_left"):
        assert (largest & region(healthy, side)).sum() > 40
    assert (largest & ~region(healthy, "lungs")).sum() > 100


def test_vessels_keep_away_from_fissures():
    parameters = planned(size=128)[0]
    case, grid = chest_ct.draw(parameters), chest_ct._grid(parameters)[0]
    for side, name in ((1, "lung_right"), (-1, "lung_left")):
        args = parameters["body"], parameters["exam"], grid, side
        away = np.abs(fissures.lobe_depth(*args, "lower lobe"))
        vessel, lung = region(case, "lung_vessel"), region(case, name)
        near, far = (vessel[lung & (away < 3)].mean(), vessel[lung & (away > 8)].mean())
        assert near < 0.6 * far


def test_branches_reach_their_goals_and_taper():
    rng = np.random.default_rng(0)
    goals = rng.uniform(0, 50, (30, 3))
    tree = branches.grown(np.zeros((1, 3)), np.array([5.0]), goals, 0.7)
    assert {tuple(end) for end in tree.ends[:, 1]} == {tuple(goal) for goal in goals}
    assert (tree.radii[:, 0] >= tree.radii[:, 1]).all()
    assert tree.radii.min() == pytest.approx(0.7)


def test_soft_tissues_differ_as_in_a_patient(healthy):
    hu, inside = healthy.image.voxels, region(healthy, "abdomen")
    x = healthy.image.affine[0, 3] + np.arange(len(hu)) * healthy.image.spacing_mm[0]
    right = inside & (x > 30)[:, None, None]
    liver = ndimage.binary_erosion(right & (hu > 20) & (hu < 100), iterations=3)
    assert 45 < np.median(hu[liver]) < 70
    wall = region(healthy, "body")
    assert ((hu < -70) & (hu > -140) & wall).sum() > 0.04 * wall.sum()
    assert ((hu > 30) & (hu < 80) & wall).sum() > 0.15 * wall.sum()
    assert ((hu < -60) & region(healthy, "mediastinum")).any()


def test_the_back_of_the_lungs_is_denser_than_the_front(healthy):
    lungs = region(healthy, "lungs") & ~region(healthy, "lung_vessel") & ~region(healthy, "airway")
    lungs = ndimage.binary_erosion(lungs, iterations=2)
    y = np.argwhere(lungs)[:, 1]
    hu = healthy.image.voxels[lungs]
    back, front = hu[y < np.quantile(y, 0.2)], hu[y > np.quantile(y, 0.8)]
    assert 15 < np.median(back) - np.median(front) < 60


def test_a_filled_lobe_keeps_air_in_its_bronchi():
    parameters = planned(seed=3, size=112, findings={"consolidation": 1.0})[0]
    parameters["findings"][0] |= {"share": 1.0, "strength": 0.95, "location": "lower lobe"}
    case = chest_ct.draw(parameters)
    marked = regions.mask(case.findings, "consolidation")
    airway = ndimage.binary_erosion(region(case, "airway")) & marked
    assert np.median(case.image.voxels[marked]) > -100
    assert airway.any()
    assert np.median(case.image.voxels[airway]) < np.median(case.image.voxels[marked]) - 300


def test_a_grid_may_have_three_sizes_and_shows_the_whole_chest():
    case = chest_ct.draw(planned(size=[48, 40, 56])[0])
    assert case.image.voxels.shape == (48, 40, 56)
    lungs = region(case, "lungs")
    for axis in range(3):
        ends = np.moveaxis(lungs, axis, 0)[[0, -1]]
        assert not ends.any()


def test_a_body_looks_alike_on_any_grid():
    coarse, fine = (chest_ct.draw(planned(size=n)[0]) for n in (40, 80))
    for name in (*LOBES, "heart", "aorta"):
        small, large = region(coarse, name).mean(), region(fine, name).mean()
        assert small == pytest.approx(large, rel=0.15, abs=4e-4)


def test_one_site_shows_the_table():
    for site, seen in (("a", False), ("b", True)):
        case = chest_ct.draw(planned(site=site)[0])
        outside = ndimage.binary_erosion(case.anatomy == 0, iterations=2)
        assert ((case.image.voxels > -700) & outside).any() == seen
