"""A toy generator in a folder of its own: planted by a test to see that no other file must change.

It learns how bright images are and draws a copy of its source, brightened by what it learned.
"""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from radfoundry.generators.toy.network import Brightness
from radfoundry.generators.toy.options import NETWORKS, OPTIONS

from radfoundry import seeds
from radfoundry.training.loop import Settings, train
from radfoundry.weights import Weights

__all__ = ["NETWORKS", "OPTIONS", "draw", "fit", "plan", "prepare"]


def plan(cases, options, seed):
    options = {**OPTIONS, **options}
    own = cases[cases["split"] == "train"].head(options["count"])
    asked = json.dumps({"gain": options["gain"]})
    rows = [(f"toy-{c}", c, "train", seeds.seed(seed, "sample", c), asked) for c in own["case"]]
    return pd.DataFrame(rows, columns=["request", "source", "split", "seed", "parameters"])


def fit(network, data, options, rng, device, callbacks):
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    means = torch.tensor([float(case.image.voxels.mean()) for case in data.cases])

    def draw_batch(own):
        return means[torch.randint(len(means), (options["brightness"]["batch"],), generator=own)]

    def loss(net, batch, _):
        return {"square": ((net.level - batch) ** 2).mean()}

    settings = Settings(steps=options["brightness"]["steps"])
    trained = train(Brightness(), draw_batch, loss, settings, generator, callbacks)
    return Weights(trained.state, {"network": network, "cases": len(data.cases)})


def prepare(weights, device):
    network = Brightness()
    network.load_state_dict(dict(weights["brightness"].state))
    return network


def draw(request, source, networks):
    gain = json.loads(request["parameters"])["gain"] * float(networks.level.detach())
    voxels = np.clip(source.image.voxels + gain, 0, 1).astype(np.float32)
    facts = {"source": source.name, "patient": source.facts["patient"], "findings": ""}
    facts |= {"split": request["split"], "seed": str(request["seed"]), "shape": ""}
    image = source.image.holding(voxels)
    return replace(source, name=request["request"], image=image, facts=facts)
