"""Boxes of lesions: their matching, and average precision of films that are counted anew."""

import numpy as np
import pandas as pd
import pytest

from radfoundry.evaluation.metrics import boxes, lesions

FIRST, SECOND = [0, 0, 10, 10], [20, 20, 30, 30]
NONE = np.zeros((0, 4))


def rng(seed=0):
    return np.random.default_rng(seed)


def found(*rows):
    return np.reshape(np.array(rows, float), (-1, 5))


def truths(*films):
    return [np.reshape(np.array(film, float), (-1, 4)) for film in films]


def precision(scores, right, weights=None, there=1):
    weights = np.ones((1, len(scores)), int) if weights is None else weights
    there = np.broadcast_to(there, len(weights))
    return boxes.average_precision(np.array(scores), np.array(right, bool), weights, there)


def test_a_mask_has_a_box_for_each_part_and_none_where_it_is_empty():
    mask = np.zeros((12, 12), bool)
    mask[1:4, 2:7] = mask[8:10, 9:12] = True
    assert boxes.of_mask(mask).tolist() == [[1, 2, 4, 7], [8, 9, 10, 12]]
    assert boxes.of_mask(np.zeros((4, 4), bool)).shape == (0, 4)


def test_a_lesions_size_is_the_root_of_its_area_in_parts_of_the_side():
    sizes = np.array([[0, 0, 3, 3], [0, 0, 4, 9], [0, 0, 8, 8], [0, 0, 16, 16], [2, 2, 2, 2]])
    assert boxes.bins_of(sizes, 32) == ["small", "medium", "large", "large", "small"]


def test_a_box_finds_the_lesion_that_it_overlaps_enough_and_each_is_found_once():
    films = truths([FIRST, SECOND], [], [FIRST])
    half = [20, 20, 24, 30]  # an overlap of .4
    told = [found([*FIRST, 0.6], [*half, 0.9], [*FIRST, 0.8]), found([*FIRST, 0.7]), found()]
    loose, strict = (boxes.matched(films, told, least) for least in (0.3, 0.5))
    assert [own.tolist() for own in loose] == [[-1, 1, 0], [-1], []]
    assert [own.tolist() for own in strict] == [[-1, -1, 0], [-1], []]
    assert [own.tolist() for own in boxes.matched(truths([], []), told[1:], 0.3)] == [[-1], []]


def test_precision_is_that_of_the_closed_form():
    # Right, wrong, right of three lesions: precision 1 up to a recall of 1/3, then 2/3.
    value = precision([0.9, 0.8, 0.7], [1, 0, 1], there=3)
    assert value == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)
    assert precision([0.9], [1]) == 1
    assert precision([], []) == 0
    assert np.isnan(precision([0.9], [0], there=0))


def some_films(count=12):
    """Return random lesions, and boxes near to some of them."""
    draw, known, told = rng(1), [], []
    for _ in range(count):
        corners = draw.integers(0, 40, (draw.integers(0, 3), 2)) * 1.0
        own = np.concatenate([corners, corners + draw.integers(4, 20, corners.shape)], 1)
        near = np.concatenate([own, own[:1] + 30]) + draw.normal(
            0, 1.5, (len(own) + len(own[:1]), 4)
        )
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        known.append(own)
        told.append(np.concatenate([near, draw.random((len(near), 1))], 1))
    return known, told


def coco(known, told, least):
    """Return what faster-coco-eval itself says."""
    from faster_coco_eval import COCO, COCOeval_faster

    films = [{"id": i + 1} for i in range(len(known))]
    stated = {"images": films, "categories": [{"id": 1}], "annotations": boxes._annotated(known)}
    truth = COCO(stated)
    judge = COCOeval_faster(truth, truth.loadRes(boxes._annotated(told)), "bbox")
    judge.params.iouThrs, judge.params.maxDets = np.array([least]), [boxes.MOST]
    judge.evaluate()
    judge.accumulate()
    return judge.eval["precision"][0, :, 0, 0, 0].mean()


def table(known, told, side=64):
    return pd.DataFrame({"score": 1.0, "truth": 1.0, **lesions.columns(known, told, side)})


@pytest.mark.parametrize("least", [0.3, 0.5])
def test_films_that_all_count_once_have_cocos_precision(least):
    known, told = some_films()
    rows = table(known, told)
    value = lesions.precision(rows, np.ones((1, len(rows)), int), least)
    assert 0 < value < 1
    assert value == pytest.approx(coco(known, told, least), abs=1e-9)


def test_a_film_that_counts_twice_is_as_two_films():
    known, told = some_films()
    once = lesions.precision(table(known * 2, told * 2), np.ones((1, 24), int))
    twice = lesions.precision(table(known, told), np.full((1, 12), 2))
    assert twice == pytest.approx(once, abs=1e-9)
    without = lesions.precision(table(known[1:], told[1:]), np.ones((1, 11), int))
    assert lesions.precision(table(known, told), np.array([[0] + [1] * 11])) == pytest.approx(
        without
    )


def test_lesions_of_one_size_are_judged_without_those_of_others():
    known = truths([FIRST, [30, 30, 60, 60]])
    rows = table(known, [found([30, 30, 60, 60, 0.9], [*FIRST, 0.5], [0, 50, 30, 64, 0.7])])
    assert lesions.told(rows) == "2 lesions: 0 small, 1 medium, 1 large"
    ones = np.ones((1, 1), int)
    assert lesions.precision(rows, ones, size="medium") == 1  # no false one of this size
    assert lesions.precision(rows, ones) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert np.isnan(lesions.precision(rows, ones, size="small"))


def test_without_a_network_there_is_no_precision():
    rows = table(truths([FIRST]), [found()])
    assert lesions.precision(rows, np.ones((2, 1), int)).tolist() == [0, 0]
    assert np.isnan(lesions.precision(rows.assign(score=np.nan), np.ones((2, 1), int))).all()
