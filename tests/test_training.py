"""The one training loop: it learns, is deterministic, guards itself and resumes exactly."""

import copy

import numpy as np
import pytest
import ranked
import torch
from torch import nn
from torch.multiprocessing import start_processes

from radfoundry.networks.layers import seeded
from radfoundry.training.loop import (
    Callbacks,
    Settings,
    Stopped,
    Trained,
    TrainingError,
    learning_rate,
    train,
)

SETTINGS = Settings(steps=40, learning_rate=0.05, warmup=4, schedule="cosine", ema=0.9)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(seed=0):
    with seeded(generator(seed)):
        return nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.2), nn.Linear(8, 1))


def draw(own):
    return torch.randn((16, 3), generator=own)


def loss(net, batch, own):
    return {"fit": ((net(batch) - batch.sum(1, keepdim=True)) ** 2).mean()}


def fitted(settings=SETTINGS, seed=0, terms=loss, **callbacks):
    return train(network(), draw, terms, settings, generator(seed), Callbacks(**callbacks))


def same(first, second):
    return all(torch.equal(first.state[name], second.state[name]) for name in first.state)


def test_the_loss_falls():
    losses = fitted().history["fit"]
    assert len(losses) == SETTINGS.steps
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_equal_generators_give_equal_weights_dropout_included():
    assert same(fitted(), fitted())
    assert not same(fitted(), fitted(seed=1))


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    fitted()
    assert torch.equal(before, torch.get_rng_state())


def test_the_course_of_a_training_is_at_most_so_many_means_of_each_term():
    done = Trained({}, {"long": [1.0, 2.0, 3.0, 4.0], "short": [0.5], "none": []})
    assert done.loss_curve(2) == {"long": [1.5, 3.5], "short": [0.5]}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_resumed_training_ends_where_an_unbroken_one_does(precision):
    settings = Settings(**{**vars(SETTINGS), "precision": precision})
    states = []
    whole = fitted(settings, checkpoint=states.append, every=15)
    assert [state["step"] for state in states] == [15, 30, 40]
    for state in states:
        resumed = train(network(9), draw, loss, settings, generator(7), Callbacks(resume=state))
        assert same(whole, resumed)
        assert resumed.history == whole.history


def test_a_finished_training_resumes_to_nothing():
    states = []
    whole = fitted(checkpoint=states.append, every=40)
    again = train(network(), draw, loss, SETTINGS, generator(), Callbacks(resume=states[0]))
    assert same(whole, again)


def test_other_settings_are_refused_and_named():
    states = []
    fitted(checkpoint=states.append, every=20)
    other = Settings(**{**vars(SETTINGS), "learning_rate": 0.1})
    with pytest.raises(TrainingError, match=r"train.mismatch.*learning_rate 0.05 -> 0.1"):
        fitted(other, resume=states[0])


def test_being_asked_to_stop_leaves_a_checkpoint_to_go_on_from():
    states, asked = [], iter([False] * 11 + [True])
    with pytest.raises(Stopped, match="after step 12") as stop:
        fitted(checkpoint=states.append, stop=lambda: next(asked))
    assert stop.value.code == "train.stopped"
    assert same(fitted(), fitted(resume=states[-1]))


def poisoned(at):
    """Return a loss that is not a number at some steps, counted by its calls."""
    calls = iter(range(1000))
    return lambda net, batch, own: {
        "fit": loss(net, batch, own)["fit"] * (float("nan") if next(calls) in at else 1)
    }


def test_a_few_losses_that_are_not_finite_are_left_out():
    found = fitted(terms=poisoned({3, 9}))
    assert all(torch.isfinite(tensor).all() for tensor in found.state.values())
    assert len(found.history["fit"]) == SETTINGS.steps


def test_more_of_them_stop_the_training_and_keep_the_last_good_checkpoint():
    states = []
    with pytest.raises(TrainingError) as error:
        fitted(terms=poisoned(set(range(20, 40))), checkpoint=states.append, every=10)
    assert error.value.code == "train.nonfinite"
    assert [state["step"] for state in states] == [10, 20]
    assert all(torch.isfinite(p).all() for p in states[-1]["network"].values())


def test_an_infinite_gradient_of_a_finite_loss_is_left_out_too():
    def terms(net, batch, own):
        return {"fit": sum((p.abs() * 0).sqrt().sum() for p in net.parameters())}

    with pytest.raises(TrainingError, match="train.nonfinite"):
        fitted(terms=terms)


def test_the_average_lags_behind_the_last_weights():
    net = network()
    averaged = train(net, draw, loss, SETTINGS, generator()).state
    last = net.state_dict()
    assert any(not torch.equal(averaged[name], last[name]) for name in last)
    plain = Settings(**{**vars(SETTINGS), "ema": 0})
    net = network()
    kept = train(net, draw, loss, plain, generator()).state
    assert all(torch.equal(kept[name], net.state_dict()[name]) for name in kept)


def test_progress_hears_of_every_step():
    heard = []
    fitted(progress=lambda step, steps, terms: heard.append((step, steps, sorted(terms))))
    assert heard == [(step, 40, ["fit"]) for step in range(1, 41)]


def test_a_saved_state_does_not_change_as_training_goes_on():
    states = []
    fitted(checkpoint=lambda s: states.append((s, copy.deepcopy(s))), every=10)
    held, then = states[0]
    assert torch.equal(held["network"]["0.weight"], then["network"]["0.weight"])
    assert held["history"] == then["history"]


def test_the_learning_rate_falls_as_its_schedule_says():
    steps = Settings(steps=9, learning_rate=1.0, schedule="steps", milestones=(3, 6))
    assert [round(learning_rate(s, steps), 3) for s in (0, 3, 8)] == [1.0, 0.1, 0.01]
    cosine = Settings(steps=100, learning_rate=1.0, schedule="cosine")
    assert learning_rate(50, cosine) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [{"schedule": "linear"}, {"precision": "float8"}])
def test_settings_refuse_what_they_do_not_know(wrong):
    with pytest.raises(ValueError, match="is none of"):
        Settings(steps=1, **wrong)


def test_settings_refuse_a_step_without_a_batch():
    with pytest.raises(ValueError, match="accumulate 0"):
        Settings(steps=1, accumulate=0)


def test_lists_from_a_config_are_the_same_settings_as_tuples():
    assert Settings(steps=1, betas=[0.9, 0.99]) == Settings(steps=1, betas=(0.9, 0.99))


def test_the_betas_are_those_of_the_optimizer():
    assert not same(fitted(), fitted(Settings(**{**vars(SETTINGS), "betas": (0.5, 0.9)})))


def test_accumulated_batches_make_the_step_of_one_big_batch():
    pool = iter(torch.randn((40, 2, 8, 3), generator=generator(3)))
    whole = Settings(**{**vars(SETTINGS), "ema": 0.5})
    plain = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1)).requires_grad_()
    start = copy.deepcopy(plain)
    batches = [pair for pair in pool]
    small = iter([half for pair in batches for half in pair])
    big = iter([pair.flatten(0, 1) for pair in batches])
    two = Settings(**{**vars(whole), "accumulate": 2})
    parts = train(plain, lambda own: next(small), loss, two, generator())
    at_once = train(start, lambda own: next(big), loss, whole, generator())
    for name in parts.state:
        torch.testing.assert_close(parts.state[name], at_once.state[name], rtol=1e-4, atol=1e-5)
    assert parts.history["fit"] == pytest.approx(at_once.history["fit"], rel=1e-4)


def test_an_accumulating_training_resumes_exactly_too():
    states, settings = [], Settings(**{**vars(SETTINGS), "accumulate": 3})
    whole = fitted(settings, checkpoint=states.append, every=15)
    assert same(
        whole, train(network(9), draw, loss, settings, generator(7), Callbacks(resume=states[0]))
    )


def test_the_preview_is_drawn_with_the_averaged_weights_and_changes_nothing():
    seen, shown = [], []

    def preview(net):
        seen.append((net.training, {k: v.clone() for k, v in net.state_dict().items()}))
        torch.rand(3)
        return np.full((2, 2), len(seen))

    def show(step, picture, history):
        shown.append((step, picture[0, 0], len(history["fit"])))

    watched = fitted(preview=preview, show=show, show_every=15)
    assert shown == [(15, 1, 15), (30, 2, 30), (40, 3, 40)]
    assert same(watched, fitted())
    assert not seen[-1][0]
    assert all(torch.equal(seen[-1][1][name], watched.state[name]) for name in watched.state)


def test_a_preview_that_fails_is_a_warning_and_changes_nothing():
    def fails(net):
        raise ValueError("nothing to draw")

    shown = []
    show = lambda step, picture, history: shown.append((step, picture))  # noqa: E731
    with pytest.warns(RuntimeWarning, match="no preview after step .0: ValueError: nothing"):
        went_on = fitted(preview=fails, show=show, show_every=20)
    assert shown == [(20, None), (40, None)]
    assert same(went_on, fitted())


def test_a_stopped_training_shows_its_course_without_a_preview():
    shown, asked = [], iter([False] * 4 + [True])
    with pytest.raises(Stopped):
        fitted(show=lambda *events: shown.append(events), stop=asked.__next__, show_seconds=1e9)
    assert [(step, picture) for step, picture, _ in shown] == [(5, None)]


def test_checkpoints_come_by_the_clock_too(monkeypatch):
    clock, states = iter(range(0, 10**6, 3)), []
    monkeypatch.setattr("radfoundry.training.callbacks.time.monotonic", lambda: next(clock))
    fitted(checkpoint=states.append, every_seconds=30)
    steps = [state["step"] for state in states]
    assert steps == [9, 29, 40]  # 3 s a step and a save: a twentieth of the time, and the last step


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return what two processes came to, and one alone that took two batches a step."""
    folder = tmp_path_factory.mktemp("ranks")
    states, two = [], Settings(**{**vars(ranked.SETTINGS), "accumulate": 2})
    alone = ranked.fitted(settings=two, checkpoint=states.append, every=6)
    half = states[0]["settings"] | {"accumulate": 1}
    torch.save(states[0] | {"settings": half}, folder / "half.pt")
    ranked.fitted(checkpoint=lambda state: torch.save(state, folder / "odd.pt"), every=12)
    start = "spawn" if torch.cuda.is_available() else "fork"  # which saves the imports
    start_processes(ranked.work, (str(folder),), 2, start_method=start)
    return alone, *(torch.load(folder / f"{rank}.pt") for rank in (0, 1))


def close(state, other):
    assert state.keys() == other.keys()
    for name in state:
        torch.testing.assert_close(state[name], other[name], rtol=1e-5, atol=1e-6)


def test_two_processes_do_in_a_step_what_one_does_with_two_batches(pair):
    alone, first, _ = pair
    close(first["whole"], alone.state)
    assert first["history"]["fit"] == pytest.approx(alone.history["fit"], rel=1e-5)


def test_every_process_returns_what_the_first_one_has(pair):
    _, first, second = pair
    assert all(torch.equal(first["whole"][name], second["whole"][name]) for name in first["whole"])
    assert first["history"] == second["history"]


def test_the_first_process_alone_is_given_the_checkpoints(pair):
    assert [[state["step"] for state in outcome["states"]] for outcome in pair[1:]] == [[6, 12], []]


def test_another_number_of_processes_goes_on_with_the_same_training(pair):
    alone, first, _ = pair
    close(ranked.fitted(seed=9, resume=first["states"][0]).state, alone.state)
    close(first["resumed"], alone.state)


def test_batches_that_cannot_be_shared_out_are_refused(pair):
    assert "train.mismatch: the checkpoint's 1 batches per step cannot" in pair[1]["odd"]


def test_when_one_process_is_asked_to_stop_all_do(pair):
    assert all(
        outcome["stopped"] == "train.stopped: asked to stop after step 1" for outcome in pair[1:]
    )
    assert [outcome["shown"] for outcome in pair[1:]] == [1, 0]


def test_a_loss_that_is_not_finite_in_one_process_is_one_in_all(pair):
    assert all("train.nonfinite: step 5 of 12" in outcome["poisoned"] for outcome in pair[1:])
