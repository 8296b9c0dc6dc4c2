"""Take a network that the config pins: no training, the very file or none."""

import shutil
from pathlib import Path

from _job import start

from radfoundry import volume, weights

job = start(snakemake)
folder, output = Path(job.input.files[0]).parent, Path(job.output.network)
found = volume.sha256(folder / weights.TENSORS)
if found != job.params.sha256:
    message = f"{folder} holds weights of sha256 {found}; the config allows {job.params.sha256}"
    raise weights.WeightsError(f"{message} alone")
said = weights.read(folder).card.get("network", output.name)
if said != output.name:
    raise weights.WeightsError(f"{folder} holds the network {said}, not {output.name}")
output.mkdir(parents=True)
for file in job.input.files:
    shutil.copy(file, output)
