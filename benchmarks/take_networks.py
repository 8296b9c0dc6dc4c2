"""Take the networks that a showcase trained for the demo, and print how config.yaml pins them.

    python benchmarks/take_networks.py showcase_films/results xreal aurad     (`make networks`)

They go to benchmarks/networks/{recipe}/{network}, in half precision: half the bytes of a
repository's history for a rounding of 0.05 %, far below what one more training step changes.
"""

import hashlib
import sys
from pathlib import Path

import torch

from radfoundry import weights

ROOT = Path(__file__).resolve().parents[1]


def halved(found: weights.Weights) -> weights.Weights:
    """Return weights with tensors of 32 bits in 16."""
    state = {
        name: tensor.half() if tensor.dtype == torch.float32 else tensor
        for name, tensor in found.state.items()
    }
    return weights.Weights(state, found.card)


def main(results: str, *recipes: str) -> None:
    """Write the networks of each recipe, equal ones once, and say how config.yaml pins them."""
    places: dict[str, Path] = {}
    for recipe in recipes:
        sys.stdout.write(f"  {recipe}:\n    networks:\n")
        folders = sorted(Path(results, "recipes", recipe, "networks").glob(f"*/{weights.CARD}"))
        for folder in (card.parent for card in folders):
            found = halved(weights.read(folder))
            digest = hashlib.sha256(weights.packed(found)[weights.TENSORS]).hexdigest()
            place = places.setdefault(digest, Path("benchmarks/networks", recipe, folder.name))
            weights.write(found, ROOT / place)
            sys.stdout.write(f"      {folder.name}: {{folder: {place}, sha256: {digest}}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
