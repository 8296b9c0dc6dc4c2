"""What is computed on a GPU meets nothing of the CPU; tried on a device that is not there."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from otherdevice import THERE, OtherDevice
from test_medsyn import PUBLISHED, TINY, TRAIN, chests, request, trained

from radfoundry.generators import medsyn, wgan
from radfoundry.training.loop import Callbacks

STEP = {"steps": 1, "batch": 1, "precision": "float32"}
WAVELET = {
    "low_resolution": {**STEP, "size": {**TINY, "rank": 4}},
    "super_resolution": {**TRAIN["super_resolution"], **STEP},
}


def fitted(generator, network, options, callbacks=None):
    """Return a network's weights after a step there."""
    data = SimpleNamespace(cases=chests(), networks={"text": trained()["text"]})
    rng = np.random.default_rng(0)
    return generator.fit(network, data, options, rng, THERE, callbacks or Callbacks())


def test_what_a_gpu_refuses_is_refused():
    with OtherDevice():
        there = torch.ones(3, device=THERE)
        assert (there.device, (there + 1)[:2].device) == (THERE, THERE)
        assert there.cpu().device == torch.ones(3).device
        for mixed in (lambda: there + torch.ones(3), there.numpy, lambda: torch.ones(3)[there > 0]):
            with pytest.raises(RuntimeError):
                mixed()
        with pytest.raises(RuntimeError, match="generator"):
            torch.rand(2, generator=torch.Generator(), device=THERE)


@pytest.mark.parametrize("network", ["low_resolution", "super_resolution"])
@pytest.mark.parametrize("options", [WAVELET, PUBLISHED], ids=["wavelet", "published"])
def test_medsyn_trains_and_shows_itself_on_a_device(network, options):
    shown = []
    callbacks = Callbacks(show=lambda step, picture, history: shown.append(picture), show_every=1)
    with OtherDevice():
        fitted(medsyn, network, options, callbacks)
    assert shown[0].ndim == 2


def test_the_text_encoder_reads_on_a_device():
    with OtherDevice():
        assert fitted(medsyn, "text", {"text": {"steps": 1}}).card["reader"]


def test_medsyn_draws_on_a_device():
    with OtherDevice():
        networks = medsyn.prepare(trained(), THERE)
        case = medsyn.draw(request(given=["lobes"]), chests()[0], networks)
    assert case.image.voxels.shape == (32, 32, 32)


def test_the_gan_trains_on_a_device():
    own = {"gan": {"steps": 1, "batch": 2, "precision": "float32"}}
    with OtherDevice():
        assert fitted(wgan, "gan", own).state
