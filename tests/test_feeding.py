"""Batches follow from the seed, the step and the place in it, whoever draws them."""

import pytest
import torch

from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Settings


def draw(generator):
    return torch.rand(3, generator=generator)


def batches(count, workers=0, resume=None, seed=1, **settings):
    feed = Feed(draw, Settings(steps=4, **settings), seed, resume, workers)
    found = [feed() for _ in range(count)]
    feed.close()
    return torch.stack(found)


def test_workers_change_no_batch():
    assert torch.equal(batches(8, 2, accumulate=2), batches(8, accumulate=2))


def test_a_resumed_training_has_the_batches_that_it_would_have_had():
    state = {"step": 2, "generators": [None, None]}
    rest = batches(4, resume=state, accumulate=2)
    assert torch.equal(rest, batches(8, accumulate=2)[4:])


def test_no_two_batches_are_alike_and_another_seed_draws_others():
    found = batches(8, accumulate=2)
    assert len({tuple(row.tolist()) for row in found}) == 8
    assert not torch.equal(found, batches(8, seed=2, accumulate=2))


def test_batches_end_with_the_training():
    with pytest.raises(StopIteration):
        batches(5)


def test_a_batch_is_not_drawn_in_half_precision():
    with torch.autocast("cpu", torch.bfloat16):
        assert Feed(
            lambda g: torch.ones(2, 2) @ torch.ones(2, 2), Settings(steps=1), 0
        )().dtype == (torch.float32)
