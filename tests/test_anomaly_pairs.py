"""Pairs of a normal picture and the same one with an anomaly, whoever painted it."""

import numpy as np
import pytest
from chests import chest

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.evaluation.tasks.anomaly import pairs


@pytest.fixture(scope="module")
def normals():
    return [pairs.normal_of(chest(f"case-{i}", 64, seed=i)) for i in range(4)]


@pytest.fixture(params=sorted(pairs.SYNTHESES))
def kind(request):
    return request.param


def painted(kind, normals, seed=0):
    return pairs.painted(kind, normals, 3, np.random.default_rng(seed))


def test_nothing_changes_outside_the_mask(kind, normals):
    for pair in painted(kind, normals):
        np.testing.assert_array_equal(pair.anomalous[~pair.mask], pair.normal[~pair.mask])
        assert pair.mask.any()
        assert not np.array_equal(pair.anomalous, pair.normal)


def test_pictures_stay_in_range(kind, normals):
    for pair in painted(kind, normals):
        assert pair.anomalous.dtype == np.float32
        assert 0 <= pair.anomalous.min() <= pair.anomalous.max() <= 1


def test_equal_generators_paint_equal_pairs(kind, normals):
    first, second, other = (painted(kind, normals, seed) for seed in (1, 1, 2))
    assert len(first) == 12
    assert all(np.array_equal(a.anomalous, b.anomalous) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a.mask, c.mask) for a, c in zip(first, other, strict=True))


def test_the_normal_pictures_are_left_alone(kind, normals):
    before = [n.picture.copy() for n in normals]
    painted(kind, normals)
    assert all(np.array_equal(b, n.picture) for b, n in zip(before, normals, strict=True))


def test_anomalies_lie_where_they_may(kind, normals):
    for pair, normal in zip(painted(kind, normals), np.repeat(np.arange(4), 3), strict=True):
        assert (pair.mask & normals[normal].region).any()


def test_an_empty_region_is_refused(kind, normals):
    empty = [pairs.Normal(n.picture, np.zeros_like(n.region)) for n in normals]
    with pytest.raises(ValueError, match="region to paint in is empty"):
        painted(kind, empty)


def test_a_case_without_lungs_may_be_painted_anywhere_in_the_body():
    case = chest(size=64)
    bare = Case("bare", case.image, np.zeros_like(case.anatomy), case.findings)
    region = pairs.normal_of(bare).region
    np.testing.assert_array_equal(region, volume.picture(case.image.voxels) > pairs.DARK)


def sample_of(source, name="syn", **facts):
    findings = np.zeros_like(source.findings)
    findings[20:30, 0, 20:30], findings[0, 0, 0] = 40, 255
    known = {"source": source.name, "split": "train", **facts}
    return Case(name, source.image, source.anatomy, findings, known)


def test_a_sample_is_paired_with_its_source_as_viewed():
    source = chest(size=64)
    pair = pairs.pair_of(source, sample_of(source))
    np.testing.assert_array_equal(pair.normal, pairs.normal_of(source).picture)
    np.testing.assert_array_equal(pair.normal[~pair.mask], pair.anomalous[~pair.mask])
    assert pair.mask.sum() == 100, "pixels to be ignored are no anomaly"


def test_a_sample_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="syn is"):
        pairs.pair_of(chest(size=64), sample_of(chest(size=96)))


def test_only_healthy_cases_and_samples_of_the_split_are_taken():
    own = [chest("a", 64), chest("b", 64, findings="nodule"), chest("c", 64)]
    samples = [sample_of(own[0]), sample_of(own[2], split="tune")]
    splits = {"a": "train", "b": "train", "c": "tune"}
    drawn, normals = pairs.of_split(own, samples, splits, "train")
    assert (len(drawn), len(normals)) == (1, 1)


def test_each_kind_of_arm_gathers_its_own_pairs(normals):
    rng = np.random.default_rng(0)
    drawn = painted("noise", normals)[:2]
    assert pairs.gathered("samples", drawn, normals, 3, rng) == drawn
    plain = pairs.gathered("none", drawn, normals, 3, rng)
    assert len(plain) == 4
    assert not any(pair.mask.any() for pair in plain)
    with pytest.raises(ValueError, match="choose from samples, none, cutpaste, noise"):
        pairs.gathered("magic", drawn, normals, 3, rng)
    with pytest.raises(ValueError, match="no training pictures"):
        pairs.gathered("samples", [], normals, 3, rng)


def test_lungs_of_two_exposures_get_one_gray():
    lungs = np.zeros((64, 64), bool)
    lungs[20:44, 10:54] = True
    film = np.where(lungs, 0.3, 0.8) + np.random.default_rng(0).normal(0, 0.02, lungs.shape)
    for picture in (film, 0.5 * film + 0.3):
        leveled = pairs.leveling(picture, lungs)(picture)
        assert np.median(leveled[lungs]) == pytest.approx(pairs.LUNG_GRAY, abs=0.01)
