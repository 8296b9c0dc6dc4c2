"""What each of two processes does that train one network together, for test_training."""

from datetime import timedelta

import torch
from torch import distributed, nn

from radfoundry.networks.layers import seeded
from radfoundry.training.loop import Callbacks, Settings, Stopped, TrainingError, train

SETTINGS = Settings(steps=12, learning_rate=0.05, warmup=4, ema=0.9, clip=0.5)


class Halves(nn.Module):
    """A network that leaves one part unused in some batches, and has a part to be used by name."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.2))
        self.often, self.seldom = nn.Linear(8, 1), nn.Linear(8, 1)


def network(seed=0):
    with seeded(torch.Generator().manual_seed(seed)):
        return Halves()


def draw(own):
    return torch.randn((16, 3), generator=own)


def loss(net, batch, own):
    head = net.seldom if torch.rand((), generator=own) < 0.5 else net.often
    return {"fit": ((head(net.body(batch)) - batch.sum(1, keepdim=True)) ** 2).mean()}


def fitted(terms=loss, seed=0, settings=SETTINGS, **callbacks):
    own = torch.Generator().manual_seed(5)
    return train(network(seed), draw, terms, settings, own, Callbacks(**callbacks))


def poisoned(net, batch, own):
    bad = distributed.get_rank() == 1
    return {"fit": loss(net, batch, own)["fit"] * (float("nan") if bad else 1)}


def refused(kind, **how):
    try:
        fitted(**how)
    except kind as error:
        return str(error)
    return "nothing was refused"


def work(rank, folder):
    """Train in several ways as one of two, and let the first write down what came out."""
    meeting, patience = f"file://{folder}/meeting", timedelta(seconds=60)
    distributed.init_process_group("gloo", meeting, patience, 2, rank)
    states, shown = [], []
    outcomes = {"whole": fitted(seed=rank, checkpoint=states.append, every=6)}
    outcomes["resumed"] = fitted(seed=9, resume=torch.load(f"{folder}/half.pt"))
    asked = iter([rank == 1] * 9)
    outcomes["stopped"] = refused(Stopped, stop=asked.__next__, show=lambda *all: shown.append(all))
    outcomes["poisoned"] = refused(TrainingError, terms=poisoned)
    odd = torch.load(f"{folder}/odd.pt")
    outcomes["odd"] = refused(TrainingError, resume=odd, settings=Settings(**odd["settings"]))
    kept = {k: v if isinstance(v, str) else v.state for k, v in outcomes.items()}
    counts = {"states": states, "shown": len(shown), "history": outcomes["whole"].history}
    torch.save(kept | counts, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()
