"""How requests are drawn: those that are alike together, and none goes down with another."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from types import ModuleType

import torch

from radfoundry.case import Case

Asked = tuple[dict, Case]  # a request and its source
Found = Case | ValueError  # the sample, or why there is none


def each_drawn(
    generator: ModuleType,
    networks: object,
    requests: Sequence[dict],
    source: Callable[[str], Case],
    together: int = 1,
) -> Iterator[tuple[dict, Found]]:
    """Yield each request with its sample, or with why it cannot be drawn; order is kept.

    So many requests are read and drawn at once. Where fewer are left, or alike, they are filled up
    with repeats whose samples are dropped: kernels are chosen by the size of a batch, and a sample
    must not depend on how many were asked for beside it.

    Args:
        generator: A module of `radfoundry.generators`.
        networks: As its `prepare` returns them.
        requests: Rows of requests.
        source: Returns the case of an id.
        together: Requests that go through the networks at once, if the generator can.
    """
    size = together if hasattr(generator, "draw_many") else 1
    for start in range(0, len(requests), size):
        some = [(one, source(one["source"])) for one in requests[start : start + size]]
        for lost, run in groupby(some, lambda one: one[1].facts.get("failed", "")):
            asked = list(run)
            # Requests are planned before the labels of their sources may be drawn anew.
            reason = ValueError(f"labels of its source failed: {lost}")
            found = [reason] * len(asked) if lost else _found(generator, networks, asked, size)
            yield from zip((one for one, _ in asked), found, strict=True)


def _found(
    generator: ModuleType, networks: object, asked: Sequence[Asked], size: int
) -> Iterator[Found]:
    """Yield what becomes of requests; where one of those alike fails, each is drawn by itself."""
    alike = getattr(generator, "alike", lambda *_: None)
    for _, run in groupby(asked, lambda one: alike(*one)):
        some = list(run)
        try:
            yield from _drawn(generator, networks, some, size)
        except ValueError as error:
            if len(some) == 1:
                yield error
            else:
                for one in some:
                    yield from _found(generator, networks, [one], size)


def _drawn(
    generator: ModuleType, networks: object, asked: Sequence[Asked], size: int
) -> list[Case]:
    """Return the samples of requests that are alike.

    Raises:
        ValueError: One of them cannot be drawn.
        RuntimeError: So many do not fit into the GPU's memory.
    """
    if size == 1:
        return [generator.draw(*one, networks) for one in asked]
    full = [*asked, *[asked[-1]] * (size - len(asked))]
    try:
        return generator.draw_many(*zip(*full, strict=True), networks)[: len(asked)]
    except torch.OutOfMemoryError as error:
        how = f"{size} samples at once do not fit into the GPU's memory"
        raise RuntimeError(f"{how}: state fewer as the recipe's `together`") from error
