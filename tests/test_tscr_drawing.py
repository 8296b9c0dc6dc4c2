"""TSCR puts what is drawn where it belongs, and leaves all else as it was."""

import json

import numpy as np
import pytest
from tumour_stand_ins import CROP, MEAN, VOLUME, Balls, brain, networks

from radfoundry.generators import tscr
from radfoundry.generators.tscr import placing
from radfoundry.generators.tscr.crops import regions_of

ASKED = {
    "features": {}, "masks": "diffusion", "texture": "inpainting", "region": "organ",
    "forbidden": [], "distance_mm": 3.0, "least_inside": 1.0, "at": 0.4, "lesion": 0.0,
}  # fmt: skip


def drawn(operation, source, off=0.0, seed=11, **more):
    asked = {**ASKED, "operation": operation, **more}
    request = {"request": "syn-1", "seed": seed, "parameters": json.dumps(asked)}
    return tscr.draw(request, source, networks(off=off))


@pytest.mark.parametrize("operation", ["add", "edit", "remove", "move"])
def test_nothing_changes_outside_of_old_and_new_lesions(operation):
    source = brain()
    sample = drawn(operation, source)
    outside = (sample.findings == 0) & (source.findings == 0)
    np.testing.assert_array_equal(
        sample.image.voxels[outside], source.image.voxels[outside], strict=True
    )
    np.testing.assert_array_equal(sample.image.affine, source.image.affine)


def test_a_removed_lesion_leaves_neither_marks_nor_its_intensities():
    source = brain()
    sample = drawn("remove", source)
    assert not sample.findings.any()
    assert sample.image.voxels[source.findings > 0].max() < 0.6
    assert sample.facts["findings"] == ""


def test_a_lesion_is_added_of_the_size_and_level_that_are_asked_for():
    sample = drawn("add", brain(radius=0), features={"volume": 1200.0, "mean": 0.75})
    mask = sample.findings > 0
    assert mask.sum() * 8 == pytest.approx(1200, rel=0.15)
    np.testing.assert_allclose(sample.image.voxels[mask], 0.75, atol=1e-3)
    assert sample.facts["findings"] == "tumour_core|tumour_rim"


def off_by(candidates):
    """Return how far lesions are from what is asked for, on average: of volume, of mean."""
    errors = []
    for seed in range(6):
        wanted = {"volume": 1000.0, "mean": 0.8}
        sample = drawn("add", brain(radius=0), 0.1, seed, features=wanted, candidates=candidates)
        mask = sample.findings > 0
        errors.append([abs(np.log(mask.sum() * 8 / 1000)),
                       abs(sample.image.voxels[mask].mean() - 0.8)])  # fmt: skip
    return np.mean(errors, 0)


def test_of_several_candidates_the_one_nearest_to_what_is_asked_for_is_taken():
    assert (off_by(8) < 0.6 * off_by(1)).all()


def test_one_candidate_is_what_is_drawn_where_a_request_does_not_say_how_many():
    one, unsaid = (drawn("add", brain(), 0.1, **more) for more in ({"candidates": 1}, {}))
    np.testing.assert_array_equal(one.image.voxels, unsaid.image.voxels)


def test_candidates_for_an_edit_are_compared_by_what_is_asked_alone_and_removals_draw_one():
    source = brain()
    edited = drawn("edit", source, 0.1, features={"mean": 0.8}, candidates=8)
    np.testing.assert_array_equal(edited.findings, source.findings)
    assert edited.image.voxels[source.findings > 0].mean() == pytest.approx(0.8, abs=0.05)
    one, many = (drawn("remove", source, 0.1, candidates=n) for n in (1, 8))
    np.testing.assert_array_equal(one.image.voxels, many.image.voxels)


def test_no_mask_is_drawn_twice_where_none_is_good_enough(monkeypatch):
    seeds = []

    def nothing(self, scores, known, spacings_mm, each):
        seeds.extend(each)
        return np.zeros((len(each), CROP, CROP, CROP), np.uint8)

    monkeypatch.setattr(Balls, "draw", nothing)
    with pytest.raises(ValueError, match="none of 12 masks could be placed: the mask .* is empty"):
        drawn("add", brain(radius=0), candidates=3)
    assert len(set(seeds)) == 12


def test_an_added_lesion_keeps_its_distance_from_the_one_that_is_there():
    source = brain()
    new = drawn("add", source).findings.copy()
    new[source.findings > 0] = 0
    places = [np.argwhere(mask > 0) * 2.0 for mask in (new, source.findings)]
    gaps = np.linalg.norm(places[0][:, None] - places[1][None], axis=-1)
    assert gaps.min() > 3.0


def test_a_moved_lesion_keeps_its_mask_and_leaves_its_place():
    source = brain()
    sample = drawn("move", source)
    masks = [np.argwhere(regions_of(one.findings) > 0) for one in (source, sample)]
    np.testing.assert_array_equal(*(mask - mask.min(0) for mask in masks))
    assert not (sample.findings[source.findings > 0]).any()


def test_an_edited_texture_stays_in_its_mask():
    source = brain()
    sample = drawn("edit", source, features={"mean": 0.7})
    np.testing.assert_array_equal(sample.findings, source.findings)
    np.testing.assert_allclose(sample.image.voxels[source.findings > 0], 0.7, atol=1e-3)


def test_an_edited_shape_lies_where_the_old_one_lay():
    source = brain()
    sample = drawn("edit", source, features={"volume": 500.0})
    centers = [np.argwhere(one.findings > 0).mean(0) for one in (source, sample)]
    np.testing.assert_allclose(*centers, atol=0.6)
    assert (sample.findings > 0).sum() < (source.findings > 0).sum()


def test_a_place_in_millimetres_is_where_the_lesion_lies():
    sample = drawn("add", brain(radius=0), position_mm=[0.0, 10.0, 44.0])
    middle = sample.image.affine @ [*np.argwhere(sample.findings > 0).mean(0), 1.0]
    np.testing.assert_allclose(middle[:3], [0, 10, 44], atol=1e-6)


def test_a_place_outside_of_the_organ_is_refused_with_how_much_would_fit():
    with pytest.raises(ValueError, match=r"would lie in the organ at \[-30"):
        drawn("add", brain(radius=0), position_mm=[-30.0, -20.0, 10.0])


def test_a_lesion_that_fits_nowhere_says_how_much_of_it_would():
    tiny = brain(radius=0)
    tiny.anatomy[:] = 0
    tiny.anatomy[14:17, 14:17, 14:17] = 27
    with pytest.raises(ValueError, match="at most .* fits into the organ"):
        drawn("add", tiny)


def test_to_remove_needs_a_lesion_and_to_draw_its_networks():
    with pytest.raises(ValueError, match="to remove needs a lesion"):
        drawn("remove", brain(radius=0))
    with pytest.raises(ValueError, match="masks: 'warped' is not among"):
        drawn("add", brain(radius=0), masks="warped")


def test_shares_are_those_of_laying_the_mask_there():
    rng = np.random.default_rng(1)
    free, mask = rng.random((9, 8, 7)) > 0.5, np.zeros((6, 6, 6), np.uint8)
    mask[2:5, 1:4, 3:5] = 1
    found, at = placing.shares(free, mask), np.argwhere(mask) - 3
    places = at + (4, 4, 3)
    inside = [
        free[tuple(p)]
        for p in places
        if all(0 <= n < m for n, m in zip(p, free.shape, strict=True))
    ]
    assert found[4, 4, 3] == pytest.approx(sum(inside) / mask.sum(), abs=1e-5)


def test_what_is_asked_and_what_is_drawn_are_measured_by_one_name():
    source = brain(radius=0)
    sample = drawn("add", source, features={"volume": 1200.0, "mean": 0.75})
    bank = networks().bank
    found = tscr.lesion_bank.measured_in(sample, regions_of(sample.findings), bank)
    assert set(found) == {VOLUME, MEAN}
    assert found[MEAN] == pytest.approx(0.75, abs=1e-3)
