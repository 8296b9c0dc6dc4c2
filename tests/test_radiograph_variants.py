"""Networks that a recipe of radiographs has if it names them, of a few steps each."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from factory import ROOT
from radiograph_recipes import FEW, SHIFTS, digest
from test_xreal import drawn, fitted, requests, trained

from radfoundry import weights
from radfoundry.config import catalogue
from radfoundry.config.trained import definitions as trained_code
from radfoundry.generators import xreal
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators._radiographs import training, variant_options, variants
from radfoundry.networks.controlnet import ControlledDiffusionUNet
from radfoundry.networks.costs import parameters
from radfoundry.networks.preconditioned_unet import PreconditionedUNet

OTHERS = {
    "controlnet": FEW,
    "edm": {**FEW, "size": SHIFTS, "traces": [0.05, 0.1]},
    "averaged": {"width": 0.08},
    "guide": {**FEW, "size": {"widths": [15, 32], "blocks": [1, 1], "mixing": 8, "text_places": 2}},
}


@cache
def others():
    """Return the networks that a recipe has if it names them."""
    found = {n: fitted(n, trained(), **{n: OTHERS[n]}) for n in OTHERS if n != "averaged"}
    return found | {"averaged": fitted("averaged", found, averaged=OTHERS["averaged"])}


def test_a_controlnet_is_shown_the_maps_and_leaves_the_base_as_it_was():
    before = weights.packed(trained()["diffusion"])
    copied, own = others()["controlnet"], trained()["diffusion"].state
    assert weights.packed(trained()["diffusion"]) == before
    assert all(name.startswith("control.") for name in copied.state)
    networks = xreal.prepare({**trained(), "controlnet": copied})
    assert networks.controller is None
    both = networks.engine.network.state_dict()
    assert all(torch.equal(both[name], value) for name, value in own.items())
    with torch.no_grad():
        networks.engine.network.control.skip.weight.fill_(0.1)
        networks.engine.network.leave.weight.fill_(0.01)
    assert digest(drawn(networks).image.voxels) != digest(drawn(networks, warp=0).image.voxels)


def test_a_controlnet_of_no_steps_draws_what_its_base_draws():
    none = fitted("controlnet", trained(), controlnet={"steps": 0})
    base = {n: w for n, w in trained().items() if n != "anatomy_controller"}
    alone, beside = (drawn(xreal.prepare(own)) for own in (base, {**base, "controlnet": none}))
    np.testing.assert_array_equal(alone.image.voxels, beside.image.voxels)


def test_edm_and_its_averages_stand_in_the_place_of_the_base():
    found, rest = others(), {n: w for n, w in trained().items() if n != "diffusion"}
    plain, averaged = (
        rest | {name: found[name] for name in ("edm", "averaged")[:n]} for n in (1, 2)
    )
    samples = [drawn(xreal.prepare(own)) for own in (plain, averaged)]
    assert all(np.isfinite(one.image.voxels).all() for one in samples)
    assert averaged["averaged"].card["width"] == 0.08
    assert found["averaged"].state.keys() == found["edm"].state.keys() - {
        "kept.averages", "kept.points"
    }  # fmt: skip
    assert set(found["edm"].card["losses"]) == {"denoising", "log_variance"}
    with pytest.raises(ValueError, match="edm kept no averages"):
        fitted("averaged", {"edm": trained()["diffusion"]})


def test_a_guide_is_led_away_from_where_its_scale_says_so():
    base = {n: w for n, w in trained().items() if n != "anatomy_controller"}
    networks = xreal.prepare({**base, "guide": others()["guide"]})
    own = [drawn(one).image.voxels for one in (xreal.prepare(base), networks)]
    assert not np.array_equal(*own)
    one = [drawn(net, guidance=1.0).image.voxels for net in (xreal.prepare(base), networks)]
    np.testing.assert_array_equal(*one)
    both = xreal.prepare({**trained(), "guide": others()["guide"]})
    with torch.no_grad():  # two steps teach it next to nothing
        both.engine.weaker.leave.weight.fill_(0.05)
    assert digest(drawn(both, findings=()).image.voxels) != digest(drawn(findings=()).image.voxels)


def test_guidance_of_an_interval_is_stated_only_where_it_is_asked_for():
    assert "guidance_interval" not in json.loads(requests()[0]["parameters"])
    some = {"guidance": 9.0, "guidance_interval": [0.2, 0.9]}
    assert json.loads(requests(**some)[0]["parameters"])["guidance_interval"] == [0.2, 0.9]
    assert digest(drawn(**some).image.voxels) != digest(drawn(guidance=9.0).image.voxels)


@pytest.mark.parametrize(
    ("network", "changed", "message"),
    [
        ("controlnet", {"text_only": True}, "allowed: one of them"),
        ("controlnet", {"controlnet": {"size": "phantom"}}, "controlnet has no size"),
        ("edm", {"objective": "published"}, "allowed: flow"),
        ("edm", {"edm": {"traces": [0.5]}}, "allowed: above 0"),
        ("averaged", {"averaged": {"width": 2}}, "allowed: above 0"),
        ("guide", {"guide": {"drop_text": 3}}, "drop_text is 3"),
    ],
)
def test_options_of_other_networks_that_make_no_sense_are_refused(network, changed, message):
    with pytest.raises(ValueError, match=message):
        fitted(network, {**trained(), "edm": trained()["diffusion"]}, **changed)


def test_the_keys_that_they_take_are_those_of_their_parts():
    stated = catalogue.training("xreal")
    assert stated["controlnet"] == variant_options.CONTROLNET_KEYS
    assert stated["edm"] == variant_options.EDM_KEYS
    assert stated["guide"] == variant_options.GUIDE_KEYS
    assert set(OTHERS) <= catalogue.asked_for("xreal") <= set(xreal.NETWORKS)


def test_monais_network_may_be_the_base_of_each_of_them():
    size = {"size": "workstation", "widths": [8, 16], "attention": [False, True], "blocks": 1}
    monai = {**FEW, "size": {**size, "heads": 2, "groups": 4}, "precision": "float32"}
    rest = {n: w for n, w in trained().items() if n not in ("diffusion", "anatomy_controller")}
    base = fitted("diffusion", rest, objective="published", diffusion=monai)
    beside = rest | {"diffusion": base}
    copied = fitted("controlnet", beside, objective="published", controlnet=FEW)
    edm = fitted("edm", rest, edm={**monai, "traces": [0.05, 0.1]})
    averaged = fitted("averaged", {"edm": edm})
    both, alone = xreal.prepare(beside | {"controlnet": copied}), xreal.prepare(rest | {"edm": edm})
    assert isinstance(both.engine.network, ControlledDiffusionUNet)
    assert isinstance(alone.engine.network, PreconditionedUNet)
    for networks in (both, alone, xreal.prepare(rest | {"edm": edm, "averaged": averaged})):
        assert np.isfinite(drawn(networks).image.voxels).all()


@pytest.mark.parametrize("size", ["workstation", "paper"])
def test_the_sizes_of_one_gpu_and_of_the_paper_are_built(size):
    copied = variant_options.of_controlnet({"size": size}, {})
    guide = variant_options.of_guide({"size": size}, False, {})
    card = {"channels": 3, "space": [64, 64], "text_width": 8, "read": 0, "classes": []}
    given = torch.zeros(1, 3, 64, 64, device="meta"), torch.zeros(1, device="meta")
    with torch.device("meta"):
        wiring = training.schedule_of(copied), "velocity", 3, 20, 8
        both = ControlledDiffusionUNet(copied["size"], *wiring)
        assert both(*given, concat=torch.zeros(1, 20, 64, 64)).shape == given[0].shape
        smaller = training.built({**guide, **card})
        assert parameters(smaller) < 0.3 * parameters(both.network)
        edm = variants.built({**variant_options.of_edm({"size": size}, False, {}), **card})
        assert edm(*given).shape == given[0].shape
    assert guide["steps"] * 4 == shared.DIFFUSION[size]["steps"]


def test_none_of_them_is_in_the_fingerprint_of_a_base():
    script = ROOT / "scripts/train_network.py"
    reached = {name: trained_code(script, "xreal", name) for name in ("diffusion", "edm")}
    files = [{name.partition(":")[0] for name in found} for found in reached.values()]
    new = {"generators/_radiographs/variants.py", "diffusion/preconditioning.py"}
    new |= {"networks/power_averages.py", "generators/xreal/beside.py"}
    assert not new & files[0]
    assert new <= files[1]
    assert not any("drawing" in name or "guidance.py" in name for name in files[1])
