"""Copies that were mirrored, turned, shifted or toned otherwise are laid onto their originals."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.evaluation.privacy import network, planted, views
from radfoundry.evaluation.privacy.looks import CloseLook
from radfoundry.evaluation.privacy.names import KINDS
from radfoundry.evaluation.privacy.search import REACH, Search, detail, moved, taper
from radfoundry.evaluation.privacy.views import Seen

SIDE = 32


def texture(seed, side=SIDE):
    """Return a picture of smooth noise in [0, 1]."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 1.5)
    return (rough - rough.min()) / np.ptp(rough)


def alike(picture, known):
    search = Search(detail(np.array(known)[:, None]), taper(SIDE))
    return search(detail(picture[None]), range(len(known)))


def test_a_picture_is_wholly_like_itself_and_little_like_another():
    found = alike(texture(0), [texture(0), texture(1)])
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[1] < 0.7


@pytest.mark.parametrize("how", [
    lambda p: p[:, ::-1], lambda p: p**2, lambda p: 0.5 * p + 0.2,
    lambda p: np.roll(p, (3, -2), (0, 1)),
    lambda p: ndimage.rotate(p, 8, reshape=False, order=1, mode="nearest"),
])  # fmt: skip
def test_what_was_done_to_a_copy_hardly_counts(how):
    assert alike(how(texture(0)), [texture(0)])[0] > 0.85


TURNED = [(0.0, degrees, 1.0, 0.0, 0.0) for degrees in (-10.0, -5.0, 5.0, 10.0)]
ZOOMED = [(0.0, 0.0, zoom, 0.0, 0.0) for zoom in (0.9, 1.1)]
SHIFTED = [(mirrored, 0.0, 1.0, 0.22, -0.15) for mirrored in (0.0, 1.0)]


@pytest.mark.parametrize("how", [*TURNED, *ZOOMED, *SHIFTED])
def test_the_coarse_look_alone_finds_a_moved_copy_among_many(how):
    known = np.array([[texture(n)] for n in range(40)], np.float16)
    look = CloseLook(Seen(tuple(map(str, range(40))), ("",) * 40, known))
    way = torch.tensor([how])
    copy = moved(torch.tensor(texture(3)[None]).float(), way[:, :3], way[:, 3:], outside="border")
    assert look._firsts(copy.numpy().astype(np.float16))[0].argmax() == 3


@pytest.mark.parametrize(("best_view", "least", "most"), [(True, 0.99, 1.01), (False, 0, 0.8)])
def test_a_volume_that_keeps_one_view_is_found_by_its_best_one_alone(best_view, least, most):
    ready = [
        detail(np.array([texture(9), texture(10 * n + 1), texture(10 * n + 2)])) for n in (1, 2)
    ]
    search = Search(np.array(ready[:1]), taper(SIDE), best_view=best_view)
    assert least < search(ready[1], [0])[0] < most


def test_the_coarse_look_finds_a_volume_whose_views_are_shifted_each_in_its_own_way():
    known = np.array([[texture(3 * n + v) for v in range(3)] for n in range(40)], np.float16)
    look = CloseLook(Seen(tuple(map(str, range(40))), ("",) * 40, known))
    ways = [(2, 3), (-3, 2), (3, 0)]
    copy = [np.roll(view, way, (0, 1)) for view, way in zip(known[3], ways, strict=True)]
    assert look._firsts(np.array([copy]))[0].argmax() == 3


def test_a_shift_beyond_the_reach_is_not_found():
    far = np.roll(texture(0), int(REACH * SIDE) + 6, 0)
    assert alike(far, [texture(0)])[0] < 0.7


def test_a_quarter_turn_moves_each_pixel_to_its_place():
    picture = torch.arange(9.0).reshape(1, 3, 3)
    turned = moved(picture, torch.tensor([[0.0, 90.0, 1.0], [1.0, 0.0, 1.0]]))
    assert np.allclose(turned[0, 0], np.rot90(picture[0]), atol=1e-5)
    assert np.allclose(turned[1, 0], picture[0].flip(1))


def test_structural_similarity_of_flat_pictures_is_that_of_their_means():
    flat = torch.tensor([0.2, 0.8])[:, None, None, None].expand(2, 1, 16, 16)
    least = 0.01**2  # (k1 times the range) squared: of luminance alone, for nothing varies
    wanted = (2 * 0.2 * 0.8 + least) / (0.2**2 + 0.8**2 + least)
    assert network.structural(flat)[0, 1] == pytest.approx(wanted, abs=1e-3)
    assert network.structural(flat).diagonal().tolist() == [1, 1]


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(20, 1, 24), (10, 12, 14)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_copy_keeps_its_grid_and_leaves_the_original_alone(kind, shape):
    voxels = np.random.default_rng(1).random(shape).astype(np.float32)
    before = voxels.copy()
    copy = planted.copied(voxels, kind, rng())
    assert copy.shape == shape
    assert np.array_equal(voxels, before)
    assert np.array_equal(copy, voxels) == (kind == "exact")


def test_planted_copies_are_changed_as_far_as_is_said():
    rows, columns = np.indices((64, 64)) - 31.5
    disc = (np.hypot(rows, columns) < 16).astype(np.float32)[:, None]
    assert np.array_equal(planted.copied(disc, "mirrored", rng()), disc[::-1])
    larger = np.sqrt(planted.copied(disc, "zoomed", rng()).sum() / disc.sum())
    assert 0.045 < abs(larger - 1) < 0.115
    middle = np.array(ndimage.center_of_mass(planted.copied(disc, "shifted", rng())))
    assert 0.9 < np.linalg.norm(middle - (31.5, 0, 31.5)) < 8.1
    noise = planted.copied(disc, "noised", rng()) - disc
    assert noise.std() == pytest.approx(0.05, rel=0.1)


def test_an_unknown_kind_of_copy_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'upside': choose from exact, mirrored"):
        planted.copied(np.zeros((2, 1, 2)), "upside", rng())


def patient(name, seed, lesion=True):
    """Return a radiograph with one round lesion."""
    image = volume.radiograph(texture(seed, 64).astype(np.float32))
    rows, columns = np.indices((64, 64))
    mask = (np.hypot(rows - 30, columns - 20) < 9)[:, None] * lesion
    return Case(
        name, image, np.zeros(mask.shape, np.uint8), mask.astype(np.uint8), {"patient": name}
    )


def test_a_pasted_lesion_is_the_donors_inside_and_the_hosts_outside():
    donor, host = patient("a", 1), patient("b", 2)
    both = planted.pasted(donor, host)
    inside, far = donor.findings > 0, ndimage.binary_dilation(donor.findings > 0, iterations=8)
    assert np.allclose(both.image.voxels[inside], donor.image.voxels[inside])
    assert np.allclose(both.image.voxels[~far], host.image.voxels[~far], atol=1e-4)
    own, other = (views.lesions(case)[0].ravel() for case in (donor, host))
    assert np.corrcoef(views.lesions(both)[0].ravel(), own)[0, 1] > 0.98
    assert np.corrcoef(other, own)[0, 1] < 0.7


def test_nothing_is_pasted_where_there_is_no_lesion():
    assert planted.pasted(patient("a", 1, lesion=False), patient("b", 2)) is None


def test_a_volume_is_seen_from_three_sides_and_large_ones_are_averaged_before_planting():
    image = volume.Volume(np.random.default_rng(0).random((100, 20, 30)) * 400, np.eye(4))
    assert views.whole(image, 16).shape == (3, 16, 16)
    small = views.reduced(image)
    assert small.voxels.shape == (50, 20, 30)
    assert small.spacing_mm == (2, 1, 1)
