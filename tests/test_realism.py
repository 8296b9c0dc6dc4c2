"""Distances have the values that are known, and arms come in the order that they must."""

import drawn_volumes
import numpy as np
import pandas as pd
import pytest
import torch
from monai.metrics import FIDMetric

from radfoundry import tables
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.metrics import frechet
from radfoundry.evaluation.realism import corruption, descriptions, distances
from radfoundry.radiomics import vector_names
from radfoundry.segmenters import threshold
from radfoundry.volume import Volume

FEW = {"draws": 40, "repeats": 8}


def normal(n, d=6, shift=0.0, spread=1.0, seed=0):
    return shift + spread * np.random.default_rng(seed).normal(size=(n, d))


def rows(values, per_owner=1, name="p"):
    return distances.Rows(values, [f"{name}{i // per_owner}" for i in range(len(values))])


def arms(n=30, d=6, shift=0.6):
    sets = {"synthetic": normal(n, d, shift, seed=1), "real_floor": normal(n, d, seed=2)}
    sets["corrupted_real"] = normal(n, d, 1.5, seed=3)
    return {name: rows(values, name=name) for name, values in sets.items()}


def value(table, metric, arm):
    return table.set_index(["metric", "arm"]).loc[(metric, arm), "value"]


def chest(name, seed=0, **facts):
    """Return a noisy body with a dark, textured cube in it, labeled as a lung."""
    hu = np.full((24, 24, 24), 40.0) + np.random.default_rng(seed).normal(0, 30, (24, 24, 24))
    labels = np.zeros(hu.shape, np.uint8)
    labels[6:18, 6:18, 6:18] = 1
    hu[labels > 0] -= 850
    image = Volume(hu.astype(np.float32), np.diag([4.0, 4, 4, 1]))
    return Case(name, image, labels, np.zeros_like(labels), {"patient": name, **facts})


def dark(image):
    return np.where(image.voxels < -500, 1, 0).astype(np.uint8)


def means(volumes):
    found = [[v.voxels.mean(), v.voxels.std()] for v in volumes]
    return np.array(found, float).reshape(-1, 2)


def test_a_shifted_set_is_as_far_as_its_shift_squared():
    real = normal(400)
    assert frechet.frechet_distance(real, real + 0.5) == pytest.approx(6 * 0.25)


def test_a_stretched_set_is_as_far_as_its_spread_says():
    real = normal(400)
    stretched = real.mean(0) + 3 * (real - real.mean(0))
    spread = np.cov(real.T).trace()
    assert frechet.frechet_distance(real, stretched) == pytest.approx(4 * spread)


@pytest.mark.parametrize("distance", [frechet.frechet_distance, frechet.mmd, frechet.kid])
def test_a_set_is_no_distance_from_itself(distance):
    real = normal(300)
    assert distance(real, real) == pytest.approx(0, abs=0.1)


def test_frechet_agrees_with_monai_where_monai_is_defined():
    real, other = normal(80, 5), normal(60, 5, 0.3, 1.4, seed=1)
    theirs = FIDMetric()(torch.from_numpy(other), torch.from_numpy(real))
    assert frechet.frechet_distance(real, other) == pytest.approx(float(theirs), rel=1e-6)


def test_frechet_of_fewer_rows_than_features_is_exact_in_the_plane_they_span():
    real, other = normal(10, 3), normal(12, 3, 1.0, seed=1)
    turn = np.linalg.qr(normal(50, 50, seed=2))[0][:3]
    plain = frechet.frechet_distance(real, other)
    assert frechet.frechet_distance(real @ turn, other @ turn) == pytest.approx(plain)


def test_mmd_sees_a_spread_that_means_do_not_show():
    real = normal(200)
    assert frechet.mmd(real, normal(200, seed=1)) < 0.01
    assert frechet.mmd(real, normal(200, spread=2.0, seed=1)) > 0.05


def test_mmd_is_unbiased():
    found = [frechet.mmd(normal(12, seed=2 * i), normal(12, seed=2 * i + 1)) for i in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_the_width_of_the_kernel_is_taken_from_the_real_set_alone():
    real, far = normal(50), normal(50, shift=100.0)
    assert frechet.mmd(real, far) == pytest.approx(frechet.mmd(real, far, frechet.bandwidth(real)))
    assert frechet.mmd(real, far, 1000.0) < frechet.mmd(real, far)


@pytest.mark.parametrize("distance", [frechet.frechet_distance, frechet.mmd, frechet.kid])
@pytest.mark.parametrize("bad", [normal(1), np.full((20, 6), np.nan), normal(0)])
def test_what_cannot_be_compared_is_nan(distance, bad):
    assert np.isnan(distance(normal(20), bad))


def test_sets_of_other_features_are_refused():
    with pytest.raises(ValueError, match="not .n, d. and .m, d."):
        frechet.kid(normal(9, 3), normal(9, 4))


def radiomics(n=40, d=4, shift=0.0, seed=0):
    return pd.DataFrame(normal(n, d, shift, seed=seed))


def frd(real, drawn):
    """Return the one frd of a drawn set as large as the real one, and its note."""
    table = distances.radiomic_distances(
        rows(real), {"synthetic": rows(drawn, name="s")}, np.random.default_rng(0), FEW
    )
    return table["value"].item(), table["note"].item()


def test_frd_does_not_depend_on_the_units_of_features():
    real, drawn = radiomics(), radiomics(shift=1.0, seed=1)
    units = np.array([1.0, 1e-3, 1e4, 10])
    assert frd(real * units, drawn * units)[0] == pytest.approx(frd(real, drawn)[0])


def test_frd_of_a_shift_is_the_logarithm_of_its_square():
    real = radiomics()
    assert frd(real, real + 2 * real.std(ddof=0))[0] == pytest.approx(np.log(4 * 4))


def test_frd_leaves_out_constant_and_undefined_features_and_says_how_many():
    real, drawn = radiomics(20, 5), radiomics(20, 5, seed=1)
    plain = frd(real[[0, 1, 2]], drawn[[0, 1, 2]])[0]
    real[3], drawn.loc[4, 4] = 7.0, np.nan
    drawn.loc[20] = np.nan  # a volume whose lungs could not be measured
    value, note = frd(real, drawn)
    assert value == pytest.approx(plain)
    assert note.endswith("; 2 features constant or undefined; 1 volumes not measured")


def test_the_floor_is_nearest_and_the_corrupted_farthest():
    table = distances.distances(rows(normal(30)), arms(), np.random.default_rng(0), FEW)
    for metric in ("fid", "mmd", "kid"):
        found = [value(table, metric, arm) for arm in ("real_floor", "synthetic", "corrupted_real")]
        assert found == sorted(found), metric


def test_all_arms_compare_sets_of_one_size_and_the_note_says_so():
    sets = arms(30) | {"synthetic": rows(normal(12), name="s")}
    table = distances.distances(rows(normal(25)), sets, np.random.default_rng(0), FEW)
    assert set(table["n"]) == {12}
    assert table["note"].str.startswith("12 against 12 of 25 real (25 patients)").all()


def test_generators_of_many_and_of_few_samples_are_compared_at_the_one_count_asked_for():
    values, few = {}, FEW | {"count": 16}
    for n in (16, 150):
        sets = {"synthetic": rows(normal(n, 12, seed=1), name="s")}
        table = distances.distances(rows(normal(90, 12)), sets, np.random.default_rng(0), few)
        assert set(table["n"]) == {16}
        assert not table["note"].str.contains("asked for").any()
        values[n] = value(table, "fid", "synthetic")
    whole = distances.distances(rows(normal(90, 12)), sets, np.random.default_rng(0), FEW)
    assert values[150] == pytest.approx(values[16], rel=0.25)
    assert value(whole, "fid", "synthetic") < 0.4 * values[150]  # what another n would have made


def test_where_fewer_are_there_than_the_count_the_note_says_so():
    table = distances.distances(rows(normal(40)), arms(12), np.random.default_rng(0), FEW)
    note = "fewer than the 1024 asked for: compare with none of another n"
    assert table["note"].str.contains(note, regex=False).all()


def test_intervals_hold_their_value_and_narrow_with_more_volumes():
    widths = []
    for n in (12, 150):
        table = distances.distances(rows(normal(n)), arms(n), np.random.default_rng(0), FEW)
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        fid = table.set_index(["metric", "arm"]).loc[("fid", "corrupted_real")]
        widths.append(fid["high"] - fid["low"])
    assert widths[1] < 0.7 * widths[0]


def test_patients_with_several_exams_widen_the_interval():
    exams = np.repeat(normal(10, seed=5), 4, axis=0)
    wide, narrow = (
        distances.distances(rows(exams, per), arms(40), np.random.default_rng(0), FEW)
        for per in (4, 1)
    )
    width = [(t["high"] - t["low"])[t["metric"] == "mmd"].mean() for t in (wide, narrow)]
    assert width[0] > width[1]


def test_equal_chance_gives_equal_tables_and_sets_are_left_alone():
    real, sets = rows(normal(20)), arms(20)
    before = real.values.copy()
    first, second = (
        distances.distances(real, sets, np.random.default_rng(7), FEW) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)
    np.testing.assert_array_equal(real.values, before)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_too_few_volumes_give_nan_with_a_reason_that_the_schema_takes(n):
    sets = arms(20) | {"synthetic": rows(normal(n), name="s")}
    table = distances.distances(rows(normal(20)), sets, np.random.default_rng(0), FEW)
    assert table["value"].isna().all()
    assert table["note"].str.contains("fewer than 8").all()
    assert len(tables.checked(table, "distances", "here")) == 9


def test_volumes_without_finite_features_are_left_out_and_counted():
    sets = arms(20)
    broken = sets["synthetic"].values.copy()
    broken[:3] = np.nan
    sets["synthetic"] = rows(broken, name="s")
    table = distances.distances(rows(normal(20)), sets, np.random.default_rng(0), FEW)
    assert set(table["n"]) == {17}
    assert table["note"].str.contains("3 left out").all()


def test_a_share_of_rows_of_few_owners_has_no_interval():
    few = distances.Rows(normal(20), ["a", "b"] * 10)
    table = distances.overlaps(rows(normal(20)), {"synthetic": few}, np.random.default_rng(0), FEW)
    precision = table.set_index("metric").loc["manifold_precision"]
    assert np.isfinite(precision["value"])
    assert np.isnan([precision["low"], precision["high"]]).all()


def test_rows_come_from_whole_owners_and_never_twice():
    owners = np.repeat(["a", "b", "c", "d"], 3)
    picked = distances.chosen_rows(owners, 6, np.random.default_rng(0))
    assert len(set(picked)) == 6
    assert len(set(owners[picked])) == 2


def test_a_corrupted_case_is_blurred_noisy_and_moved_with_its_maps():
    case = chest("a")
    image, labels = case.image.voxels.copy(), case.anatomy.copy()
    first, second = (corruption.corrupted(case, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.image.voxels, second.image.voxels)
    np.testing.assert_array_equal(case.image.voxels, image)
    np.testing.assert_array_equal(case.anatomy, labels)
    assert first.image.voxels[labels == 0].std() > 2 * image[labels == 0].std()
    assert not np.array_equal(first.anatomy, labels)
    assert np.median(first.image.voxels[first.anatomy > 0]) < -700


def test_volumes_become_features_and_those_that_are_named_radiomics():
    cases = [chest(f"a{i}", i, sample=f"a{i}") for i in range(3)]
    found, texture = descriptions.described(iter(cases), means, dark, {"a2", "a0"})
    assert found.values.shape == (3, 2)
    assert texture.values.shape == (2, len(vector_names(3)))
    assert (list(found.owners), list(texture.owners)) == (["a0", "a1", "a2"], ["a0", "a2"])
    assert np.isfinite(texture.values.to_numpy()).all()


def test_a_volume_without_lungs_has_no_radiomics_and_does_not_stop_the_rest():
    cases = [chest(f"a{i}", i) for i in range(2)]
    nothing = np.zeros((24, 24, 24), np.uint8)
    _, texture = descriptions.described(cases, means, lambda image: nothing, ["a0", "a1"])
    assert texture.values.isna().all(axis=None)


def test_radiomic_distances_order_real_and_corrupted_volumes():
    kinds = {"real": (0, None), "real_floor": (20, None), "synthetic": (40, None)}
    kinds["corrupted_real"] = (20, lambda name: np.random.default_rng(int(name[1:])))
    sets = {}
    for name, (start, spoil) in kinds.items():
        cases = [chest(f"a{i}", i) for i in range(start, start + 8)]
        sets[name] = descriptions.described(cases, means, dark, [c.name for c in cases], spoil)
    table = distances.compare(sets, np.random.default_rng(0), FEW)
    assert value(table, "frd", "corrupted_real") > value(table, "frd", "real_floor") + 1
    assert value(table, "fid", "corrupted_real") > value(table, "fid", "real_floor")
    assert len(tables.checked(table, "distances", "here")) == 18


def test_volumes_are_taken_in_an_order_that_the_seed_alone_tells():
    names = [f"a{i}" for i in range(20)]
    first = descriptions.shuffled(names, 1, 12)
    assert first == descriptions.shuffled(names[::-1], 1, 12)
    assert len(set(first)) == 12
    assert first not in (names[:12], descriptions.shuffled(names, 2, 12))


def test_described_volumes_come_back_from_their_table_as_they_were(tmp_path):
    sets = {}
    for name, start in (("real", 0), ("real_floor", 3), ("corrupted_real", 6)):
        cases = [chest(f"a{i}", i) for i in range(start, start + 3)]
        sets[name] = descriptions.described(cases, means, dark, [c.name for c in cases[:2]])
    tables.write(descriptions.tabled(sets), tmp_path / "descriptions.parquet", "descriptions")
    back = descriptions.untabled(tables.read(tmp_path / "descriptions.parquet", "descriptions"))
    for name, (seen, texture) in sets.items():
        np.testing.assert_array_equal(back[name][0].values, seen.values)
        np.testing.assert_array_equal(back[name][1].values, texture.values)
        assert list(back[name][1].values) == list(texture.values)
        assert [list(rows.owners) for rows in back[name]] == [seen.owners, texture.owners]


def through_a_table(sets, path):
    tables.write(descriptions.tabled(sets), path, "descriptions")
    return descriptions.untabled(tables.read(path, "descriptions"))


def test_parts_of_a_cohort_are_described_as_the_whole_is(tmp_path):
    def sets(start, stop):
        cases = [chest(f"a{i}", i) for i in range(start, stop)]
        found = descriptions.described(cases, means, dark, ["a0", "a2"])
        return dict.fromkeys(descriptions.REAL_SETS, found)

    whole, bounds = sets(0, 3), ((0, 2), (2, 2), (2, 3))  # one part has nothing to describe
    parts = [through_a_table(sets(*ends), tmp_path / f"{ends[0]}.parquet") for ends in bounds]
    pd.testing.assert_frame_equal(
        descriptions.tabled(descriptions.joined(parts)), descriptions.tabled(whole)
    )


def test_a_set_of_no_real_volumes_comes_back_empty_and_is_said_to_be_too_small():
    cases = [chest(f"a{i}", i) for i in range(3)]
    full, empty = (descriptions.described(some, means, dark, []) for some in (cases, []))
    back = descriptions.untabled(descriptions.tabled({"real": empty, "real_floor": full}))
    assert [rows.values.shape[0] for rows in back["real"]] == [0, 0]
    table = distances.compare(back | {"synthetic": full}, np.random.default_rng(0))
    assert table["note"].str.startswith("fewer than 8 volumes in a set").all()


FAST = {"lobes": False, "vessels": False, "heart": False}  # as the schema has it


def test_the_lungs_of_distances_are_those_that_the_whole_segmenter_finds():
    (case,) = drawn_volumes.phantoms(1, 3, size=64)
    found, whole = (
        descriptions.lungs_finder("threshold", FAST)(case.image),
        threshold.prepare({})(case.image),
    )
    assert regions.mask(whole, "lungs").any()
    np.testing.assert_array_equal(regions.mask(found, "lungs"), regions.mask(whole, "lungs"))


def test_nothing_to_measure_gives_a_table_all_the_same():
    empty = descriptions.described([], means, dark, [])
    names = ("real", "real_floor", "synthetic", "corrupted_real")
    table = distances.compare(dict.fromkeys(names, empty), np.random.default_rng(0))
    assert table["value"].isna().all()
    assert set(table["n"]) == {0}
