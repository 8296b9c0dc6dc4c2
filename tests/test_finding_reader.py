"""The finding reader learns films of phantoms, says what it sees, and what nobody knows is left."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_films import films

from radfoundry import volume, weights
from radfoundry.anatomy import regions
from radfoundry.evaluation.readers import finding_reader, stated
from radfoundry.evaluation.readers.finding_reader import Films
from radfoundry.evaluation.readers.network import anywhere, strongest

TINY = {"side": 32, "widths": [8, 8], "batch": 4, "steps": 4}
NAMES = ("cardiomegaly", "opacity", "pleural_effusion")


def marked(film, name="opacity", right=True, **facts):
    """Return a film with one square mark on a side, and what its facts say."""
    marks = np.zeros((48, 48), np.uint8)
    marks[20:30, 4:14] = regions.label_id(name)
    marks = volume.plane(marks if right else marks[:, ::-1])
    bare = {"findings": name, "report": "", "findings_sha256": "there"}
    return replace(film, findings=marks, facts={**film.facts, **bare, **facts})


def bright(count):
    """Return films whose opacity is a bright square, half of them without one."""
    out = []
    for n in range(count):
        film = marked(films()[n % 8], right=n % 4 < 2)
        if n % 2:
            film = replace(film, findings=film.findings * 0, facts={**film.facts, "findings": ""})
        shown = np.where(film.findings > 0, 1.0, 0.4 * film.image.voxels)
        out.append(replace(film, image=film.image.holding(shown.astype(np.float32))))
    return out


@pytest.fixture(scope="module")
def learned():
    return finding_reader.fit(films(), TINY, np.random.default_rng(0))


def test_a_reader_reads_every_finding_that_its_films_show(learned):
    assert learned.card["findings"] == ["opacity", "pleural_effusion"]
    assert learned.card["cases"] == 8
    reader = finding_reader.prepare(learned)
    found = reader.read(films()[0].image)
    assert reader.findings == ("opacity", "pleural_effusion")
    assert (found.present.shape, found.sides.shape) == ((2,), (2, 2))
    assert found.maps.shape == (2, 48, 48)
    assert all(((part >= 0) & (part <= 1)).all() for part in found)


def test_equal_chance_learns_an_equal_reader_and_a_folder_keeps_it(tmp_path, learned):
    again = finding_reader.fit(films(), TINY, np.random.default_rng(0))
    assert all(torch.equal(learned.state[name], again.state[name]) for name in learned.state)
    weights.write(learned, tmp_path)
    here, there = (
        finding_reader.prepare(w).read(films()[1].image) for w in (learned, weights.read(tmp_path))
    )
    np.testing.assert_array_equal(here.maps, there.maps)


def test_a_reader_finds_what_it_was_taught_where_it_is_and_on_its_side():
    longer = TINY | {"steps": 60, "batch": 8, "learning_rate": 1e-2, "ema": 0.0}
    reader = finding_reader.prepare(finding_reader.fit(bright(8), longer, np.random.default_rng(0)))
    right, none, left = (reader.read(bright(4)[n].image) for n in (0, 1, 2))
    assert right.present[0] > 0.5 > none.present[0]
    assert right.sides[0, 0] > right.sides[0, 1]
    assert left.sides[0, 1] > left.sides[0, 0]
    row, column = np.unravel_index(right.maps[0].argmax(), (48, 48))
    assert 18 <= row <= 31
    assert 2 <= column <= 15


def test_labels_alone_teach_the_maps_where_to_look():
    blind = [replace(f, facts={**f.facts, "findings_sha256": ""}) for f in bright(8)]
    longer = TINY | {"steps": 80, "batch": 8, "learning_rate": 1e-2, "ema": 0.0}
    learned = finding_reader.fit(blind, longer, np.random.default_rng(0))
    shown = finding_reader.prepare(learned).read(bright(1)[0].image).maps[0]
    assert shown[20:30, 4:14].mean() > 2 * shown[:, 24:].mean()


def test_films_without_any_finding_teach_nothing_and_are_read_all_the_same():
    healthy = [replace(f, facts={**f.facts, "findings": "", "report": ""}) for f in films()]
    learned = finding_reader.fit(healthy, TINY, np.random.default_rng(0))
    assert learned.card["findings"] == []
    assert finding_reader.prepare(learned).read(films()[0].image).maps.shape == (0, 48, 48)


def test_no_film_an_unknown_option_and_other_weights_are_refused(learned):
    with pytest.raises(ValueError, match="needs a film"):
        finding_reader.fit([], TINY, np.random.default_rng(0))
    with pytest.raises(ValueError, match="unknown options .*'depth'"):
        finding_reader.sized({"depth": 3})
    with pytest.raises(ValueError, match="no size 'huge'"):
        finding_reader.sized({"size": "huge"})
    with pytest.raises(weights.WeightsError, match="not of a finding_reader"):
        finding_reader.prepare(weights.Weights(learned.state, {"network": "else"}))


def test_a_mirrored_film_has_its_sides_exchanged_and_its_masks_turned():
    shapes = {"pictures": (40, 1, 16, 16), "present": (40, 1), "masks": (40, 1, 16, 16)}
    made = {name: torch.zeros(shape) for name, shape in shapes.items()}
    made["masks"][..., 8, 2] = 1
    sides = torch.tensor([[[1.0, 0.0]]]).repeat(40, 1, 1)
    batch = Films(**made, sides=sides, mapped=torch.ones(40, 1))
    found = finding_reader.altered(batch, torch.Generator().manual_seed(0))
    turned = found.masks[..., 8:].sum((1, 2, 3)) > 0
    assert 5 < turned.sum() < 35
    assert torch.equal(found.sides[:, 0, 1] == 1, turned)


def narrow(film, columns=slice(24, 48)):
    """Return a part of a film, higher than it is wide."""
    maps = (volume.plane(volume.picture(m)[:, columns]) for m in (film.anatomy, film.findings))
    image = volume.radiograph(volume.picture(film.image.voxels)[:, columns])
    return replace(film, image=image, anatomy=next(maps), findings=next(maps))


def test_the_halves_of_a_film_that_is_no_square_are_the_halves_of_what_the_network_sees():
    one = narrow(marked(films()[0], right=False), slice(20, 48))  # mark at 14 to 24 of 28 columns
    _, pool = finding_reader.gathered([one], 32)
    assert pool.sides[0, 0].tolist() == [0, 1]
    assert not pool.masks[0, 0, :, :16].any()
    assert pool.masks[0, 0, :, 16:].any()


def test_a_map_of_a_film_that_is_no_square_lies_on_the_film(learned):
    read, one = finding_reader.prepare(learned).read, narrow(films()[0])
    square = np.pad(volume.picture(one.image.voxels), ((0, 0), (12, 12)))
    whole = read(volume.radiograph(square))
    np.testing.assert_allclose(read(one.image).maps, whole.maps[:, :, 12:36], atol=1e-6)


def test_masks_of_full_size_are_let_go_film_by_film(monkeypatch):
    made, held, of_film = [], [], stated.of_film

    def watched(film, names):
        held.append(sum(mask() is not None for mask in made))
        known = of_film(film, names)
        made.append(weakref.ref(known.masks))
        return known

    monkeypatch.setattr(stated, "of_film", watched)
    _, pool = finding_reader.gathered(films(), 32)
    assert max(held) <= 1
    assert pool.masks.shape == (8, 2, 32, 32)


def test_every_finding_and_none_are_drawn_equally_often():
    present = torch.tensor([[1.0, 0], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0]])
    weights_ = finding_reader.weights_of(present)
    torch.testing.assert_close(weights_[0], weights_[1:3].sum())
    torch.testing.assert_close(weights_[0], weights_[3:].sum())


def test_one_half_that_shows_a_finding_is_enough_even_with_huge_logits():
    halves = torch.tensor([[[2.0, -3.0], [-200.0, 300.0], [-40.0, -40.0]]])
    p = torch.sigmoid(halves)
    expected = 1 - (1 - p[0, 0]).prod()
    found = anywhere(halves)
    torch.testing.assert_close(torch.sigmoid(found[0, 0]), expected)
    assert torch.isfinite(found).all()


def test_the_strongest_pixels_of_a_half_count_for_it():
    maps = torch.zeros(1, 1, 10, 10)
    maps[..., 5, 2] = 7.0
    assert strongest(maps).tolist() == [[[7.0, 0.0]]]


def test_the_side_of_a_film_is_that_of_its_mask_and_without_one_that_of_its_report():
    film = films()[0]
    known = stated.of_film(marked(film, right=False), NAMES)
    assert known.present.tolist() == [0, 1, 0]
    assert known.sides.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert known.mapped.all()
    told = {"findings": "", "report": "Moderate right pleural effusion.", "findings_sha256": ""}
    bare = replace(film, findings=film.findings * 0, facts={**film.facts, **told})
    known = stated.of_film(bare, NAMES)
    assert known.sides[2].tolist() == [1, 0]
    assert known.severity[2] == 2
    assert not known.mapped.any()


def test_a_finding_without_its_mask_or_its_side_stays_unknown_and_a_large_heart_has_none():
    film = films()[0]
    none = replace(film, findings=film.findings * 0)
    ill = {**film.facts, "findings": "opacity|cardiomegaly", "report": "", "not_given": ""}
    known = stated.of_film(replace(none, facts=ill), NAMES)
    assert known.mapped.tolist() == [False, False, True]
    assert np.isnan(known.sides[:2]).all()
    assert not stated.sided("cardiomegaly")


def test_what_a_request_asks_for_is_its_findings_or_those_of_the_sample():
    asked = {"findings": [{"name": "opacity", "side": "bilateral", "severity": "mild"},
                          {"name": "opacity", "side": "", "severity": "severe"}]}  # fmt: skip
    wanted = stated.of_sample(marked(films()[0]), asked, NAMES)
    assert wanted.present.tolist() == [0, 1, 0]
    assert wanted.sides[1].tolist() == [1, 1]
    assert wanted.severity[1] == 3
    assert wanted.mapped.all()
    plain = stated.of_sample(replace(films()[0], facts={"findings": "opacity"}), {}, NAMES[:2])
    assert plain.present.tolist() == [0, 1]


def test_a_finding_that_only_a_mask_asks_for_is_asked_for_on_the_side_of_the_mask():
    wanted = stated.of_sample(marked(films()[0], right=False), {"findings": []}, NAMES)
    assert wanted.present.tolist() == [0, 1, 0]
    assert wanted.sides[1].tolist() == [0, 1]
    words = {"findings": [{"name": "opacity", "side": "right"}]}
    assert stated.of_sample(marked(films()[0], right=False), words, NAMES).sides[1, 0] == 1


def test_a_generator_that_draws_no_masks_has_none_that_are_known():
    bare = replace(films()[0], findings=films()[0].findings * 0)
    assert not stated.of_sample(bare, {"findings": [{"name": "opacity"}]}, NAMES).mapped.any()
    assert stated.of_sample(bare, {"findings": []}, NAMES).mapped.all()
