"""Several requests go through the networks at once, and none minds the others."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_medsyn import chests, prepared, request

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.generators import medsyn
from radfoundry.generators._requests.drawing import each_drawn

ASKED = (
    {"prompt": "Clear lungs.", "given": []},
    {"prompt": "Large right pleural effusion.", "given": ["lobes"]},
    {"prompt": "Nodule in the left upper lobe.", "given": ["image", "vessel"]},
)


def values_of(rows, sources, networks, monkeypatch):
    """Return the channels (n, C, X, Y, Z) of requests drawn in one pass, before they are read."""
    seen = []
    empty = np.zeros((4, 4, 4), np.uint8)
    with monkeypatch.context() as patch:
        patch.setattr(channels, "decode", lambda drawn, *_: seen.append(drawn) or (None, empty))
        medsyn.draw_many(rows, sources, networks)
    return np.stack(seen)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_three_at_a_time_are_what_one_at_a_time_is(guidance, monkeypatch):
    networks = prepared(True)
    cards = {name: {**card, "precision": "float32"} for name, card in networks.cards.items()}
    exact = medsyn.Networks(networks.encode, networks.low, networks.high, cards, "cpu")
    rows = [request(5 + n, guidance=guidance, **one) for n, one in enumerate(ASKED)]
    one_by_one = zip(rows, chests(), strict=False)
    each = [values_of([row], [case], exact, monkeypatch) for row, case in one_by_one]
    whole = values_of(rows, chests()[:3], exact, monkeypatch)
    assert np.abs(np.concatenate(each) - whole).max() <= 1e-5 * 2  # channels reach from -1 to 1
    assert np.abs(whole[0] - whole[1]).max() > 0.1


def test_requests_of_other_settings_are_not_alike():
    source, other = chests()[0], chests(16, 1)[0]
    assert medsyn.alike(request(1), source) == medsyn.alike(request(2, prompt="a"), source)
    changed = ({"steps": 3}, {"guidance": 1.0}, {"text": False}, {"method": "ddim"})
    keys = [medsyn.alike(request(**one), source) for one in changed]
    assert len({*keys, medsyn.alike(request(), source), medsyn.alike(request(), other)}) == 6


def planted(seen):
    """Return a generator that notes what is drawn together, and refuses the number 13."""

    def draw_many(requests, sources, networks):
        numbers = [row["seed"] for row in requests]
        seen.append(numbers)
        if 13 in numbers:
            raise ValueError("13 cannot be drawn")
        return [
            Case(str(n), c.image, c.anatomy, c.findings)
            for n, c in zip(numbers, sources, strict=True)
        ]

    return SimpleNamespace(draw_many=draw_many, alike=lambda row, _: row["kind"])


def drawn(generator, numbers, together, kinds=None, failed=()):
    image = np.zeros((2, 2, 2))
    kinds = kinds or [0] * len(numbers)
    rows = [{"seed": n, "source": str(n), "kind": k} for n, k in zip(numbers, kinds, strict=True)]

    def source(name):
        return Case(name, image, image, image, {"failed": "airway"} if name in failed else {})

    return [
        (row["seed"], case if isinstance(case, ValueError) else int(case.name))
        for row, case in each_drawn(generator, None, rows, source, together)
    ]


def test_every_pass_is_of_equal_size_and_order_is_kept():
    seen = []
    assert drawn(planted(seen), range(5), 3) == [(n, n) for n in range(5)]
    assert seen == [[0, 1, 2], [3, 4, 4]]


def test_only_what_is_alike_is_drawn_together():
    seen = []
    assert drawn(planted(seen), range(4), 4, kinds="aaba") == [(n, n) for n in range(4)]
    assert [set(some) for some in seen] == [{0, 1}, {2}, {3}]


def test_a_request_that_fails_takes_no_other_down_and_is_named():
    found = drawn(planted([]), [11, 12, 13, 14], 4)
    assert [found[n] for n in (0, 1, 3)] == [(11, 11), (12, 12), (14, 14)]
    assert str(found[2][1]) == "13 cannot be drawn"


def test_a_source_whose_labels_failed_lends_nothing_and_its_neighbors_are_drawn():
    seen = []
    found = drawn(planted(seen), [1, 2, 3], 3, failed=("2",))
    assert (found[0], found[2]) == ((1, 1), (3, 3))
    assert "labels of its source failed: airway" in str(found[1][1])
    assert not any(2 in some for some in seen)


def test_a_generator_that_draws_one_at_a_time_is_asked_for_one_at_a_time():
    calls = []

    def draw(row, source, networks):
        calls.append(row["seed"])
        return Case(str(row["seed"]), source.image, source.anatomy, source.findings)

    assert drawn(SimpleNamespace(draw=draw), range(3), 4) == [(n, n) for n in range(3)]
    assert calls == [0, 1, 2]


def test_too_many_for_a_gpu_says_what_to_state():
    def draw_many(*_):
        raise torch.OutOfMemoryError("out of memory")

    generator = SimpleNamespace(draw_many=draw_many, alike=lambda *_: json.dumps(0))
    with pytest.raises(RuntimeError, match="4 samples at once .* `together`"):
        drawn(generator, range(4), 4)
