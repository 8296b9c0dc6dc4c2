"""TSCR's measurements: names, what a lesion measures, scores of which any may be missing."""

import numpy as np
import pytest

from radfoundry.generators.tscr import features
from radfoundry.generators.tscr.features import Table, decode, encode


def lesion(dims=3):
    """Return intensities and regions of a ball with a core."""
    at = np.indices((14,) * dims) - 6.5
    radius = np.sqrt((at**2).sum(0))
    regions = ((radius < 6).astype(np.uint8)) + (radius < 3)
    noise = np.random.default_rng(0).normal(size=radius.shape)
    return (np.where(regions == 2, 20, 90) + 8 * noise).astype(np.float32), regions.astype(np.uint8)


def test_there_are_as_many_measurements_as_in_the_paper():
    assert len(features.shape_names(3)) == 34
    assert len(features.texture_names()) == 148
    assert len(set(features.texture_names()) | set(features.shape_names(2))) == 148 + 18


@pytest.mark.parametrize("dims", [2, 3])
def test_a_lesion_is_measured_in_each_region_that_it_has(dims):
    image, regions = lesion(dims)
    kind = "shape2D" if dims == 2 else "shape"
    names = [f"whole_{kind}_Sphericity", "core_firstorder_Mean", "rim_firstorder_Mean"]
    found = features.measured(image, regions, (1.0,) * dims, names, {})
    assert list(found) == names
    assert found["core_firstorder_Mean"] == pytest.approx(20, abs=3)
    assert found["rim_firstorder_Mean"] == pytest.approx(90, abs=3)
    assert 0.7 < found[names[0]] <= 1


def test_a_lesion_without_a_core_has_no_measurement_of_one():
    image, regions = lesion()
    names = ["core_shape_Sphericity", "rim_firstorder_Mean"]
    found = features.measured(image, np.minimum(regions, 1), (1, 1, 1), names, {})
    assert np.isnan(found["core_shape_Sphericity"])
    assert np.isfinite(found["rim_firstorder_Mean"])


def test_a_measurement_that_is_none_is_refused_with_how_they_look():
    image, regions = lesion()
    with pytest.raises(ValueError, match="tumour_size.*whole_shape_Sphericity"):
        features.measured(image, regions, (1, 1, 1), ["tumour_size"], {})


ROWS = [
    {"whole_shape_MeshVolume": 100.0, "whole_shape_Elongation": 0.5},
    {"whole_shape_MeshVolume": 10000.0, "whole_shape_Elongation": 0.9},
    {"whole_shape_MeshVolume": 1000.0},
]
NAMES = ("whole_shape_MeshVolume", "whole_shape_Elongation", "core_shape_Elongation")


def test_sizes_are_compared_by_their_logarithms():
    table = Table.fitted(ROWS, NAMES)
    scores, known = encode({"whole_shape_MeshVolume": 1000.0}, table)
    assert scores[0] == pytest.approx(0, abs=1e-6)
    assert known.tolist() == [True, False]


def test_what_no_two_lesions_have_is_left_out_of_the_table():
    assert Table.fitted(ROWS, NAMES).names == NAMES[:2]
    with pytest.raises(ValueError, match="no two have a measurement in common"):
        Table.fitted(ROWS[:1], NAMES)


def test_scores_are_turned_back_into_the_values_that_were_known():
    table = Table.of_card(Table.fitted(ROWS, NAMES).card())
    asked = {"whole_shape_MeshVolume": 320.0, "whole_shape_Elongation": float("nan")}
    found = decode(*encode(asked, table), table)
    assert found == {"whole_shape_MeshVolume": pytest.approx(320.0, rel=1e-5)}


def test_nothing_is_known_of_a_size_that_is_not_positive():
    _, known = encode({"whole_shape_MeshVolume": 0.0}, Table.fitted(ROWS, NAMES))
    assert not known.any()


def test_what_the_table_has_not_is_refused_with_what_it_has():
    with pytest.raises(ValueError, match="rim_firstorder_Mean among the 2.*MeshVolume"):
        encode({"rim_firstorder_Mean": 3.0}, Table.fitted(ROWS, NAMES))
