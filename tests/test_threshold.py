"""The segmenter that needs no weights, on phantoms and on real chests."""

import json

import nibabel
import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import overlap
from radfoundry.phantoms import chest_ct
from radfoundry.segmenters import threshold
from radfoundry.volume import Volume

FINDINGS = {"pleural_effusion": 1.0, "cardiomegaly": 0.5}


def drawn(seed, size=80, findings=None):
    """Return a phantom CT."""
    options = {"patients": 1, "exams": [1, 1], "size": size, "findings": findings or {}}
    table = chest_ct.plan(options, np.random.default_rng(seed))
    return chest_ct.draw(json.loads(table.parameters[0]))


def dice(labels, case, region):
    """Return the Dice of a region of two anatomy maps."""
    return overlap.dice(regions.mask(labels, region), regions.mask(case.anatomy, region))


@pytest.fixture(scope="module")
def healthy():
    """Return a phantom and its labels."""
    case = drawn(3)
    return case, threshold.prepare({})(case.image)


@pytest.fixture(scope="module")
def effusion():
    """Return a phantom with pleural fluid and its labels."""
    case = drawn(11, 96, FINDINGS)
    return case, threshold.prepare({"lobes": False, "vessels": False})(case.image)


@pytest.mark.parametrize(
    ("region", "least"),
    [("lung_right", 0.96), ("lung_left", 0.96), ("airway", 0.6), ("heart", 0.75), ("lungs", 0.97)],
)
def test_it_finds_the_organs_of_a_phantom(healthy, region, least):
    assert dice(healthy[1], healthy[0], region) > least


def test_right_is_not_left(healthy):
    case, labels = healthy
    left = regions.mask(case.anatomy, "lung_left")
    assert not (regions.mask(labels, "lung_right") & left).sum() > 0.02 * left.sum()


def test_a_healthy_chest_has_no_fluid(healthy):
    assert not regions.mask(healthy[1], "pleural_space").any()


def test_fluid_is_measured(effusion):
    case, labels = effusion
    true = regions.mask(case.findings, "pleural_effusion").sum()
    assert regions.mask(labels, "pleural_space").sum() == pytest.approx(true, rel=0.2)


def test_an_option_turns_a_structure_off(healthy):
    off = {"airway": False, "heart": False, "vessels": False, "lobes": False, "pleural": False}
    labels = threshold.prepare(off)(healthy[0].image)
    assert set(np.unique(labels).tolist()) == {
        0, *(regions.label_id(name) for name in ("body", "lung_right", "lung_left"))
    }  # fmt: skip
    assert threshold.structures(off) == ("lung_right", "lung_left", "body")


def test_padding_of_the_scanner_changes_nothing(healthy):
    voxels = healthy[0].image.voxels.copy()
    voxels[:2] = voxels[:, :2] = -3024
    labels = threshold.prepare({})(Volume(voxels, healthy[0].image.affine))
    assert dice(labels, healthy[0], "lungs") > 0.97


def test_lungs_cut_by_the_scan_are_still_found(healthy):
    case = healthy[0]
    third = case.image.voxels.shape[2] // 3
    slab = Volume(case.image.voxels[:, :, third : third + 12], case.image.affine)
    labels = threshold.prepare({"lobes": False, "vessels": False})(slab)
    truth = regions.mask(case.anatomy, "lungs")[:, :, third : third + 12]
    assert overlap.dice(regions.mask(labels, "lungs"), truth) > 0.95


def test_bowel_gas_is_not_lung_in_an_abdomen(shared_data):
    image = nibabel.as_closest_canonical(
        nibabel.load(shared_data / "ct_totalseg_example" / "ct_small.nii.gz")
    )
    network = nibabel.as_closest_canonical(
        nibabel.load(shared_data / "ct_totalseg_example" / "ct_small_totalseg_117.nii.gz")
    )
    labels = threshold.prepare({"lobes": False, "vessels": False})(
        Volume(np.asarray(image.dataobj, np.float32), image.affine)
    )
    lobes = np.isin(np.asarray(network.dataobj), range(10, 15))
    assert overlap.dice(regions.mask(labels, "lungs"), lobes) > 0.93
    assert not regions.mask(labels, "airway").any()


def test_it_says_how_the_lobes_were_parted():
    case = drawn(3, 64)
    labels, notes = threshold.explained({})(case.image)
    np.testing.assert_array_equal(labels, threshold.prepare({})(case.image))
    assert set(notes) == set(threshold.LOBES)
    assert set(notes.values()) <= {"fissures", "oblique fissure", "horizontal fissure", "atlas"}
