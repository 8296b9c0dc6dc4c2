"""Vectors keep every case, scaling learns from the cases given, and nothing non-finite passes."""

import json

import numpy as np
import pandas as pd
import pytest

from radfoundry import radiomics, tables
from radfoundry.radiomics import vectors

NAMES = radiomics.vector_names(3, deprecated_shapes=True)


@pytest.fixture
def table():
    """Return the radiomics table of five cases, core and rim, where the rim of c3 was refused."""
    rng = np.random.default_rng(0)
    rows = [
        {"case": f"c{n}", "region": region, "code": "", **dict.fromkeys(NAMES, 0.0)}
        | dict(zip(NAMES, rng.normal(5, 2, len(NAMES)), strict=True))
        for n in range(5)
        for region in ("tumour_core", "tumour_rim", "lungs")
    ]
    frame = pd.DataFrame(rows)
    refused = (frame["case"] == "c3") & (frame["region"] == "tumour_rim")
    frame.loc[refused, NAMES] = np.nan
    frame.loc[refused, "code"] = "rad.empty"
    return frame


def test_shape_has_34_and_texture_148_named_columns(table):
    shape, texture = vectors.shape(table), vectors.texture(table)
    assert shape.shape == (5, 1 + 34)
    assert texture.shape == (5, 1 + 148)
    assert tuple(shape.columns[1:]) == vectors.names(vectors.SHAPE_CLASSES)
    assert tuple(texture.columns[1:]) == vectors.names(vectors.TEXTURE_CLASSES)
    assert "tumour_rim_original_shape_SphericalDisproportion" in shape
    kinds = pd.Series([name.split("_")[3] for name in texture.columns[1:]]).value_counts()
    assert kinds.to_dict() == {"firstorder": 36, "glcm": 48, "glrlm": 32, "glszm": 32}


def test_a_value_comes_from_its_own_case_and_region(table):
    row = table[(table["case"] == "c2") & (table["region"] == "tumour_rim")].iloc[0]
    shape = vectors.shape(table.sample(frac=1, random_state=3))
    column = "original_shape_Sphericity"
    assert shape.at["c2", f"tumour_rim_{column}"] == row[column]
    assert shape.at["c2", f"tumour_core_{column}"] != row[column]


def test_a_case_without_a_region_stays_as_nan_with_its_code(table):
    gone = table[~((table["case"] == "c1") & (table["region"] == "tumour_core"))]
    shape = vectors.shape(gone)
    assert list(shape.index) == ["c0", "c1", "c2", "c3", "c4"]
    assert shape["code"].to_dict() == {
        "c0": "", "c1": "tumour_core rad.absent", "c2": "", "c3": "tumour_rim rad.empty", "c4": "",
    }  # fmt: skip
    assert vectors.shape(table.head(0)).shape == (0, 35)
    assert shape.loc["c3"].isna().sum() == 17
    assert shape.loc["c1", [n for n in shape if n.startswith("tumour_core")]].isna().all()


def test_a_case_whose_texture_is_undefined_says_so_and_spoils_no_scaling(table):
    flat = (table["case"] == "c2") & (table["region"] == "tumour_rim")
    table.loc[flat, ["original_glcm_Imc1", "original_glcm_MCC"]] = np.nan, np.inf
    texture = vectors.texture(table)
    assert texture.at["c2", "code"] == "tumour_rim rad.undefined original_glcm_Imc1"
    assert np.isfinite(texture.at["c2", "tumour_rim_original_glcm_Contrast"])
    assert vectors.shape(table).at["c2", "code"] == ""
    assert vectors.fit(texture).cases == 3


def test_a_region_given_twice_and_missing_features_are_refused(table):
    with pytest.raises(ValueError, match="case c0 has region tumour_core twice"):
        vectors.shape(pd.concat([table, table.head(1)]))
    with pytest.raises(ValueError, match="deprecated_shapes: true"):
        vectors.shape(table.drop(columns="original_shape_Compactness1"))


def test_only_rows_of_whole_regions_are_taken_from_a_table_of_lesions(table):
    parts = table.assign(lesion=2, original_shape_Sphericity=-1.0)
    both = pd.concat([parts, table.assign(lesion=0)])
    pd.testing.assert_frame_equal(vectors.shape(both), vectors.shape(table))


def test_scaling_learns_from_the_cases_given_alone_and_inverts(table):
    train = vectors.shape(table).loc[["c0", "c1", "c2"]]
    scaling = vectors.fit(train)
    scaled = scaling.apply(train)
    np.testing.assert_allclose(scaled.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(ddof=0), 1)
    other = vectors.shape(table).loc[["c4"]]
    assert scaling.apply(other).abs().to_numpy().max() > 1
    pd.testing.assert_frame_equal(scaling.invert(scaling.apply(other)), other[list(scaling.names)])


def test_a_feature_that_does_not_vary_is_dropped_and_named(table):
    frame = vectors.shape(table).drop("c3")
    frame["tumour_core_original_shape_Flatness"] = 0.1 + 0.2
    frame["tumour_rim_original_shape_Elongation"] = [1.0, 1.0 + 2e-16, 1.0, 1.0]
    scaling = vectors.fit(frame)
    assert scaling.dropped == (
        "tumour_core_original_shape_Flatness", "tumour_rim_original_shape_Elongation",
    )  # fmt: skip
    assert len(scaling.apply(frame).columns) == len(scaling.names) == 32


def test_unmeasured_training_cases_are_left_out_but_never_pass_as_a_condition(table):
    frame = vectors.shape(table)
    scaling = vectors.fit(frame)
    assert scaling.cases == 4
    message = "case c3, feature tumour_rim_original_shape_MeshVolume is nan; 17 such values"
    with pytest.raises(ValueError, match=message):
        scaling.apply(frame)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_by_case_and_feature(table, value):
    frame = vectors.texture(table).drop("c3")
    frame.loc["c2", "tumour_rim_original_glcm_MCC"] = value  # after its code was given
    for use in (vectors.fit, vectors.fit(frame.drop("c2")).apply):
        with pytest.raises(ValueError, match=r"case c2, feature tumour_rim_original_glcm_MCC"):
            use(frame)


def test_too_few_cases_and_cases_all_alike_are_refused(table):
    frame = vectors.shape(table)
    with pytest.raises(ValueError, match="1 measured cases"):
        vectors.fit(frame.loc[["c0", "c3"]])
    with pytest.raises(ValueError, match="none of 34 features varies"):
        vectors.fit(frame.loc[["c0", "c0"]])


def test_a_scaling_survives_json_to_the_last_bit(table):
    scaling = vectors.fit(vectors.texture(table))
    assert vectors.Scaling.from_json(json.loads(json.dumps(scaling.to_json()))) == scaling


def test_conditions_are_scaled_by_the_train_split_alone_and_keep_every_case(table):
    splits = dict(zip(["c0", "c1", "c2", "c3", "c4"], ["train"] * 4 + ["test"], strict=True))
    made, stored = vectors.conditions(table, vectors.REGIONS, splits)
    assert list(made["case"]) == list(splits)
    assert list(made["split"]) == list(splits.values())
    assert stored["cases"] == 3
    values = made.set_index("case")[stored["names"]]
    np.testing.assert_allclose(values.loc[["c0", "c1", "c2"]].mean(), 0, atol=1e-12)
    assert made.set_index("case").at["c3", "code"] == "tumour_rim rad.empty"
    assert values.loc["c3"].isna().all()
    assert values.loc["c4"].notna().all()


def test_conditions_without_training_cases_stay_in_their_units_and_without_regions_are_none(table):
    made, stored = vectors.conditions(table, vectors.REGIONS, dict.fromkeys(table["case"], "test"))
    shape = vectors.shape(table)
    assert stored == {}
    np.testing.assert_array_equal(made[shape.columns[1:]], shape[shape.columns[1:]])
    none, stored = vectors.conditions(table, [], {})
    assert (len(none), stored) == (0, {})
    assert list(none) == list(tables.columns("vectors"))
