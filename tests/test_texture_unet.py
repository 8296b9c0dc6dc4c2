"""A network that is told named numbers: what it knows of unknown ones, and where it reads them."""

import pytest
import torch

from radfoundry.generators.tscr import texture_options
from radfoundry.networks.texture_unet import ValueUNet, multiple
from radfoundry.networks.value_tokens import ValueTokens

SIZE = {"haar": 1, "widths": [8, 16], "blocks": 1, "side": 8, "tokens": 8}


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def measured(count=400):
    """Return tokens that have seen two values that are one, and a third by itself."""
    shared, own = torch.randn(2, count, 1, generator=chance())
    values, tokens = torch.cat([shared, shared, own], 1), ValueTokens(3, 8, 8)
    tokens.measure(values, torch.ones_like(values, dtype=torch.bool))
    return tokens


def test_an_unknown_value_is_what_its_companions_lead_one_to_expect():
    known = torch.tensor([[True, False, False]])
    found = measured().expected(torch.tensor([[2.0, 7.0, 7.0]]), known)[0]
    assert found[0] == 2
    assert found[1] == pytest.approx(1.8, abs=0.1)
    assert found[2] == pytest.approx(0, abs=0.1)


def test_where_nothing_is_known_nothing_is_expected():
    found = measured().expected(torch.full((1, 3), 7.0), torch.zeros(1, 3, dtype=torch.bool))
    torch.testing.assert_close(found, torch.zeros(1, 3))


def test_only_known_values_are_read_and_a_row_without_any_reads_the_null_token():
    known = torch.tensor([[True, False, True], [False, False, False]])
    _, mask, _ = ValueTokens(3, 8, 8)(torch.full((2, 3), torch.nan), known)
    assert mask.tolist() == [[True, False, True, False], [False, False, False, True]]
    first = ValueTokens(3, 8, 8)
    given = [torch.tensor([[1.0, value, 2.0]]) for value in (torch.nan, 5.0)]
    seen = [first(values, known[:1]) for values in given]
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def picture(dims, side=8):
    given = torch.randn(2, 1, *[side] * dims, generator=chance())
    regions = torch.zeros(2, 2, *[side] * dims)
    regions[:, 0, :4], regions[:, 1, 4:] = 1, 1
    return given, regions


@pytest.mark.parametrize("dims", [2, 3])
def test_an_untrained_network_gives_nothing(dims):
    network, (given, regions) = ValueUNet({**SIZE, "dims": dims}, (1, 1), (3, 1), 2), picture(dims)
    told = torch.ones(2, 4), torch.ones(2, 3, dtype=torch.bool)
    made = network(given, torch.tensor([0.2, 0.8]), *told, given, regions)
    assert made.shape == given.shape
    assert not made.any()


def test_a_value_changes_what_is_made_of_the_same_picture():
    network, (given, regions) = ValueUNet({**SIZE, "dims": 2}, (1, 1), (3, 1), 2), picture(2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=chance())
    known = torch.ones(2, 3, dtype=torch.bool)
    times = torch.tensor([0.5, 0.5])
    low, high = (
        network(given, times, torch.full((2, 4), value), known, given, regions)
        for value in (-1.0, 1.0)
    )
    assert (low - high).abs().max() > 1e-3


def test_sides_are_multiples_of_what_the_levels_halve():
    assert multiple({"haar": 2, "widths": [8]}) == 4
    assert multiple({"haar": 1, "widths": [8, 16, 32]}) == 8


def test_the_papers_size_can_be_built_without_memory():
    with torch.device("meta"):
        network = ValueUNet(texture_options.NETWORKS["paper"], (1, 6), (148, 2), 3)
    assert sum(p.numel() for p in network.parameters()) > 10**8
