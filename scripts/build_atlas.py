"""Average the lungs of some cases into the shape that all are brought to, or take one."""

from _cases import summarize
from _intake import raw_case
from _job import progress, start

from radfoundry import tables, volume
from radfoundry.anatomy.chest_ct import coarse_lungs
from radfoundry.data import gate
from radfoundry.data.preprocess import atlas
from radfoundry.seeds import seed

job = start(snakemake)
cohort, options = job.params.cohort, job.params.preprocess

cases = tables.read(job.input.cases, "cases")
cases = cases.assign(order=[seed(0, "build_atlas", case) for case in cases["case"]])
chosen = cases.sort_values("order").head(options["atlas_cases"])


def masks():
    """Yield the lungs of the cases that can be read; preprocess says why the others cannot."""
    for row in progress(chosen.to_dict("records"), len(chosen), "lungs"):
        phantoms = f"results/cohorts/{job.wildcards.cohort}/phantoms/{row['batch']}"
        try:
            raw, _, _ = raw_case(row, cohort["root"], phantoms, cohort["modality"])
        except gate.GateError:
            continue
        yield raw.image.holding(coarse_lungs.lungs(raw.image))


if isinstance(options["atlas"], str):
    mean = atlas.taken(volume.read(options["atlas"]), options["grid"], options["atlas"])
else:
    summarize(chosen, "batch")
    mean = atlas.build(masks(), options["grid"], options.get("spacing_mm"))
volume.write(mean, job.output.atlas)
