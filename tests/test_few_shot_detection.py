"""The task `few_shot_detection`: a detector's maps, its losses, and what its figures say."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_few_shot_radiographs import QUICK, TINY, cases, cohort, rng

from radfoundry.evaluation.learners import radiographs
from radfoundry.evaluation.metrics import boxes
from radfoundry.evaluation.tasks import few_shot_detection as task
from radfoundry.evaluation.tasks._few_shot import detecting

MASK = np.zeros((2, 32, 32), np.float32)
MASK[0, 4:13, 6:10] = MASK[0, 20:26, 20:31] = 1
LESIONS = [[4, 6, 13, 10], [20, 20, 26, 31]]


def perfect(masks=MASK):
    """Return what a network says that knows the masks."""
    heat, shape, at = detecting.maps(masks)
    center = torch.where(at > 0, 12.0, -12.0) - detecting.PRIOR
    return torch.cat([center, shape], 1), (heat, shape, at)


def ran(arm, options=None, **parts):
    given = QUICK | {"seed": 0} | (options or {})
    return task.run(arm, cases(**parts), given, rng()).assign(arm=arm, seed=0)


def test_boxes_that_are_written_as_maps_are_read_off_them_again():
    both = detecting.decoded(perfect()[0])
    strong = [own[own[:, 4] > 0.5] for own in both]
    assert sorted(map(tuple, strong[0][:, :4].round(3))) == sorted(map(tuple, LESIONS))
    assert len(strong[1]) == 0
    assert all(len(own) <= boxes.MOST for own in both)


def test_a_perfect_network_is_judged_perfect_and_has_no_loss():
    found, truth = perfect()
    precision, minus_loss = detecting.judge(found, MASK)
    assert precision == 1
    assert abs(minus_loss) < 1e-6
    worse = found + torch.tensor([0, 0, 0, 0.5, 0.5])[None, :, None, None]
    assert detecting.terms(worse, truth)["size"] == pytest.approx(detecting.SIZE_WEIGHT, rel=1e-5)


def test_the_loss_of_centers_is_the_papers():
    heat = torch.tensor([[[[1.0, 0.5]]]])
    at, shape = torch.tensor([[[[1.0, 0.0]]]]), torch.zeros(1, 4, 1, 2)
    logits = torch.tensor([0.3, -0.4])
    found = torch.cat([logits.reshape(1, 1, 1, 2) - detecting.PRIOR, shape], 1)
    one, other = (1 / (1 + np.exp(-value)) for value in (0.3, -0.4))
    wanted = -((1 - one) ** 2 * np.log(one) + 0.5**4 * other**2 * np.log(1 - other))
    assert float(detecting.terms(found, (heat, shape, at))["center"]) == pytest.approx(
        wanted, rel=1e-5
    )


def test_a_detector_learns_to_box_what_the_patients_show(monkeypatch):
    monkeypatch.setitem(radiographs.SIZES, "phantom", TINY)
    options = {"steps": 120, "trial": 40, "batch": 16, "shots": ["all"], "learning_rate": 0.01}
    rows = ran("real_repeated", options, train=cohort("train", 24), test=cohort("test", 12))
    found = task.summarise(rows, QUICK, "own", rng()).set_index("metric")
    assert found.loc["few_shot_ap30", "value"] > 0.5
    assert "6 lesions: 0 small, 0 medium, 6 large" in found.loc["few_shot_ap30", "note"]
    assert np.isnan(found.loc["few_shot_ap30_small", "value"])


def test_an_arm_without_teachers_finds_nothing_and_says_why(monkeypatch):
    monkeypatch.setitem(radiographs.SIZES, "phantom", TINY)
    rows = pd.concat([ran("synthetic_only", samples=[]), ran("real_repeated")])
    found = task.summarise(rows, QUICK, "own", rng())
    gain = found[found["metric"] == "few_shot_ap50_gain"].iloc[0]
    assert np.isnan(gain["value"])
    assert rows["detections"].iloc[0] == ""
    assert "no kept samples of both kinds" in set(rows["note"])
