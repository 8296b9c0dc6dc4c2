"""ART-ASyn: what its opacities look like, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from chests import chest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.generators import artasyn
from radfoundry.generators.artasyn import airways, blending, shapes, texture
from radfoundry.volume import picture


def asked(shape="patch", seed=1, strength=0.6, **more):
    parameters = {"shape": shape, "strength": strength, "sides": "both", "detail": 0.4} | more
    return {
        "request": "syn-case-1-0",
        "source": "case-1",
        "seed": seed,
        "parameters": json.dumps(parameters),
    }


@pytest.fixture(scope="module")
def healthy():
    return chest()


@pytest.fixture(params=artasyn.SHAPES)
def sample(request, healthy):
    return artasyn.draw(asked(request.param), healthy)


def test_every_shape_draws_an_opacity(sample):
    assert set(np.unique(sample.findings)) == {0, regions.label_id("opacity")}


def test_every_shape_stays_in_the_slightly_dilated_lungs(sample):
    lungs = ndimage.binary_dilation(picture(regions.mask(sample.anatomy, "lungs")), iterations=2)
    assert not (picture(sample.findings) > 0)[~lungs].any()


def test_an_opacity_never_darkens(sample, healthy):
    assert (sample.image.voxels >= healthy.image.voxels).all()


def test_an_opacity_is_visible_inside_its_mask(sample, healthy):
    change = (sample.image.voxels - healthy.image.voxels)[sample.findings > 0]
    assert change.mean() >= artasyn.LEAST_CONTRAST
    assert (change >= blending.VISIBLE).mean() > 0.9
    assert float(sample.facts["contrast"]) == pytest.approx(change.mean(), abs=1e-4)
    assert int(sample.facts["area"]) == len(change)


def test_no_edge_is_cut_into_the_picture_at_the_rim_of_the_mask(sample, healthy):
    mask = sample.findings > 0
    rim = mask & ~ndimage.binary_erosion(mask, np.ones((3, 1, 3)))
    change = sample.image.voxels - healthy.image.voxels
    assert np.median(change[rim]) < 0.5 * np.median(change[mask & ~rim])


def test_an_opacity_is_no_denser_than_the_heart(healthy):
    image, labels = picture(healthy.image.voxels), picture(healthy.anatomy)
    bright = np.where(regions.mask(labels, "lungs"), image, 1.0)
    heart = regions.mask(labels, "heart")
    bright[heart] = 0.6
    assert artasyn.opacity_color(bright, labels) == pytest.approx(0.6)
    assert artasyn.opacity_color(bright, np.where(heart, 0, labels)) == 1.0


def test_anatomy_is_the_sources(sample, healthy):
    np.testing.assert_array_equal(sample.anatomy, healthy.anatomy)


@pytest.mark.parametrize("seed", range(12))
def test_no_seed_draws_an_empty_mask(healthy, seed):
    shapes = list(artasyn.SHAPES)
    faint = asked(shapes[seed % len(shapes)], seed, strength=0.1)
    assert (artasyn.draw(faint, healthy).findings > 0).any()


@pytest.mark.parametrize(("side", "other"), [("right", "left"), ("left", "right")])
def test_an_opacity_lies_on_the_side_asked_for(healthy, side, other):
    mask = artasyn.draw(asked("nodular", sides=side), healthy).findings > 0
    assert regions.mask(healthy.anatomy, f"lung_{side}")[mask].any()
    assert not regions.mask(healthy.anatomy, f"lung_{other}")[mask].any()


def test_more_strength_gives_more_contrast(healthy):
    faint, strong = (
        float(artasyn.draw(asked(strength=s), healthy).facts["contrast"]) for s in (0.4, 0.9)
    )
    assert strong > 1.5 * faint


def test_the_texture_scales_with_the_resolution():
    small, large = (artasyn.draw(asked("bezier"), chest(size=n)) for n in (96, 192))
    shares = [float(s.facts["lung_fraction"]) for s in (small, large)]
    assert shares[0] == pytest.approx(shares[1], rel=0.5)


def test_a_source_without_lungs_is_refused_by_name(healthy):
    bare = replace(healthy, anatomy=np.zeros_like(healthy.anatomy))
    with pytest.raises(ValueError, match="syn-case-1-0: the source has no lung"):
        artasyn.draw(asked(), bare)


def test_a_lung_too_white_for_any_opacity_is_refused(healthy):
    white = replace(healthy, image=healthy.image.holding(np.ones_like(healthy.image.voxels)))
    with pytest.raises(ValueError, match="no opacity shows in case-1"):
        artasyn.draw(asked(), white)


def test_an_unsided_pair_of_lungs_is_split_in_the_middle(healthy):
    unsided = np.where(regions.mask(healthy.anatomy, "lungs"), regions.label_id("lung"), 0)
    sides = artasyn.sides_of(picture(unsided), "case-1")
    assert np.argwhere(sides["right"])[:, 1].max() < np.argwhere(sides["left"])[:, 1].min()


def test_unknown_shapes_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no shapes \['blob'\]: choose from bezier, patch"):
        artasyn.plan(pd.DataFrame(), {"shapes": {"blob": 1}}, 0)


def test_a_cohort_without_healthy_lungs_is_refused_with_reasons():
    row = {"case": "c1", "split": "train", "findings": "nodule"}
    with pytest.raises(ValueError, match="none of 1 cases can be edited: c1: it shows findings"):
        artasyn.plan(pd.DataFrame([row]), {}, 0)


@pytest.mark.parametrize(("options", "n"), [({"count": 7}, 7), ({"count": 9, "per_case": 2}, 6)])
def test_the_count_is_met_unless_the_cases_allow_fewer(options, n):
    row = {"split": "train", "findings": "", "lung_right": "present", "lung_left": "present"}
    cases = pd.DataFrame([{"case": f"c{i}", **row} for i in range(3)])
    assert len(artasyn.plan(cases, options, 0)) == n


def test_only_weighted_shapes_are_planned():
    row = {"split": "train", "findings": "", "lung_right": "present", "lung_left": "present"}
    cases = pd.DataFrame([{"case": f"c{i}", **row} for i in range(30)])
    requests = artasyn.plan(cases, {"shapes": {"patch": 1, "nodular": 3, "bezier": 0}}, 0)
    shapes = [json.loads(text)["shape"] for text in requests["parameters"]]
    assert set(shapes) == {"patch", "nodular"}
    assert shapes.count("nodular") > shapes.count("patch")


def test_a_crystal_has_one_color_per_cell():
    rng = np.random.default_rng(0)
    layer = rng.random((64, 64))
    crystal = texture.crystallized(layer, 20, rng)
    assert len(np.unique(crystal)) <= 20
    assert crystal.mean() == pytest.approx(layer.mean())


def test_melted_crystals_have_no_borders():
    layer = np.random.default_rng(0).random((64, 64))
    steps = []
    for crystals in (texture.crystallized, texture.melted):
        mosaic = crystals(layer, 20, np.random.default_rng(1))
        steps.append(np.abs(np.diff(mosaic, axis=0)).max() / np.ptp(mosaic))
    assert steps[0] > 0.9
    assert steps[1] < 0.2


@pytest.fixture(scope="module")
def drawn():
    """Return every shape but the published one, by name, drawn with five seeds."""
    whole = chest(seed=3)
    names = [name for name in artasyn.SHAPES if name not in shapes.PUBLISHED]
    return whole, [artasyn.draw(asked(n, s, 0.8), whole) for n in names for s in range(5)]


def test_nothing_but_the_mask_changes(drawn):
    whole, samples = drawn
    for sample in samples:
        outside = sample.findings == 0
        np.testing.assert_array_equal(
            sample.image.voxels[outside], whole.image.voxels[outside], strict=True
        )


def test_no_shape_cuts_a_hard_edge_into_the_lung(drawn):
    whole, samples = drawn
    lung = ndimage.binary_erosion(picture(regions.mask(whole.anatomy, "lungs")), iterations=2)
    for sample in samples:
        change = picture(sample.image.voxels - whole.image.voxels)
        change = ndimage.gaussian_filter(change, 0.7)
        steps = np.hypot(*np.gradient(change))[lung]
        assert steps.max() < 0.45 * change.max()


def test_opacities_are_as_large_as_real_ones(drawn):
    shares = [float(sample.facts["lung_fraction"]) for sample in drawn[1]]
    assert 0.2 < np.median(shares) < 0.5


def test_no_rim_of_clear_lung_is_left_at_the_heart_and_the_wall(healthy):
    lungs = picture(regions.mask(healthy.anatomy, "lungs"))
    edge = lungs & ~ndimage.binary_erosion(lungs)
    assert blending.contact(lungs)[edge].min() == 1


def test_the_border_of_the_heart_vanishes_where_an_opacity_touches_it(healthy):
    labels, film = picture(healthy.anatomy), picture(healthy.image.voxels)
    lungs, heart = (regions.mask(labels, name) for name in ("lungs", "heart"))
    full = film + 0.9 * (blending.grays(film, labels) - film) * blending.contact(lungs & ~heart)
    border = heart & ndimage.binary_dilation(lungs & ~heart, iterations=2)
    slopes = [ndimage.gaussian_gradient_magnitude(f, 1.5)[border].mean() for f in (film, full)]
    assert slopes[1] < 0.6 * slopes[0]


def test_a_full_opacity_is_no_brighter_than_the_tissue_around_it(healthy):
    labels, film = picture(healthy.anatomy), picture(healthy.image.voxels)
    most = blending.opacity_color(film, labels) + blending.CLOSE[1]
    assert blending.grays(film, labels).max() <= most + 1e-6


@pytest.mark.parametrize(("side", "outward"), [("right", -1), ("left", 1)])
def test_bronchi_run_outward_from_the_hilum(healthy, side, outward):
    lung = picture(regions.mask(healthy.anatomy, f"lung_{side}"))
    air = airways.bronchi(lung, side, np.random.default_rng(2))
    columns = np.argwhere(air > 0.3)[:, 1]
    hilum = max(np.argwhere(lung)[:, 1] * -outward) * -outward
    assert np.mean((columns - hilum) * outward >= -2) > 0.9
    assert 0.01 < (air > 0.3)[lung].mean() < 0.35


def test_the_published_shape_is_blended_as_published(healthy):
    lungs = artasyn.sides_of(picture(healthy.anatomy), "case-1")
    film, both = picture(healthy.image.voxels), picture(regions.mask(healthy.anatomy, "lungs"))
    asking = json.loads(asked("bezier")["parameters"])
    alpha = artasyn.painted(asking, lungs, film, np.random.default_rng(1), 0)
    density = shapes.bezier(lungs, np.random.default_rng(1)) * (0.5 * film + 0.5)
    expected = density * blending.gate(both)
    shown = alpha > 0
    assert np.corrcoef(alpha[shown], expected[shown])[0, 1] == pytest.approx(1, abs=1e-6)


def test_the_brush_tip_has_the_published_mean_opacity():
    tip = texture.brush_tip(1.0, np.random.default_rng(0))
    assert tip.shape == texture.TIP
    assert tip.mean() == pytest.approx(16 / 255, rel=0.01)


def test_stamps_beyond_the_canvas_are_cut_off():
    tip = texture.brush_tip(0.2, np.random.default_rng(0))
    stamps = np.array([[-5.0, -5.0, 30.0, 20.0, 0.5], [500.0, 0.0, 30.0, 0.0, 0.5]])
    alpha = texture.stamped((40, 40), tip, stamps)
    assert alpha[:8, :8].max() > 0
    assert alpha[20:, 20:].max() == 0


def test_an_opacity_in_a_faint_part_of_a_film_is_grayer_there(healthy):
    labels, film = picture(healthy.anatomy), picture(healthy.image.voxels)
    faint = film * np.linspace(0.75, 1, film.shape[0])[:, None]
    lungs = regions.mask(labels, "lungs")
    upper = np.indices(film.shape)[0] < film.shape[0] // 3
    most = blending.opacity_color(faint, labels) - 0.04
    assert np.median(blending.grays(faint, labels)[lungs & upper]) < most
