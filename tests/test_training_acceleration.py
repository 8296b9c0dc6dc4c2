"""Cheaper steps: scaled losses in float16, layers computed again, compiled networks."""

from dataclasses import replace

import pytest
import torch
from test_training import SETTINGS, draw, fitted, generator, loss, network, same
from torch import nn

from radfoundry.generators.medsyn import batches, training
from radfoundry.generators.medsyn.options import TABLES, chosen
from radfoundry.networks import build
from radfoundry.networks.super_resolution import SuperResolution
from radfoundry.training import acceleration
from radfoundry.training.loop import Callbacks, Settings, TrainingError, TrainingState, train

HALF = replace(SETTINGS, precision="float16", skips=0)
SMALLER = {"widths": (32, 64), "depth": 1, "places": 4, "mixing": 16, "rank": 0}
SMALLER |= {"width": 8, "multipliers": (1, 2), "bottleneck": 1, "heads": 1}
DESIGNS = {(name, of["design"]): of for name, sizes in TABLES.items() for of in sizes.values()}


def steep(net, batch, own):
    """Return a loss whose gradient leaves float16 at the first scale."""
    return {"fit": 100 * loss(net, batch, own)["fit"]}


class Own(nn.Module):
    """A network of a class that is not PyTorch's, whose `forward` is what is compiled."""

    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, batch):
        return self.layers(batch)


def fitted_own(settings, seed=0, **callbacks):
    return train(Own(), draw, loss, settings, generator(seed), Callbacks(**callbacks))


def small(size, saving=False):
    """Return a denoising network of some design, whose every layer says something."""
    changed = {key: SMALLER[key] for key in size if size[key] and key in SMALLER}
    known = {**size, **changed, "checkpoint": saving}
    made = build.initial(generator(), known, channels=2, concat=2, space=(16, 16, 16))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.1, generator=generator(parameter.numel()))
    return made


def gradients(made):
    noisy, beside = torch.randn(2, 2, 2, 16, 16, 16, generator=generator())
    made(noisy, torch.tensor([0.3, 0.8]), concat=beside).square().mean().backward()
    return {name: part.grad for name, part in made.named_parameters() if part.grad is not None}


def test_float16_computes_in_16_bits_and_learns():
    with acceleration.mixed("cpu", "float16"):
        assert network()(draw(generator())).dtype == torch.float16
    losses = fitted(HALF).history["fit"]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_steps_by_which_the_scale_of_the_loss_finds_its_value_are_not_counted():
    states = []
    found = fitted(HALF, terms=steep, checkpoint=states.append, every=20)
    assert states[0]["scaler"]["scale"] < 2**16
    assert [state["skipped"] for state in states] == [0, 0]
    assert not same(found, fitted(replace(HALF, steps=1), terms=steep))


@pytest.mark.parametrize("every", [2, 20])
def test_a_training_resumed_in_float16_goes_on_with_its_scale(every):
    states = []
    whole = fitted(HALF, terms=steep, checkpoint=states.append, every=every)
    resumed = train(network(9), draw, steep, HALF, generator(7), Callbacks(resume=states[0]))
    assert same(whole, resumed)
    assert resumed.history == whole.history


def test_a_gradient_that_no_scale_makes_finite_stops_the_training():
    def terms(net, batch, own):
        return {"fit": sum((p.abs() * 0).sqrt().sum() for p in net.parameters())}

    with pytest.raises(TrainingError, match="step 18 of 40 is the 3th whose loss or gradient"):
        fitted(replace(HALF, skips=2), terms=terms)


def test_a_loss_that_is_not_finite_counts_in_float16_too():
    def terms(net, batch, own):
        return {"fit": loss(net, batch, own)["fit"] * float("inf")}

    with pytest.raises(TrainingError, match="step 0 of 40"):
        fitted(HALF, terms=terms)


def test_float16_is_refused_where_it_cannot_be_computed(monkeypatch):
    def fails(self, given):
        raise RuntimeError("\"slow_conv3d\" not implemented for 'Half'")

    monkeypatch.setattr(nn.Conv3d, "forward", fails)
    with pytest.raises(TrainingError, match=r"train\.precision.*'Half'.*allowed here: float32"):
        fitted(HALF)


@pytest.fixture
def instructions(monkeypatch):
    """Return what makes this CPU one with, or without, instructions for bfloat16."""

    def has(bfloat16):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bfloat16})
        acceleration._has_bf16.cache_clear()

    yield has
    acceleration._has_bf16.cache_clear()


def test_bfloat16_is_left_out_on_a_cpu_that_has_no_instructions_for_it(instructions):
    for bfloat16, kind in ((True, torch.bfloat16), (False, torch.float32)):
        instructions(bfloat16)
        with acceleration.mixed("cpu", "bfloat16"):
            assert (torch.zeros(2, 2) @ torch.zeros(2, 2)).dtype == kind


def test_a_network_draws_in_the_precision_that_it_was_trained_in(instructions):
    instructions(True)
    conv = nn.Conv3d(1, 1, 1)
    for precision in ("float32", "bfloat16", "float16"):
        run = batches.halved(lambda noisy, times: conv(noisy), {"precision": precision})
        drawn = run(torch.zeros(1, 1, 2, 2, 2), torch.zeros(1))
        assert str(drawn.dtype) == f"torch.{precision}"


def heard(made):
    """Return a list that grows by an entry whenever a part of the network is called."""
    calls = []
    for part in made.modules():
        part.register_forward_pre_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize("size", DESIGNS.values(), ids=["/".join(key) for key in DESIGNS])
def test_layers_that_are_computed_again_have_equal_gradients(size):
    plain, saving = small(size), small(size)
    acceleration.prepare(saving, Settings(1, gradient_checkpointing=True), torch.device("cpu"))
    again, once = heard(saving), heard(plain)
    found, wanted = gradients(saving), gradients(plain)
    assert len(again) > 1.3 * len(once)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_a_size_says_what_is_computed_again_unless_the_training_does():
    made = SuperResolution(small(DESIGNS["super_resolution", "pseudo3d"], saving=True), 2, 2, 0.0)
    for given, saving in ((None, True), (False, False), (True, True)):
        chosen_settings = Settings(1, gradient_checkpointing=given)
        acceleration.prepare(made, chosen_settings, torch.device("cpu"))
        assert made.network.saving is saving


def test_a_network_that_cannot_compute_again_is_refused_by_its_class():
    with pytest.raises(TrainingError, match=r"train\.checkpointing: .* but Sequential has no"):
        fitted(replace(SETTINGS, gradient_checkpointing=True))


@pytest.mark.parametrize("name", TABLES)
def test_options_of_a_recipe_reach_the_loop(name):
    asked = {"gradient_checkpointing": True, "compile": True, "precision": "float16"}
    found = training.settings(chosen({name: asked})[name])
    assert {key: getattr(found, key) for key in asked} == asked


@pytest.mark.parametrize("wrong", [{"gradient_checkpointing": "often"}, {"compile": "yes"}])
def test_values_that_are_no_choice_are_refused_with_those_that_are(wrong):
    with pytest.raises(ValueError, match="is none of .*True, False"):
        Settings(1, **wrong)


@pytest.fixture
def compiler(monkeypatch):
    """Capture and differentiate as the real backend, without a minute of C++."""
    torch.compiler.reset()
    monkeypatch.setattr(acceleration, "BACKEND", "aot_eager")
    return replace(SETTINGS, compile=True)


def test_a_compiled_network_learns_the_same_tensors_under_the_same_names(compiler):
    compiled, plain = fitted_own(compiler), fitted_own(SETTINGS)
    assert compiled.state.keys() == plain.state.keys() == Own().state_dict().keys()
    for name in plain.state:
        torch.testing.assert_close(compiled.state[name], plain.state[name], rtol=1e-3, atol=1e-4)


def test_a_compiled_network_is_really_compiled(compiler):
    seen = []
    acceleration.BACKEND = lambda graph, given: seen.append(graph) or graph.forward
    fitted_own(compiler)
    assert len(seen) >= 2  # what is tried first, and the network


@pytest.mark.parametrize("first", [True, False])
def test_a_checkpoint_goes_from_compiled_to_uncompiled_and_back(compiler, first):
    states = []
    fitted_own(replace(compiler, compile=first), checkpoint=states.append, every=20)
    other = replace(compiler, compile=not first)
    went_on = fitted_own(other, seed=7, resume=states[0])
    assert len(went_on.history["fit"]) == SETTINGS.steps


def test_a_compiled_training_resumes_exactly(compiler):
    states = []
    whole = fitted_own(compiler, checkpoint=states.append, every=15)
    assert same(whole, fitted_own(compiler, seed=7, resume=states[0]))


def test_without_a_compiler_the_training_says_so_before_its_first_step(monkeypatch):
    def missing(graph, given):
        raise RuntimeError("no C++ compiler found")

    torch.compiler.reset()
    monkeypatch.setattr(acceleration, "BACKEND", missing)
    with pytest.raises(TrainingError, match=r"train\.compile.*no C\+\+ compiler.*compile: false"):
        TrainingState(network(), replace(SETTINGS, compile=True), generator())
