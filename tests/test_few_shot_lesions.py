"""The task `few_shot_lesions`: U-Nets of slices that outline lesions in volumes."""

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry.case import Case
from radfoundry.evaluation.learners import lesion_volumes, slices
from radfoundry.evaluation.learners.classifier import Pool, Size
from radfoundry.evaluation.metrics import marked_lesions
from radfoundry.evaluation.tasks import few_shot_lesions as task
from radfoundry.evaluation.tasks._few_shot import pasted_lesions
from radfoundry.volume import Volume

CORE, ORGAN = 47, 18
QUICK = {"shots": [2], "added": 4, "steps": 4, "trial": 2, "batch": 4, "bootstrap": 20}
TINY = Size(16, (3, 2), (1, 1, 1, 1), (4, 8, 8, 8), 40, dims=2)
ONE_PLANE = (16, 16, 1)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Let networks be as small as they still learn."""
    monkeypatch.setitem(lesion_volumes.SIZES, "phantom", TINY)


def rng(seed=0):
    return np.random.default_rng(seed)


def case(name, ill=True, shape=(16, 16, 16), **facts):
    """Return a gray organ, with a bright lesion or without."""
    chance = rng(int.from_bytes(name.encode()) % 2**32)
    image = chance.normal(0.4, 0.03, shape).astype(np.float32)
    anatomy, findings = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    anatomy[2:14, 2:14] = ORGAN
    corner = [int(chance.integers(3, 8)) if side > 1 else 0 for side in shape]
    findings[tuple(slice(start, start + 4) for start in corner)] = CORE * ill
    image[findings > 0] += 0.4
    known = {"patient": name, "cohort": "own", "findings": "tumour_core" if ill else ""}
    volume = Volume(np.clip(image, 0, 1), np.eye(4))
    return Case(name, volume, anatomy, findings, known | facts)


def cohort(name, count=6, **facts):
    return [case(f"{name}{i}", **facts) for i in range(count)]


def cases(**parts):
    named = {part: cohort(part, 4) for part in ("tune", "test")}
    drawn = {
        name: cohort(name, 6, patient="train0", kept=True) for name in ("samples", "unfiltered")
    }
    drawn["untrained"] = cohort("null", 6, patient="train0")
    return named | drawn | {"train": cohort("train", 8), "unseen": []} | parts


def ran(arm, options=None, **parts):
    given = QUICK | {"seed": 0} | (options or {})
    return task.run(arm, cases(**parts), given, rng()).assign(arm=arm, seed=0)


def pool(*own, **options):
    given = {
        "findings": ["tumour"],
        "organ": "organ",
        "window": (0, 1),
        "windows": {},
        "cohort": "",
    }
    return lesion_volumes.pooled(own, given | {"size": TINY} | options, True)


def test_every_arm_is_taught_by_patients_with_a_lesion_alone():
    for arm in task.ARMS:
        rows = ran(arm)
        assert rows[["tp", "fp", "fn"]].notna().all(None), (arm, set(rows["note"]))
        assert rows["truth"].eq(1).all()
    assert ran("synthetic_added")["samples"].eq(4).all()
    assert ran("extra_real")["extra"].eq(4).all()


def test_a_case_without_a_lesion_neither_teaches_nor_is_tested():
    well = [case(f"well{i}", ill=False) for i in range(4)]
    rows = ran("real", test=[*cohort("test", 2), *well], options={"shots": [3]})
    assert rows["truth"].isna().sum() == 4
    lacking = ran("real", train=[*cohort("train", 2), *well], options={"shots": [3]})
    assert set(lacking["note"]) == {"2 with it to be taught by, k = 3"}


def test_without_samples_with_a_lesion_an_arm_says_that_there_are_none():
    gone = [case(f"gone{i}", ill=False, patient="train0", kept=True) for i in range(4)]
    assert set(ran("synthetic_only", samples=gone)["note"]) == {"no kept samples with it"}


def test_a_lesion_that_can_be_seen_is_outlined():
    options = {"steps": 120, "trial": 40, "batch": 16, "shots": ["all"], "learning_rate": 0.03}
    found = task.summarise(ran("real_repeated", options), QUICK, "own", rng()).set_index("metric")
    assert found.loc["few_shot_dice", "value"] > 0.6
    assert found.loc["few_shot_sensitivity", "value"] == 1


def test_slices_with_the_lesion_teach_and_as_many_without():
    images, masks = slices.taught(pool(case("a")), 0)
    assert images.shape == (8, 1, 16, 16)
    assert masks.any((1, 2)).sum() == 4


def test_of_a_volume_of_one_plane_its_plane_teaches():
    own = pool(case("a", shape=ONE_PLANE))
    assert own.images.shape == (1, 3, 1, 16, 16)
    assert slices.taught(own, 0)[1].any((1, 2)).tolist() == [True]


def test_right_and_left_are_columns_whatever_the_plane():
    voxels = np.zeros((16, 16, 16), np.float32)
    voxels[12:] = 1
    for shown in (voxels, voxels[:, :, :1], voxels[:, :1]):
        blank = np.zeros(shown.shape, np.uint8)
        own = Case("a", Volume(shown, np.eye(4)), blank, blank)
        image = lesion_volumes.seen(own, 16, ("tumour",), "organ", (0, 1))[0]
        assert (image[..., :12] == -1).all()
        assert (image[..., 12:] == 1).all()


def test_a_window_that_shows_nothing_of_a_case_is_refused_with_its_name():
    with pytest.raises(
        ValueError, match=r"case 'a' has intensities .* none within the window 5 to"
    ):
        pool(case("a"), window=(5, 9))
    assert len(pool(case("a"), window=(5, 9), windows={"own": (0, 1)}, cohort="own").images) == 1


def test_a_pasted_lesion_lies_in_the_organ_beside_the_hosts_own():
    kind = pool(*cohort("k", 4))
    found, note = pasted_lesions.pasted([kind], (0, "tumour"), 6, rng())
    assert note == f"{len(found.images)} volumes with lesions of the k patients"
    for image, mask, organ in found.images.numpy():
        assert mask.sum() == 2 * 4**3
        assert (organ[mask > 0] > 0).mean() >= 0.9
        assert image[mask > 0].mean() > image[mask == 0].mean() + 0.5
    nowhere = Pool(
        kind.images * torch.tensor([1, 1, 0])[:, None, None, None], kind.labels, kind.facts
    )
    none, why = pasted_lesions.pasted([nowhere], (0, "tumour"), 6, rng())
    assert none is None
    assert "fits into an organ" in why


def test_a_lesion_smaller_than_a_voxel_of_the_network_is_not_lost():
    own = case("a", shape=(64, 64, 64))
    tiny = np.zeros_like(own.findings)
    tiny[20, 20, 20] = CORE
    kept = pool(Case("a", own.image, own.anatomy, tiny, own.facts))
    assert kept.images[0, 1].sum() == 1
    assert kept.labels.tolist() == [[1.0]]


def test_slices_beside_volumes_are_refused_by_name():
    with pytest.raises(ValueError, match="case 'b' has .16, 16, 1. voxels: slices cannot stand"):
        pool(case("a"), case("b", shape=ONE_PLANE))


def test_a_lesion_is_pasted_into_another_patients_slice_with_a_soft_border():
    kind = pool(*(case(f"k{n}", shape=ONE_PLANE) for n in range(4)))
    found, _ = pasted_lesions.pasted([kind], (0, "tumour"), 3, rng())
    known = [image.tobytes() for image in kind.images[:, 0].numpy()]
    for image, mask, _ in found.images.numpy():
        assert mask.any()
        assert image.tobytes() not in known


def test_sizes_are_thirds_of_the_tested_lesions_and_each_has_its_own_figure():
    voxels = [1.0, 2.0, 3.0, 10.0, 11.0, 12.0]
    rows = pd.DataFrame({"truth": 1.0, "voxels": voxels, "tp": voxels, "fp": 0.0, "fn": 0.0})
    rows.loc[:1, ["tp", "fn"]] = [[0.0, 1.0], [0.0, 2.0]]
    once = np.ones((1, 6))
    shares = [marked_lesions.sensitivity(rows, once, size)[0] for size in marked_lesions.SIZES]
    assert shares == [0, 1, 1]
    assert marked_lesions.overlap(rows, once, "large")[0] == 1
    assert marked_lesions.sensitivity(rows, once)[0] == pytest.approx(4 / 6)
    lost = rows.assign(tp=np.nan, fp=np.nan, fn=np.nan)
    assert np.isnan(marked_lesions.sensitivity(lost, once)[0])
