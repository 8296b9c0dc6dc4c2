"""Findings are read off labels and HU, and what a window cut off is not seen."""

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import findings
from radfoundry.evaluation.metrics import clinical
from radfoundry.volume import Volume


def windowed(lowest):
    """Return a lung with a bulla of 40 mm behind a window from a lowest HU, and its labels."""
    hu = np.full((40, 40, 40), -850, np.float32)
    hu[10:30, 10:30, 10:30] = -990
    labels = np.full(hu.shape, regions.label_id("lung_right"), np.uint8)
    return Volume(np.clip(hu, lowest, 400), np.diag([2.0, 2.0, 2.0, 1.0])), labels


@pytest.mark.parametrize(("lowest", "seen"), [(-1024, True), (-950, False), (-900, False)])
def test_emphysema_behind_a_window_is_not_marked_and_not_measured_as_zero(lowest, seen):
    image, labels = windowed(lowest)
    found = findings.marked(image, labels)
    assert bool((found == regions.label_id("emphysema")).any()) == seen
    measured = clinical.measure(image, labels, found, 1.0, ("emphysema",), lowest)
    assert np.isnan(measured["emphysema_volume_ml"]) == (not seen)


def test_outlined_lesions_stay_and_effusion_of_others_gives_way():
    names = ("nodule", "pleural_effusion", "emphysema")
    nodule, fluid, bulla = (regions.label_id(name) for name in names)
    given = np.array([nodule, nodule, fluid, 0], np.uint8)
    marks = np.array([0, bulla, 0, fluid], np.uint8)
    np.testing.assert_array_equal(findings.laid_over(given, marks), [nodule, nodule, 0, fluid])
