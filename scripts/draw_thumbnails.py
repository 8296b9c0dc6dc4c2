"""Draw a small picture of every sample, all in one sheet."""

from _images import drawn_cases
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.report import thumbnails

job = start(snakemake)
samples = tables.read(job.input.samples, "samples").query("status == 'ok'")
shown = samples.head(thumbnails.MOST)
side = thumbnails.side_of(len(shown))
pictures = [
    thumbnails.thumbnail(case, job.params.modality, side)
    for case in progress(drawn_cases(shown), len(shown), "thumbnails")
]
volume.write_bytes(thumbnails.sheet(pictures), job.output.sprite)
