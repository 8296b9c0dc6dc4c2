"""Time one label map of 256 x 256 pixels for the methods that need no weights."""

import json
import sys
import time

import numpy as np

from radfoundry.config.catalogue import load

IMAGES = 24


def main() -> None:
    """Print the CPU time of an image, median and 95th percentile."""
    phantom, pbtseg = load("phantoms", "chest_xray"), load("segmenters", "pbtseg")
    plan = phantom.plan(
        {"patients": IMAGES, "exams": [1, 1], "size": 256}, np.random.default_rng(0)
    )
    images = [phantom.draw(json.loads(text)).image for text in plan["parameters"]]
    sys.stdout.write("| method | median ms | 95th percentile ms |\n|---|---|---|\n")
    for method in ("published", "improved"):
        label = pbtseg.prepare({"method": method})
        label(images[0])
        spent = []
        for image in images:
            begun = time.process_time()
            label(image)
            spent.append(1000 * (time.process_time() - begun))
        median, high = np.percentile(spent, [50, 95])
        sys.stdout.write(f"| {method} | {median:.0f} | {high:.0f} |\n")


if __name__ == "__main__":
    main()
