"""Phantoms of chests for tests of segmenters, and a machine without a network."""

import json
import socket

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.phantoms import chest_ct


def chests(count, size=32, seed=0, **options):
    """Return so many small phantoms without findings."""
    asked = {"patients": count, "exams": [1, 1], "size": size, "findings": {}} | options
    rows = chest_ct.plan(asked, np.random.default_rng(seed))
    return [chest_ct.draw(json.loads(parameters)) for parameters in rows["parameters"]]


def dice(labels, truth, region):
    """Return the Dice of one region of two label maps."""
    first, second = regions.mask(labels, region), regions.mask(truth, region)
    return 2 * (first & second).sum() / (first.sum() + second.sum())


@pytest.fixture
def no_network(monkeypatch):
    """Return the list of addresses that were asked for; asking fails."""
    asked = []

    def refuse(*args, **settings):
        asked.append(args)
        raise OSError("there is no network in this test")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return asked
