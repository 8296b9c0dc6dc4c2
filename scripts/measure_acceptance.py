"""Measure what experts together accept, of what, which expert refuses what, and what is covered."""

import pandas as pd
from _cases import read_all
from _job import start

from radfoundry import tables, verdicts
from radfoundry.text import cells
from radfoundry.verdicts import covered, facts, groups, losses

job = start(snakemake)
inputs, asked = job.input, (job.params.quantiles, job.params.accept_real)

cases, splits = read_all(inputs.cases, "cases"), read_all(inputs.splits, "splits")
samples, decisions, limits, requests = (
    tables.read(getattr(inputs, kind), kind)
    for kind in ("samples", "verdicts", "thresholds", "requests")
)
scores, real = read_all(inputs.scores, "scores"), read_all(inputs.real, "scores")
patients = dict(zip(splits["case"], splits["patient"], strict=True))
sites = dict(zip(cases["case"], cases.get("site", [""] * len(cases)), strict=True))
drawn = facts.of_samples(samples, requests, sites)
known = facts.of_cases(cases.merge(splits[["case"]], on="case"))

decided = decisions.set_index("sample")["verdict"]
tuned = groups.judged(real, limits)
strata = groups.strata(known[known["sample"].isin(tuned.index)])
note = limits["note"].iloc[0] if job.params.accept_real else ""
parts = [
    groups.by_group("samples", decided, groups.strata(drawn)),
    groups.by_group("real", tuned, strata, note),
    groups.by_group("real_held_out", groups.held_out(real, *asked, patients), strata),
]
tables.write(pd.concat(parts), job.output.groups, "acceptance_by_group")

again = decisions["reason"].str.startswith(f"{verdicts.REPEATS} ")
stood = ~scores["sample"].isin(decisions.loc[again, "sample"])
alone = [losses.leave_one_out(*one, limits) for one in (("samples", scores[stood]), ("real", real))]
tables.write(pd.concat(alone), job.output.alone, "leave_one_out")

apart = cells.sites_of(sites.get(source) for source in samples["source"])
train = known[known["sample"].isin(splits.loc[splits["split"] == "train", "case"])]
kept = drawn[drawn["sample"].isin(decided.index[decided == "kept"])]
counted = [covered.of_facts(some, apart) for some in (train, drawn, kept)]
tables.write(covered.table(*counted, apart), job.output.coverage, "coverage")
