"""What each key of a config allows alone, but not together with the others."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType

from radfoundry.config import catalogue, schema

MODALITIES = ("CXR", "CT", "MR")
PATHS = ("table", "weights", "folder", "start", "reports")  # keys of files that rules read
OWN = "results/bundles/"  # where the workflow writes a recipe's bundle
NO_METHOD = "none"  # a cohort whose own masks are used


def found(config: Mapping) -> Iterator[str]:
    """Find what each key allows alone, but not together with the others."""
    yield from _paths_with_braces(config)
    yield from _segmenters_of_another_modality(config)
    yield from _segmenters_of_the_evaluation(config)
    yield from _keys_of_volumes(config)
    yield from _recipes_of_another_modality(config)
    yield from _keys_of_another_generator(config)
    yield from _borrowed_networks(config)
    yield from _starts(config)
    yield from _tasks_of_another_modality(config)
    yield from _training_without_cases(config)
    yield from _seen_called_unseen(config)


def _paths_with_braces(config: Mapping, where: str = "") -> Iterator[str]:
    """Find paths that would be inputs of a rule, and that Snakemake would read as wildcards."""
    for key, value in config.items():
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, Mapping):
            yield from _paths_with_braces(value, place)
        elif key in PATHS and isinstance(value, str) and set("{}") & set(value):
            yield f"{place}: is {value!r}; allowed: a path without braces, such as that of a link"


def _segmenters_of_another_modality(config: Mapping) -> Iterator[str]:
    for name, cohort in config["cohorts"].items():
        for key in ("pseudolabel", "second_opinion"):
            method = cohort.get(key, NO_METHOD)
            if method != NO_METHOD and cohort["modality"] not in reads(config, method):
                allowed = [
                    w for w in config["pseudolabel"] if cohort["modality"] in reads(config, w)
                ]
                names = ", ".join([*allowed, NO_METHOD])
                where = f"cohorts.{name}.{key}"
                yield f"{where}: {method!r} does not read {cohort['modality']}; allowed: {names}"


def _segmenters_of_the_evaluation(config: Mapping) -> Iterator[str]:
    """Find segmenters of drawn CT that would fail in a job: they get no weights and no GPU."""
    synthesis = config["evaluate"]["synthesis"]
    able = [
        name
        for name in catalogue.names("segmenters")
        if "CT" in _modalities("segmenters", name)
        and not catalogue.constant("segmenters", name, "NEEDS_WEIGHTS")
    ]
    for where, chosen in (("", synthesis), (".distances", synthesis["distances"])):
        place, name = f"evaluate.synthesis{where}", chosen["segmenter"]
        if name not in able:
            yield f"{place}.segmenter: {name!r}; allowed: {', '.join(able)}"
            continue
        known = catalogue.options("segmenters", name) or {}
        for key in [key for key in chosen.get("segmenter_options", {}) if key not in known]:
            hint = schema.nearest(key, known)
            yield f"{place}.segmenter_options.{key}: allowed: {', '.join(known)}{hint}"


def reads(config: Mapping, method: str) -> tuple[str, ...]:
    """Return the modalities that a method reads: the one its options choose, or its segmenter's."""
    chosen = config["pseudolabel"][method]
    options = catalogue.options("segmenters", chosen["segmenter"]) or {}
    options = options | (chosen.get("options") or {})
    if "modality" in options:
        return (str(options["modality"]),)
    return _modalities("segmenters", chosen["segmenter"])


def _modalities(kind: str, name: str) -> tuple[str, ...]:
    """Return the kinds of image that a plug-in reads or makes; all where it does not say."""
    return tuple(catalogue.stated(kind, name, "MODALITIES", MODALITIES))


def weights_from(method: Mapping) -> str:
    """Return where a method's weights come from: "none", "phantoms" (trained here) or "files"."""
    segmenter = method["segmenter"]
    if not catalogue.constant("segmenters", segmenter, "NEEDS_WEIGHTS"):
        return "none"
    options = (catalogue.options("segmenters", segmenter) or {}) | method["options"]
    return "phantoms" if options.get("weights", "phantoms") == "phantoms" else "files"


def _keys_of_volumes(config: Mapping) -> Iterator[str]:
    for name, cohort in config["cohorts"].items():
        where, radiomics = f"cohorts.{name}", cohort["radiomics"]
        atlas = cohort["preprocess"].get("atlas")
        if atlas and "grid" not in cohort["preprocess"]:
            message = "is missing; allowed: three whole numbers, because `atlas` is asked for"
            yield f"{where}.preprocess.grid: {message}"
        if cohort.get("second_opinion") in (cohort["pseudolabel"], NO_METHOD):
            yield f"{where}.second_opinion: allowed: another method than `pseudolabel`"
        elif "second_opinion" in cohort and cohort["pseudolabel"] == NO_METHOD:
            yield f"{where}.second_opinion: allowed: with a method in `pseudolabel`, not with none"
        yield from (
            f"{where}.radiomics.{line}" for line in _radiomics_faults(radiomics, bool(atlas))
        )
        drawn = cohort.get("phantom", {}).get("kind")
        if drawn and cohort["modality"] not in _modalities("phantoms", drawn):
            yield f"{where}.modality: is {cohort['modality']}; {drawn} is drawn in another one"


def _setting_faults(settings: Mapping) -> Iterator[str]:
    low, high = settings.get("resegmentRange", (0, 1))
    if low >= high:
        yield f"resegmentRange: is [{low}, {high}]; allowed: the lower end first"
    least, most = (settings.get(f"{end}ROISize") for end in ("minimum", "maximum"))
    if least is not None and most is not None and least > most:
        yield f"minimumROISize: is {least}; allowed: at most maximumROISize, which is {most}"
    if "resampledPixelSpacing" not in settings:
        idle = sorted({"interpolator", "resampling", "rounding"} & set(settings))
        yield from (f"{key}: allowed: with resampledPixelSpacing, not without" for key in idle)
    elif "rounding" in settings and settings.get("resampling") != "centered":
        yield "rounding: allowed: with resampling `centered`, as the engine does not round"


def _radiomics_faults(radiomics: Mapping, atlas: bool) -> Iterator[str]:
    yield from (f"settings.{line}" for line in _setting_faults(radiomics["settings"]))
    if not radiomics["vectors"]:
        return
    if not radiomics["deprecated_shapes"]:
        yield "deprecated_shapes: is false; allowed: true, because `vectors` asks for 17 shapes"
    for region in [name for name in radiomics["vectors"] if name not in radiomics["regions"]]:
        yield f"vectors: {region!r} is not among `regions`"
    if atlas:
        yield "vectors: allowed: without an atlas, whose millimetres are not the patient's"


def _recipes_of_another_modality(config: Mapping) -> Iterator[str]:
    for name, recipe in config["recipes"].items():
        modality = config["cohorts"][recipe["cohort"]]["modality"]
        able = _modalities("generators", recipe["generator"])
        if modality not in able:
            message = f"{recipe['cohort']!r} holds {modality}; {recipe['generator']} makes"
            yield f"recipes.{name}.cohort: {message} {', '.join(able)}"
    for recipe in config["evaluate"]["synthesis"]["recipes"]:
        cohort = config["recipes"][recipe]["cohort"]
        if (modality := config["cohorts"][cohort]["modality"]) not in ("CT", "CXR"):
            message = f"{recipe!r} draws {modality}; allowed: recipes of CT and of CXR"
            yield f"evaluate.synthesis.recipes: {message}"
    for task, options in config["evaluate"].items():
        for cohort in options.get("unseen", []) if isinstance(options, Mapping) else []:
            modality = config["cohorts"][cohort]["modality"]
            able = _modalities("tasks", task)
            if modality not in able:
                message = f"{cohort!r} holds {modality}; {task} reads {', '.join(able)}"
                yield f"evaluate.{task}.unseen: {message}"


def _keys_of_another_generator(config: Mapping) -> Iterator[str]:
    for name, recipe in config["recipes"].items():
        known = catalogue.options("generators", recipe["generator"]) or {}
        for key in [key for key in recipe["sample"] if key not in {"count", *known}]:
            message = f"{recipe['generator']} does not take it; allowed: {', '.join(known)}"
            yield f"recipes.{name}.sample.{key}: {message}"
        if recipe["sample"].get("given") and recipe["sample"].get("spacing"):
            message = "given channels have their source's; allowed: without `given`"
            yield f"recipes.{name}.sample.spacing: {message}"
        if recipe["sample"].get("text", True):  # else no prompt is read
            yield from _prompts(f"recipes.{name}.sample.prompts", recipe["sample"].get("prompts"))
        yield from _training_keys(f"recipes.{name}.train", recipe)


def _prompts(where: str, prompts: object) -> Iterator[str]:
    if isinstance(prompts, str) and prompts not in ("reports", "coverage"):
        listed = "reports, or a list such as [{text: ...}], or coverage"
        yield f"{where}: is {prompts[:40]!r}; allowed: {listed}"
    for place, item in enumerate(prompts if isinstance(prompts, list) else ()):
        if "text" in item and not item["text"].strip():
            yield f"{where}[{place}].text: is blank; allowed: text; `text: false` asks for none"


def _training_keys(where: str, recipe: Mapping) -> Iterator[str]:
    """Find keys that training would refuse only once the old network was removed."""
    taken = catalogue.training(recipe["generator"])
    known = {"seed": (), **({"start": (), **taken} if taken else {})}
    renamed = catalogue.stated("generators", recipe["generator"], "RENAMED", {})
    named = dict.fromkeys(catalogue.asked_for(recipe["generator"]), bool)
    for key, below in recipe["train"].items() if taken is not None else ():
        if key not in known:
            now = f"; `{key}` is now `{renamed[key]}`, below a network" if key in renamed else ""
            hint = now or schema.nearest(key, known)
            message = f"unknown; allowed: {', '.join(known)}{hint}"
            yield f"{where}.{key}: {message}"
        elif known[key] and not isinstance(below, Mapping | NoneType | named.get(key, NoneType)):
            yield f"{where}.{key}: is {below!r}; allowed: keys: {', '.join(known[key])}"
        elif known[key] and isinstance(below, Mapping):
            yield from _keys_below(f"{where}.{key}", below, known[key], renamed)


def _keys_below(
    where: str, given: Mapping, known: Sequence[str], renamed: Mapping[str, str]
) -> Iterator[str]:
    """Find keys that a network does not take; an old one is refused with its new name."""
    for word, value in given.items():
        if word in renamed:
            yield f"{where}.{word}: `{word}` is now `{renamed[word]}`"
        elif word not in known:
            message = f"allowed: {', '.join(known)}{schema.nearest(word, known)}"
            yield f"{where}.{word}: unknown; {message}"
        for key in [key for key in (value if isinstance(value, Mapping) else ()) if key in renamed]:
            yield f"{where}.{word}.{key}: `{key}` is now `{renamed[key]}`"


def unstated_sizes(given: Mapping, config: Mapping, rules: Mapping) -> Iterator[str]:
    """Find recipes that learn from a table of the user's images and name no size of networks.

    Args:
        given: The config as it was written.
        config: The same with defaults.
        rules: Its schema.
    """
    stated = rules["properties"]["recipes"]["properties"]
    for name, recipe in config["recipes"].items():
        networks = catalogue.constant("generators", recipe["generator"], "NETWORKS")
        pinned = [own for own, lender in recipe["networks"].items() if not isinstance(lender, str)]
        learns = "table" in config["cohorts"][recipe["cohort"]] and set(networks) - set(pinned)
        if learns and (given["recipes"][name] or {}).get("size") is None:
            sizes = schema.allowed(stated[name]["properties"]["size"])
            message = f"{recipe['cohort']!r} is a table of real images"
            yield f"recipes.{name}.size: is missing, but {message}; allowed: {sizes}"


def _borrowed_networks(config: Mapping) -> Iterator[str]:
    for name, recipe in config["recipes"].items():
        own = catalogue.constant("generators", recipe["generator"], "NETWORKS")
        for network, lender in recipe["networks"].items():
            where = f"recipes.{name}.networks.{network}"
            if network not in own:
                names = ", ".join(own) or "none"
                yield f"{where}: {recipe['generator']} has no such network; allowed: {names}"
            if not isinstance(lender, str):
                continue
            other = config["recipes"][lender]
            differs = [key for key in ("generator", "cohort", "size") if recipe[key] != other[key]]
            if differs:
                yield f"{where}: recipes.{lender} differs in {', '.join(differs)}; allowed: equal"
            if lender == name or isinstance(other["networks"].get(network), str):
                yield f"{where}: allowed: a recipe that trains its own {network}, not {lender!r}"


def _starts(config: Mapping) -> Iterator[str]:
    """Find networks that would start from themselves, or from a bundle and a local model."""
    for name, recipe in config["recipes"].items():
        if posixpath.normpath(str(recipe["train"].get("start"))).removesuffix(".zip") == OWN + name:
            where = f"recipes.{name}.train.start"
            yield f"{where}: is made of these networks; allowed: a bundle of others, or a copy"
        for network, stated in recipe["train"].items() if "start" in recipe["train"] else ():
            if isinstance(stated, Mapping) and stated.get("folder"):
                where = f"recipes.{name}.train.{network}.folder"
                yield f"{where}: allowed: without `start`, which brings {network}"


def _tasks_of_another_modality(config: Mapping) -> Iterator[str]:
    for task in [name for name in catalogue.names("tasks") if name in config["evaluate"]]:
        able = _modalities("tasks", task)
        for name in config["evaluate"][task].get("recipes", []):
            cohort = config["recipes"][name]["cohort"]
            modality = config["cohorts"][cohort]["modality"]
            if modality not in able:
                message = f"{name!r} draws {modality}; {task} reads {', '.join(able)}"
                yield f"evaluate.{task}.recipes: {message}"


def _training_without_cases(config: Mapping) -> Iterator[str]:
    for name, recipe in config["recipes"].items():
        splits = config["cohorts"][recipe["cohort"]]["splits"]
        for split in [part for part in ("train", "tune") if not splits[part]]:
            where = f"cohorts.{recipe['cohort']}.splits.{split}"
            yield f"{where}: is 0; allowed: above 0, because recipes.{name} learns from this cohort"


def _seen_called_unseen(config: Mapping) -> Iterator[str]:
    for task, options in config["evaluate"].items():
        if not isinstance(options, Mapping):
            continue
        seen = {config["recipes"][name]["cohort"]: name for name in options.get("recipes", [])}
        for cohort in [name for name in options.get("unseen", []) if name in seen]:
            where = f"evaluate.{task}.unseen"
            yield f"{where}: {cohort!r} is not unseen, recipes.{seen[cohort]} learns from it"
