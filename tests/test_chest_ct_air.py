"""Body, lungs, airways and findings on bodies simple enough to know the answer."""

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import (
    air,
    airways,
    coarse_lungs,
    findings,
    mediastinum,
    morphology,
    rib_cage,
)
from radfoundry.volume import Volume

SPACING = (3.0, 3.0, 3.0)


def ellipsoid(middle, radii, shape=(96, 72, 60)):
    """Return the voxels of an ellipsoid."""
    at = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return sum(((a - m) / r) ** 2 for a, m, r in zip(at, middle, radii, strict=True)) < 1


def chest(touching=False):
    """Return HU of a cylinder with ribs, two ellipsoid lungs, a windpipe and bowel gas."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in (96, 72, 60)), indexing="ij")
    hu = np.full(x.shape, -1000, np.float32)
    oval = ((x - 47.5) / 44) ** 2 + ((y - 36) / 30) ** 2
    hu[oval < 1] = 40
    hu[(oval > 0.76) & (oval < 0.84) & (z % 8 < 3) & (np.abs(x - 47.5) > 9)] = 700
    near = 17.5 if touching else 20
    for sign in (1, -1):
        hu[ellipsoid((47.5 + sign * near, 36, 34), (17.8, 22, 22))] = -850
    hu[(np.hypot(x - 47.5, y - 30) < 3) & (z > 40)] = -1000
    hu[ellipsoid((40, 50, 5), (9, 8, 4))] = -1000
    return hu


def test_the_body_is_filled_and_the_table_is_not_part_of_it():
    hu = chest()
    hu[:, 1:3] = 200
    inside = air.body(hu, SPACING)
    assert inside[47, 36, 30]
    assert inside[60, 36, 34]
    assert not inside[:, :4].any()


@pytest.mark.parametrize("where", [np.s_[30:], np.s_[20:76], np.s_[:60, :50]])
def test_a_mattress_below_a_cut_body_is_not_part_of_it(where):
    hu = chest()
    hu[(hu < -990) & (np.arange(72) < 20)[None, :, None]] = -900
    assert not air.body(hu[where], SPACING)[:, :5].any()


def test_an_empty_image_has_no_body():
    assert not air.body(np.full((20, 20, 20), -1000, np.float32), SPACING).any()


def test_lungs_leave_out_windpipe_and_bowel_gas():
    hu = chest()
    inside = air.body(hu, SPACING)
    right, left = air.lungs(hu, SPACING, inside, airways.airways(hu, SPACING, inside))
    assert right[68, 36, 34]
    assert left[27, 36, 34]
    assert not (right | left)[47, 30, 55]
    assert not (right | left)[:, :, :9].any()


@pytest.mark.parametrize("stool", [0.0, 0.3, 0.6])
def test_bowel_below_a_lung_is_no_lung_with_or_without_stool(stool):
    hu, rng = chest(), np.random.default_rng(0)
    bowel = ellipsoid((68, 40, 6), (9, 14, 4))
    hu[bowel] = np.where(rng.random(bowel.sum()) < stool, -350, -1000)
    hu[..., :5][(hu[..., :5] < -300) & bowel[..., :5]] -= 20
    right, left = air.lungs(hu + rng.normal(0, 25, hu.shape).astype(np.float32), SPACING)
    assert not (right | left)[:, :, :9].any()


def test_a_bulla_with_a_wall_stays_lung():
    hu = chest()
    hu[ellipsoid((68, 36, 40), (11, 12, 9))] = -300
    hu[ellipsoid((68, 36, 40), (10, 11, 8))] = -990
    right, _ = air.lungs(hu, SPACING)
    assert right[68, 36, 40]


def test_touching_lungs_are_parted_in_the_middle():
    hu = chest(touching=True)
    right, left = air.lungs(hu, SPACING)
    assert not right[:46].any()
    assert not left[50:].any()
    assert right.sum() == pytest.approx(left.sum(), rel=0.05)


def test_dense_lung_is_lung():
    hu = chest()
    hu[ellipsoid((68, 30, 34), (7, 7, 7))] = -200
    right, _ = air.lungs(hu, SPACING)
    assert right[68, 30, 34]


def test_the_windpipe_is_found_and_does_not_leak():
    hu = chest()
    found = airways.airways(hu, SPACING, air.body(hu, SPACING))
    assert found[47, 30, 42:].all()
    assert found.sum() * 27 < 2e4


def test_a_chest_without_windpipe_has_no_airway():
    hu = chest()
    hu[44:52, 26:34, 40:] = 40
    assert not airways.airways(hu, SPACING, air.body(hu, SPACING)).any()


def test_a_lung_that_the_edge_of_the_image_cuts_is_no_windpipe():
    hu = np.full((60, 50, 30), 40, np.float32)
    hu[:5, -5:, 5:] = -870
    assert not airways.airways(hu, SPACING, np.ones(hu.shape, bool), 8.0).any()
    hu[3:8, 20:25, 5:] = -1000
    found = airways.airways(hu, SPACING, np.ones(hu.shape, bool), 8.0)
    assert found[3:8, 20:25, 5:].all()
    assert not found[:, -5:].any()


def test_the_carina_is_where_the_windpipe_has_divided():
    tree = np.zeros((40, 20, 40), bool)
    tree[17:23, 8:14, 20:] = True
    tree[11:16, 8:14, :20] = tree[24:29, 8:14, :20] = True
    assert mediastinum.carina(tree, SPACING) == pytest.approx(19, abs=1)
    assert np.isnan(mediastinum.carina(np.zeros((4, 4, 4), bool), SPACING))


def test_the_inside_of_the_ribs_holds_the_lungs_and_not_the_wall():
    hu = chest()
    lungs = air.lungs(hu, SPACING)
    halves = rib_cage.halves(hu, SPACING, lungs, 47.5)
    assert halves[0].cavity[lungs[0]].all()
    assert not halves[0].cavity[:47].any()
    assert not (halves[0].cavity | halves[1].cavity)[47, 4].any()


def test_balls_are_in_millimetres():
    mask = np.zeros((31, 31, 31), bool)
    mask[15, 15, 15] = True
    grown = morphology.grown(mask, 6.0, (1.0, 2.0, 3.0))
    assert [int(np.ptp(line)) for line in np.nonzero(grown)] == [12, 6, 4]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999, 1.0])
def test_balls_are_the_same_in_a_box_as_on_the_whole_grid(share, order):
    spacing, rng = (1.0, 2.0, 1.5), np.random.default_rng(4)
    mask = np.asarray(rng.random((12, 9, 14)) < share, order=order)
    for radius in (1.0, 2.5, 6.0):
        away = morphology.depth_mm(~mask, spacing) if mask.any() else np.full(mask.shape, np.inf)
        whole = morphology.depth_mm(mask, spacing) > radius
        np.testing.assert_array_equal(morphology.grown(mask, radius, spacing), away <= radius)
        np.testing.assert_array_equal(morphology.shrunk(mask, radius, spacing), whole)


def test_gas_above_the_lungs_is_no_lung_in_any_order_of_memory():
    hu = np.full((96, 72, 60), 40, np.float32)
    hu[10:40, 15:60, 4:28] = hu[56:86, 15:60, 4:28] = -850
    hu[30:70, 10:62, 34:58] = -1000
    inside = np.ones(hu.shape, bool)
    for order in ("C", "F"):
        given = np.asarray(hu, order=order), SPACING, np.asarray(inside, order=order)
        assert airways.lungs_top(*given) == pytest.approx(27, abs=6)


def labeled_lung(hu):
    """Return an image that is one lung, and its anatomy map."""
    labels = np.full(hu.shape, regions.label_id("lung_right"), np.uint8)
    return Volume(hu.astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0])), labels


def test_emphysema_is_marked_where_it_is_and_noise_is_not():
    hu = np.random.default_rng(0).normal(-860, 40, (40, 40, 40))
    hu[10:20, 10:20, 10:20] -= 125
    image, labels = labeled_lung(hu)
    found = findings.marked(image, labels) == regions.label_id("emphysema")
    assert found[12:18, 12:18, 12:18].all()
    assert not found[24:].any()


def test_fluid_of_any_segmenter_is_an_effusion():
    image, labels = labeled_lung(np.full((40, 40, 40), -860))
    labels[:20, :20] = regions.label_id("pleural_space")
    found = findings.marked(image, labels)
    assert (found == regions.label_id("pleural_effusion")).sum() == 20 * 20 * 40


def test_labels_of_another_grid_are_refused():
    image, labels = labeled_lung(np.full((8, 8, 8), -860))
    with pytest.raises(ValueError, match=r"\(8, 8, 7\)"):
        findings.marked(image, labels[..., 1:])


def test_voxels_are_averaged_in_blocks_and_labels_come_back_on_their_grid():
    voxels = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    small = coarse_lungs.reduced(voxels, (2, 2, 1))
    assert small.shape == (3, 2, 3)
    np.testing.assert_allclose(small[0, 0], voxels[:2, :2].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(small[2, 0], voxels[4, :2].mean(axis=0), rtol=1e-5)
    back = coarse_lungs.enlarged(small, (2, 2, 1), voxels.shape)
    np.testing.assert_array_equal(back, small[np.arange(5) // 2][:, np.arange(4) // 2])
