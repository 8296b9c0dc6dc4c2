"""Plan what is asked of text-guided generators: sources, given channels, and what probes them.

Every choice is made here, from the request's own seed, and written down as JSON. What a request
says in words is up to `prompts`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import seeds
from radfoundry.anatomy import regions
from radfoundry.generators._requests import coverage, planning, prompts, spacings

OPTIONS: Mapping[str, Any] = {
    "count": 32,
    "splits": ["train"],
    "prompts": "reports",
    "given": [],
    "guidance": 2.0,
    "steps": 10,
    "text": True,
    "spacing": None,
    "probes": {"prompt": 32, "side": 32, "given": 16, "segment": 16},
}
SAMPLER = ("method", "timestep_spacing")  # options that the sampler takes by name
# Reading the shapes of a given image is no drawing: the network's estimate as it is, which guidance
# beyond 1 leaves behind. Measured, text then costs Dice: .0199 at 4, .0051 at 2, nothing at 1.
SEGMENT_GUIDANCE = 1.0
# What must have been labeled in a case whose channel is given.
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "image": (),
    "lobes": tuple(lobe for lobes in regions.LOBES.values() for lobe in lobes),
    "airway": ("airway",),
    "vessel": ("lung_vessel",),
}


def plan(
    cases: pd.DataFrame,
    options: Mapping,
    seed: int,
    real: pd.DataFrame | None = None,
    drawn: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return `count` requests; asking for more, or drawing in other batches, changes none.

    The source lends its grid, and its channels where they are given; its voxel size is not lent,
    but chosen and written down, see `spacings.chooser`. A prompt that is a report is
    that of a random case of the source's split; the source's own where channels are given.

    Args:
        cases: Rows with case, split, report, spacing (mm along X, Y, Z), and the label status of
            each structure, in columns named as they are.
        options: See `OPTIONS`. `prompts` is "reports", "coverage" (see `coverage`), or a list of
            {"text": ...} and {"findings": [{name, side, location, severity}, ...]}, which take
            turns in proportion to their `count` (1); a severity, or the side of an effusion, that
            is left out is drawn. `given` are names of `CHANNELS`. `spacing` are three voxel sizes
            in mm, those of all samples. Without `text` all prompts are empty. A generator's own
            `method` and `timestep_spacing` of sampling are written down too.
        seed: The recipe's seed.
        real: Cases whose findings coverage counts: `cases`, unless only some of them may be
            sources.
        drawn: Findings that coverage may ask for; all if left out.

    Returns:
        Columns request, source, split, seed, parameters.

    Raises:
        ValueError: Unknown channels, findings or sides; prompts that are none; no usable case.
    """
    options = {**OPTIONS, **options}
    reported = bool(options["text"]) and options["prompts"] == "reports"
    sources = usable(cases, options["splits"], options["given"], reported)
    if not sources:
        raise ValueError(_why_none(cases, options, reported))
    if options["text"] and options["prompts"] == coverage.WORD:
        every = cases if real is None else real
        chosen = coverage.chooser(every, sources, options["count"], drawn)
    else:
        chosen = _chooser(options, sources)
    rows = []
    sizes = spacings.chooser(cases, options["spacing"], options["given"])
    for index in range(options["count"]):
        number, rng = _chance(seed, "sample", index)
        source, prompt = chosen(index, rng)
        settings = {**options, "probe": "dataset", "arm": "-", "spacing": sizes(source, number)}
        rows.append(_row(f"syn-{index:05d}", number, source, prompt, settings))
    return pd.DataFrame(rows, columns=list(planning.COLUMNS))


def probe(cases: pd.DataFrame, options: Mapping, seed: int, probed: Sequence[str]) -> pd.DataFrame:
    """Return the requests that measure what prompts and given channels do, arm by arm.

    * `prompt`: each probed finding alone, and reports of none.
    * `side`: an effusion on the right, or on the left.
    * `given`: the lobes of a case of the tune split, with its report.
    * `segment`: the image of a case of the test split, with its report and without, at guidance 1:
      how strongly words count in drawing says nothing of how well a given image is read.

    No two arms share a seed. Cases of the last two take turns, and both arms of `segment` have the
    same; where there is none with a report (and lobes), the probe has no rows.

    Args:
        cases: As for `plan`.
        options: As for `plan`; `probes` counts the samples of each arm, 0 for none.
        seed: The recipe's seed.
        probed: Findings whose prompts the generator's paper compares with prompts of none.

    Raises:
        ValueError: Unknown probes, or no case of the train split to lend its grid.
    """
    counts = {**OPTIONS["probes"], **options.get("probes", {})}
    unknown = sorted(set(counts) - set(OPTIONS["probes"]))
    if unknown:
        raise ValueError(f"no probes {unknown}: choose from {', '.join(OPTIONS['probes'])}")
    rows = []
    for name, arm, given, chosen in _arms(cases, seed, probed):
        settings = {**OPTIONS, **options, "given": given, "probe": name, "arm": arm}
        settings["text"] = arm != "without_text"
        settings |= {"guidance": SEGMENT_GUIDANCE} if name == "segment" else {}
        sizes = spacings.chooser(cases, None if given else settings["spacing"], given)
        for index in range(counts[name]):
            number, rng = _chance(seed, f"probe-{name}", f"{arm}/{index}")
            source, prompt = chosen(index, rng)
            label = f"probe-{name}-{arm.replace('/', '-')}-{index:03d}"
            own = {**settings, "spacing": sizes(source, number)}
            rows.append(_row(label, number, source, prompt, own))
    return pd.DataFrame(rows, columns=list(planning.COLUMNS))


def usable(
    cases: pd.DataFrame, splits: Sequence[str], given: Sequence[str], reported: bool = False
) -> list[dict]:
    """Return case, split and report of the usable cases, ordered by name.

    Args:
        cases: As for `plan`.
        splits: Where they may come from.
        given: Channels whose labels must be present.
        reported: Whether they must have a report: more than spaces. One that states nothing, such
            as a comparison alone, counts: it is asked for as it stands, with no finding.

    Raises:
        ValueError: If there is no such channel.
    """
    excluded = set(_excluded(cases, splits, given)["case"])
    kept = cases[~cases["case"].astype(str).isin(excluded)]
    kept = kept.reindex(columns=["case", "split", "report"]).astype(object).fillna("").astype(str)
    rows = kept.sort_values("case").to_dict("records")
    return [row for row in rows if row["report"].strip() or not reported]


def _chooser(options: Mapping, sources: Sequence[Mapping]) -> prompts.Chooser:
    """Return what chooses a random source, and the prompt that the options have for it."""
    words = prompts.prompter(options, sources)

    def chosen(index: int, rng: np.random.Generator) -> tuple[Mapping, prompts.Prompt]:
        source = _one(sources, rng)
        return source, words(index, source, rng)

    return chosen


def _excluded(cases: pd.DataFrame, splits: Sequence[str], given: Sequence[str]) -> pd.DataFrame:
    """Return the cases that cannot be sources, and why."""
    unknown = sorted(set(given) - set(CHANNELS))
    if unknown:
        raise ValueError(f"no channels {unknown}: choose from {', '.join(CHANNELS)}")
    needed = [structure for channel in given for structure in CHANNELS[channel]]
    return planning.exclusions(cases.assign(findings=""), splits, needed)  # ill or well alike


def _why_none(cases: pd.DataFrame, options: Mapping, reported: bool) -> str:
    excluded = _excluded(cases, options["splits"], options["given"])
    left = len(cases) - len(excluded)
    if reported and left:
        return f"prompts are reports, but none of {left} usable cases has one: list `prompts`"
    reasons = "; ".join(f"{row.case}: {row.reason}" for row in excluded.head(3).itertuples())
    return f"none of {len(cases)} cases can be a source: {reasons or 'no cases'}"


def _arms(
    cases: pd.DataFrame, seed: int, probed_findings: Sequence[str]
) -> Iterator[tuple[str, str, list[str], prompts.Chooser]]:
    """Yield probe, arm, the channels given, and what chooses its samples."""
    train = usable(cases, ["train"], [])
    for name in probed_findings:
        yield "prompt", f"{name}/with", [], _clear(train, name)
        yield "prompt", f"{name}/without", [], _normal(train)
    for side in ("right", "left"):
        yield "side", side, [], _clear(train, prompts.EFFUSION, side)
    for probed, split, channel, arms in (
        ("given", "tune", "lobes", ("lobes",)),
        ("segment", "test", "image", ("with_text", "without_text")),
    ):
        own = usable(cases, [split], [channel], reported=True)
        # In an order that does not follow the names, so that a few are a sample of all.
        own.sort(key=lambda case: seeds.seed(seed, "probe-source", case["case"]))
        for arm in arms if own else ():
            yield probed, arm, [channel], _in_turn(own)


def _clear(sources: Sequence[Mapping], name: str, side: str = "") -> prompts.Chooser:
    return lambda index, rng: (_one(sources, rng), prompts.clear(name, side, rng))


def _normal(sources: Sequence[Mapping]) -> prompts.Chooser:
    return lambda index, rng: (_one(sources, rng), prompts.composed([], rng))


def _in_turn(sources: Sequence[Mapping]) -> prompts.Chooser:
    def chosen(index: int, rng: np.random.Generator) -> tuple[Mapping, prompts.Prompt]:
        source = sources[index % len(sources)]
        return source, prompts.read(source["report"])

    return chosen


def _one(sources: Sequence[Mapping], rng: np.random.Generator) -> Mapping:
    if not sources:
        raise ValueError("no case of the train split can lend its grid to a probe")
    return sources[int(rng.integers(len(sources)))]


def _chance(seed: int, stage: str, index: int | str) -> tuple[int, np.random.Generator]:
    """Return a request's seed, and a stream apart from the one that `draw` starts from it."""
    number = seeds.seed(seed, stage, index)
    return number, np.random.default_rng([number, 1])


def _row(
    label: str, number: int, source: Mapping, prompt: prompts.Prompt, settings: Mapping
) -> tuple[str, str, str, int, str]:
    """Return one request; without text nothing is said and no finding is asked for."""
    text, findings = prompt if settings["text"] else ("", [])
    parameters = {
        "prompt": text,
        "findings": findings,
        "text": bool(settings["text"]),
        "given": list(settings["given"]),
        "guidance": float(settings["guidance"]),
        "steps": int(settings["steps"]),
        "probe": settings["probe"],
        "arm": settings["arm"],
    }
    parameters |= {k: str(settings[k]) for k in SAMPLER if k in settings}
    parameters |= {"spacing": settings["spacing"]} if settings["spacing"] else {}
    written = json.dumps(parameters, sort_keys=True)
    return label, source["case"], source["split"], number, written
