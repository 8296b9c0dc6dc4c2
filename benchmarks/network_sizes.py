"""Parameters, memory and work of MedSyn's networks at the published and the workstation size.

    python benchmarks/network_sizes.py

Nothing is computed: networks and volumes are on the `meta` device. Memory is weights, optimizer and
activations in mixed precision, without what the allocator and libraries add.
"""

import sys

import torch

from radfoundry.volumenets.costs import cost
from radfoundry.volumenets.sizes import LOW_RESOLUTION, SUPER_RESOLUTION, build

LOW, CROP, TILE, WHOLE = (64, 64, 64), (64, 72, 72), (64, 128, 128), (256, 256, 256)
STEPS = (  # network, size, what, batch, depth x height x width, training
    ("low resolution", "paper", "training step", 2, LOW, True),
    ("low resolution", "paper", "call", 1, LOW, False),
    ("super-resolution", "paper", "training step", 2, CROP, True),
    ("super-resolution", "paper", "call, a tile", 1, TILE, False),
    ("super-resolution", "paper", "call, 256^3 at once", 1, WHOLE, False),
    ("low resolution", "workstation", "training step", 1, LOW, True),
    ("super-resolution", "workstation", "training step", 2, CROP, True),
    ("super-resolution", "workstation", "call, a tile", 1, TILE, False),
)


def main() -> None:
    """Print one row per kind of step."""
    lines = ["| network | size | million parameters | step | batch | GB | TFLOP |"]
    lines.append("|---|---|---|---|---|---|---|")
    for network, size, what, batch, space, training in STEPS:
        low = network == "low resolution"
        tables, beside = (LOW_RESOLUTION, 0) if low else (SUPER_RESOLUTION, 4)
        with torch.device("meta"):
            wiring = {"channels": 4, "beside": beside, "text_width": 768 if low else 0}
            made = build(tables[size], **wiring)
            noisy = torch.zeros(batch, 4, *space, dtype=torch.bfloat16)
            text = torch.zeros(batch, 192, 768, dtype=torch.bfloat16)
            found = cost(made, noisy, {"text": text} if low else {"beside": noisy}, training)
        counted = f"{found.parameters:.1f} | {what} | {batch}"
        lines.append(
            f"| {network} | {size} | {counted} | {found.total_gb:.1f} | {found.tflop:.1f} |"
        )
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
