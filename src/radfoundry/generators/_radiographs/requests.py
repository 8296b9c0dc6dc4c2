"""Plan what is asked of generators of radiographs: words, organs, findings and their masks.

Words, sources and seeds are `text_guided`'s. To each request are added the warp of its source's
organs and, for each finding, a mask; all of them from the request's own seed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import seeds
from radfoundry.diffusion.guidance import Guidance
from radfoundry.generators._radiographs import maps, shapes, warps, words
from radfoundry.generators._requests import planning, text_guided

OWN_STREAM = 3  # of a request's seed; others are `text_guided`'s
# Chooses the mask of a finding as plain values for a request.
Chooser = Callable[[Mapping, np.random.Generator], Mapping]
Choosers = Mapping[str, Chooser | None]
# Where masks come from, by the option `masks`; None has nothing to choose.
MASKS: Choosers = {"shapes": shapes.chosen, "regions": shapes.region, "case": None}
NEEDED = ("lung_right", "lung_left")
GIVEN = ("image",)


def plan(
    cases: pd.DataFrame,
    options: Mapping,
    seed: int,
    settings: Sequence[str],
    choosers: Choosers = MASKS,
) -> pd.DataFrame:
    """Return `count` requests; asking for more, or drawing in other batches, changes none.

    Args:
        cases: Rows with case, split, report and the label status of each organ.
        options: As `text_guided.plan` has them; `warp`, how far the organs of the source are
            moved; `masks`, one of `choosers`, of which "case" are the source's own findings,
            "regions" all of where a finding may lie, on both sides if none is stated;
            `given`: with "image" the source itself is edited.
        seed: The recipe's seed.
        settings: Options that a request states as they are.
        choosers: Where masks may come from.

    Returns:
        Columns request, source, split, seed, parameters.

    Raises:
        ValueError: As `text_guided.plan`; no case has lungs; options that do not exist or do not
            go together.
    """
    _check(options, choosers)
    known = usable(cases, options["splits"], healthy="image" in options["given"])
    own = ["image"] if options["masks"] == "case" else []
    asked = {**options, "given": own}
    planned = text_guided.plan(known, asked, seed, cases, maps.finding_names())
    return completed(planned, options, settings, choosers[options["masks"]])


def probe(
    cases: pd.DataFrame,
    options: Mapping,
    seed: int,
    settings: Sequence[str],
    probed: Sequence[str],
    choosers: Choosers = MASKS,
) -> pd.DataFrame:
    """Return the requests that measure what words, masks and organs do, arm by arm.

    `prompt` and `side` are `text_guided.probe`'s. `given`: organs of a case of the tune split, as
    they are ("case") and moved ("warp"), with no finding. The source's own findings are no mask of
    what is asked for: in place of "case" the first of `choosers` counts.

    Args:
        cases: As for `plan`.
        options: As for `plan`; `probes` counts the samples of each arm, 0 for none.
        seed: The recipe's seed.
        settings: Options that a request states as they are.
        probed: Findings whose prompts are compared with prompts of none.
        choosers: Where masks may come from.
    """
    _check(options, choosers)
    masks = next(iter(choosers)) if options["masks"] == "case" else options["masks"]
    edited = "image" in options["given"]
    options, chooser = {**options, "masks": masks, "given": []}, choosers[masks]
    counts = {**text_guided.OPTIONS["probes"], **options.get("probes", {})}
    known = usable(cases, ["train"], healthy=edited)
    asked = {**options, "probes": {**options.get("probes", {}), "given": 0, "segment": 0}}
    planned = text_guided.probe(known, asked, seed, probed)
    parts = [completed(planned, options, settings, chooser)]
    if counts["given"] and len(usable(cases, ["tune"], strict=False)):
        parts += [_organs(cases, options, seed, settings, arm) for arm in ("case", "warp")]
    return pd.concat(parts, ignore_index=True)


def _organs(
    cases: pd.DataFrame, options: Mapping, seed: int, settings: Sequence[str], arm: str
) -> pd.DataFrame:
    """Return the requests of the probe `given`: organs of unseen cases."""
    count = {**text_guided.OPTIONS["probes"], **options.get("probes", {})}["given"]
    own = {**options, "splits": ["tune"], "count": count, "warp": float(arm == "warp")}
    own |= {"prompts": [{"findings": []}]}
    number = seeds.seed(seed, "probe-given", arm)
    planned = text_guided.plan(usable(cases, ["tune"]), own, number)
    names = [f"probe-given-{arm}-{index:03d}" for index in range(len(planned))]
    planned = planned.assign(request=names)
    return completed(planned, own, settings, None, {"probe": "given", "arm": arm})


def usable(
    cases: pd.DataFrame, splits: Sequence[str], strict: bool = True, healthy: bool = False
) -> pd.DataFrame:
    """Return the cases of the splits that have lungs, ill or well; without voxel sizes.

    Where `healthy`, only those that show no finding: their images are edited, and what they show
    beside the edit would be told of no sample.

    A sample lies on the grid of its source, whose organs it has. Where nobody looked for an organ,
    as in maps that came along with the images, drawing looks.

    Raises:
        ValueError: There is none, unless not `strict`.
    """
    looked_for = [organ for organ in NEEDED if organ in cases]
    shown = _shown(cases) if healthy else ""
    excluded = planning.exclusions(cases.assign(findings=shown), splits, looked_for)
    kept = cases[~cases["case"].astype(str).isin(excluded["case"])]
    if strict and kept.empty:
        reasons = "; ".join(f"{row.case}: {row.reason}" for row in excluded.head(3).itertuples())
        raise ValueError(f"none of {len(cases)} cases can lend its organs: {reasons or 'no cases'}")
    return kept.drop(columns="spacing", errors="ignore")


def completed(
    planned: pd.DataFrame,
    options: Mapping,
    settings: Sequence[str],
    chooser: Chooser | None,
    more: Mapping[str, Any] = {},  # noqa: B006 - never changed
) -> pd.DataFrame:
    """Return requests with a warp, masks and settings added to the parameters of each.

    Args:
        planned: As `text_guided` plans them.
        options: `warp`, `masks`, `given` and what `settings` names.
        settings: Options that are stated as they are.
        chooser: Of the mask of each finding; None leaves them to the drawing.
        more: What else is stated, or otherwise.
    """
    rows = []
    for row in planned.to_dict("records"):
        rng = np.random.default_rng([row["seed"], OWN_STREAM])
        known = json.loads(row["parameters"])
        known |= {"warp": warps.chosen(options["warp"], rng), "given": list(options["given"])}
        shown = _sided(known["findings"], rng, options["masks"] != "regions")
        if known["given"] and not shown:
            name = row["request"]
            raise ValueError(f"{name}: given: image, and no finding to draw: state prompts")
        known |= _asked(shown, known.pop("findings"), options["masks"] == "case")
        known |= {"masks": [], "masks_by": options["masks"]}
        if chooser is not None:
            known["masks"] = [chooser(one, rng) for one in shown]
        stated = {name: options.get(name) for name in settings}
        known |= {name: value for name, value in stated.items() if value is not None} | dict(more)
        rows.append({**row, "parameters": json.dumps(known, sort_keys=True)})
    return pd.DataFrame(rows, columns=list(planning.COLUMNS))


def _asked(shown: Sequence[Mapping], stated: Sequence[Mapping], own: bool) -> dict[str, Any]:
    """Return what a request says of its findings.

    Where masks are the source's own, nobody knows before they are read which of its findings have
    one, nor may a side be drawn: those that are `stated` are words for the masks, and what counts
    as asked for is what the sample's map shows (`scenes.sample`).
    """
    if not own:
        return {"findings": list(shown)}
    names = maps.finding_names()
    return {"stated": [dict(one) for one in stated if one["name"] in names]}


def _shown(cases: pd.DataFrame) -> list[str]:
    """Return the findings that each case's list or report states, joined by |."""
    columns = [cases.get(name, pd.Series("", cases.index)) for name in ("report", "findings")]
    pairs = zip(*(column.fillna("") for column in columns), strict=True)
    found = (words.findings_of({"report": said, "findings": listed}) for said, listed in pairs)
    return ["|".join(one["name"] for one in findings) for findings in found]


def _sided(
    findings: Sequence[Mapping], rng: np.random.Generator, choose: bool = True
) -> list[dict[str, str]]:
    """Return the findings that a radiograph can show, each with its side, chosen if it may be."""
    out = []
    for finding in findings:
        drawn = str(rng.choice(["right", "left"]))
        if finding["name"] not in maps.finding_names():
            continue
        side = finding.get("side") or (drawn if choose else "")
        whole = shapes.KINDS.get(finding["name"]) == "region"
        out.append({**finding, "side": "" if whole else side})
    return out


def _check(options: Mapping, choosers: Choosers) -> None:
    if options["masks"] not in choosers:
        raise ValueError(f"masks is {options['masks']!r}; allowed: {', '.join(choosers)}")
    if wrong := sorted(set(options["given"]) - set(GIVEN)):
        raise ValueError(f"given: {', '.join(wrong)}; allowed: {', '.join(GIVEN)}")
    for name, most in (("warp", 3), ("led", 1), ("outside", 1)):
        value = options.get(name, 0)
        if not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError(f"{name} is {value!r}; allowed: 0 to {most}")
    _check_together(options)
    _check_interval(options.get("guidance_interval"))


def _check_interval(interval: object) -> None:
    """Refuse an interval before every sample fails for it."""
    if interval is None:
        return
    numbers = isinstance(interval, list) and all(isinstance(one, int | float) for one in interval)
    if not numbers or len(interval) != 2:  # type: ignore[arg-type]
        raise ValueError(f"guidance_interval is {interval!r}; allowed: two times, from 0 to 1")
    Guidance(interval=(interval[0], interval[1]))  # type: ignore[index]


def _check_together(options: Mapping) -> None:
    own, listed = options["masks"] == "case", options["prompts"] != "reports"
    if own and listed:
        what = options["prompts"] if isinstance(options["prompts"], str) else "a list of prompts"
        raise ValueError(f"masks: case, and {what}; allowed: prompts: reports")
    if options["given"] and own:
        raise ValueError("given: image, and masks: case; allowed: masks: shapes")
    if options["given"] and options["warp"]:
        raise ValueError(f"warp is {options['warp']}; allowed: 0, where the image is given")
