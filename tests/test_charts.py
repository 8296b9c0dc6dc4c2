"""The report's pictures: PNG bytes that depend on their input alone and admit what is missing."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from PIL.PngImagePlugin import PngImageFile

from radfoundry.report import charts, exhibits
from radfoundry.report.charts import SourceAndSample
from radfoundry.report.scorecard.card import Row, build

NAN = math.nan


def pixels(png: bytes) -> np.ndarray:
    with PngImageFile(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"), float)


def pair(title="syn-1", **changes) -> SourceAndSample:
    picture = np.random.default_rng(0).uniform(0.2, 0.8, (40, 40))
    mask = np.zeros((40, 40), bool)
    mask[10:20, 12:30] = True
    return SourceAndSample(
        **{"title": title, "synthetic": picture, "real": picture, "mask": mask, **changes}
    )


def rows(values, **columns) -> pd.DataFrame:
    arms = [f"arm{i}" for i in range(len(values))]
    ends = {"low": [v - 0.1 for v in values], "high": [v + 0.1 for v in values]}
    return pd.DataFrame({"arm": arms, "value": values, **ends, "n": 9, **columns})


def test_equal_input_gives_equal_bytes():
    for draw in (
        lambda: charts.montage([pair()]),
        lambda: charts.histogram([1, 2, 3], [2, 3, NAN], 1.5, "score"),
        lambda: charts.forest(rows([0.5, 0.7]), "metric"),
    ):
        assert draw() == draw()


def test_the_outline_is_seen_and_the_source_stays_gray():
    image = pixels(charts.montage([pair()]))
    coloured = np.ptp(image, axis=2).max(0) > 100
    quarter = image.shape[1] // 4
    assert not coloured[: 2 * quarter].any()
    assert coloured[2 * quarter : 3 * quarter].any()
    assert not coloured[3 * quarter :].any()


def test_the_inputs_of_a_montage_are_left_alone():
    given = pair()
    before = given.synthetic.copy(), given.mask.copy()
    charts.montage([given])
    np.testing.assert_array_equal(given.synthetic, before[0])
    np.testing.assert_array_equal(given.mask, before[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"real": None}, {"mask": None}, {"mask": np.zeros((40, 40), bool)},
        {"synthetic": np.zeros((40, 40)), "real": None},
    ],
)  # fmt: skip
def test_a_pair_that_lacks_something_is_still_drawn(changes):
    assert pixels(charts.montage([pair(**changes)])).std() > 0


def test_no_pairs_give_a_picture_that_says_so():
    assert pixels(charts.montage([])).min() < 200


def test_padding_is_cut_from_all_panels_alike():
    wide = np.zeros((40, 40))
    wide[10:30] = 0.5
    squat = pixels(charts.montage([pair(synthetic=wide, real=wide)]))
    square = pixels(charts.montage([pair()]))
    assert squat.shape[0] < square.shape[0]
    assert squat.shape[1] == square.shape[1]


@pytest.mark.parametrize(
    ("real", "drawn", "limit"),
    [([], [], NAN), ([1.0], [], 0.5), ([NAN], [NAN], 1.0), ([2, 2], [2, 2], 2.0), ([1], [3], NAN)],
)
def test_a_histogram_survives_missing_scores_and_limits(real, drawn, limit):
    assert pixels(charts.histogram(real, drawn, limit, "score")).std() > 0


def test_a_value_that_is_not_available_has_no_point():
    blue = np.array([0, 0x72, 0xB2])
    for values, points in (([NAN, NAN], False), ([NAN, 0.5], True)):
        image = pixels(charts.forest(rows(values), "metric"))
        assert (np.abs(image - blue).sum(2) < 10).any() == points


def test_each_shape_has_its_montage_and_says_how_many_are_left_out():
    shown = exhibits.of_samples({"patch": [pair(f"s{i}") for i in range(8)], "none": []}, "kept")
    assert shown[0].caption == "patch: 6 of 8 kept samples"
    assert "s5" in shown[0].alt
    assert "s6" not in shown[0].alt
    assert shown[1].caption == "none: 0 of 0 kept samples"
    (some,) = exhibits.of_samples({"patch": [pair()]}, "rejected", {"patch": 40})
    assert some.caption == "patch: 1 of 40 rejected samples"


def test_each_expert_has_its_histogram_with_the_share_that_passes():
    scores = pd.DataFrame({"sample": ["a", "b"], "expert": "anatomy", "score": [0.9, 0.1]})
    limits = pd.DataFrame({"expert": ["anatomy"], "quantile": [0.05], "threshold": [0.5]})
    (shown,) = exhibits.of_experts(scores, scores, limits)
    assert "50 % of 2 real images lie below the limit 0.500; 50 % of the synth" in shown.caption
    (unknown,) = exhibits.of_experts(scores, scores, limits.assign(threshold=NAN))
    assert "not available of the synthetic" in unknown.caption


def test_metrics_are_charted_by_test_set_with_words_for_those_who_cannot_see():
    card = build(
        Row("artasyn", "image_auroc", value, arm, value - 0.1, value + 0.05, 9)
        for arm, value in (
            ("artasyn/b/synthesized", 0.9), ("noise/b/synthesized", 0.8), ("noise/b/nodule", 0.7),
        )
    )  # fmt: skip
    chart = exhibits.of_metrics(card, "artasyn")["image_auroc"]
    assert "artasyn, b · findings like those painted 0.900 (0.800 to 0.950)" in chart.alt
    assert "nodule" not in chart.alt
    assert exhibits.of_metrics(card, "other") == {}


def test_a_chart_of_many_arms_shows_all_it_can_and_counts_the_rest():
    def caption(count):
        row = {
            "recipe": "r",
            "metric": "image_auroc",
            "value": 0.5,
            "low": 0.4,
            "high": 0.6,
            "n": 9,
        }
        card = pd.DataFrame([row | {"arm": f"arm{at}/site_a/synthesized"} for at in range(count)])
        return exhibits.of_metrics(card, "r")["image_auroc"].caption

    assert "more rows" not in caption(exhibits.MAIN_ROWS)
    assert "3 more rows are in the table alone" in caption(exhibits.MAIN_ROWS + 3)


def test_what_few_patients_teach_is_charted_against_their_number():
    arms = [f"{a}/b/nodule/{k}" for a in ("real", "synthetic_added") for k in ("k4", "k16", "all")]
    card = build(
        Row("medsyn", "few_shot_auroc", value, arm, value - 0.1, value + 0.05, 9)
        for arm, value in zip(arms, (0.5, 0.6, 0.7, 0.6, 0.7, NAN), strict=True)
    )
    chart = exhibits.of_metrics(card, "medsyn")["few_shot_auroc"]
    assert "real, b · nodule · k4 0.500 (0.400 to 0.550)" in chart.alt
    assert "synthetic_added, b · nodule · all not available" in chart.alt
    both = pd.concat([card, card.assign(arm=card["arm"].str.replace("nodule", "opacity"))])
    wider = exhibits.of_metrics(both, "medsyn")["few_shot_auroc"]
    assert pixels(chart.png).shape[1] < pixels(wider.png).shape[1]
