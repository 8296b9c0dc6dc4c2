"""Does the audit find generators that copy, and is their release refused? Controls on phantoms.

    python benchmarks/overfitted.py FOLDER [RECIPE ...]

FOLDER is where the workflow of benchmarks/overfitted.yaml runs: phantoms of 64 pixels, networks
that are trained, samples, audit and release are those of any run. `four` learns four films until
it draws nothing else; in `twentyfold` one film stands twenty times among sixty others; `once` is
the same without the nineteen repeats, with as many steps. Without RECIPE all of them run; with
some, the table is of these. What is there already is not made again.

Printed is one row per recipe; FOLDER/{recipe}.png shows its samples beside the training films that
they are nearest to.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import yaml

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from radfoundry import tables, volume
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics.statistics import wilson
from radfoundry.evaluation.privacy.names import FRACTIONS

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "benchmarks/overfitted.yaml"
FEW, OTHERS, HELD, TIMES = 4, 60, 60, 20
PHANTOMS = {
    "patients": 1 + OTHERS + HELD, "exams": [1, 1], "size": 64, "site": "a",
    "findings": {"consolidation": 0.2, "pleural_effusion": 0.25, "cardiomegaly": 0.2},
}  # fmt: skip
SHOWN = 12  # samples in a picture
HEADS = ("recipe", "films learned from", "steps", "samples", "copies among those drawn",
         "of the repeated film", "copies among those kept", "highest similarity: drawn; held out",
         "planted copies found", "release")  # fmt: skip


def drawn_films(folder: Path) -> list[dict]:
    """Draw the phantoms, each with its organs; return their rows of a table of cases."""
    phantom, rng = load("phantoms", "chest_xray"), np.random.default_rng(15)
    rows = []
    for at, row in enumerate(phantom.plan({**phantom.OPTIONS, **PHANTOMS}, rng).to_dict("records")):
        film, name = phantom.draw(json.loads(row["parameters"])), f"film-{at:03d}"
        maps = {"labels/anatomy": film.anatomy, "labels/findings": film.findings}
        for what, voxels in {"image": film.image.voxels, **maps}.items():
            volume.write_picture(volume.picture(voxels), folder / name / f"{what}.png")
        places = {"image": f"{name}/image.png", "labels": f"{name}/labels"}
        split = "train" if at <= OTHERS else "tune" if at % 2 else "test"
        own = {"patient": f"patient-{at:03d}", "split": split, "spacing_mm": row["spacing_mm"]}
        rows.append({"case": name, **own, **places})
    return rows


def write_tables(folder: Path) -> None:
    """Write the table of each cohort; the film that stands twenty times is twenty files."""
    rows = drawn_films(folder)
    learned, held = rows[: 1 + OTHERS], rows[1 + OTHERS :]
    repeated = []
    for turn in range(1, TIMES):
        image = f"film-000/image-{turn:02d}.png"
        shutil.copy(folder / rows[0]["image"], folder / image)
        repeated.append({**rows[0], "case": f"film-000-{turn:02d}", "image": image})
    cohorts = {"four": learned[:FEW], "twentyfold": learned + repeated, "once": learned}
    for name, known in cohorts.items():
        pd.DataFrame(known + held).to_csv(folder / f"{name}.tsv", sep="\t", index=False)


def released(folder: Path, recipe: str) -> str:
    """Run the workflow up to a recipe's release; return "released", or why it was refused.

    Raises:
        RuntimeError: Something else went wrong; the message is what Snakemake said last.
    """
    targets = [f"results/recipes/{recipe}/evaluate/nearest.tsv", f"results/release/{recipe}"]
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-c", "1", *targets]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return "released"
    log = folder / f"logs/publish/write_release/{recipe}.log"
    said = log.read_text().splitlines() if log.is_file() else []
    blocked = [line.partition("open gates: ")[2] for line in said if "is blocked" in line]
    if not blocked:
        raise RuntimeError(done.stderr[-3000:])
    return f"refused: {blocked[-1]}"


def row(folder: Path, recipe: str, entry: dict) -> dict[str, str]:
    """Return what is printed of a recipe, after the workflow ran."""
    verdict, own = released(folder, recipe), folder / "results/recipes" / recipe
    audit = tables.read(own / "evaluate/memorisation.tsv", "memorisation")
    figures = audit.set_index(["metric", "arm"])
    near = tables.read(own / "evaluate/nearest.tsv", "nearest").query("what == 'image'")
    splits = tables.read(folder / f"results/cohorts/{entry['cohort']}/splits.tsv", "splits")
    copies, first = near["copy"].astype(bool), near["nearest"].str.startswith("film-000")
    alike, found = figures.loc["nearest_similarity"]["value"], figures.loc["planted_copy_recall"]
    recall = found[found.index.str.endswith("/flagged") & ~found.index.str.startswith("lesion")]
    picture(folder, recipe, near)
    values = (
        recipe, int((splits["split"] == "train").sum()), entry["train"]["diffusion"]["steps"],
        len(near), fraction(figures, "drawn"), fractioned(int((copies & first).sum()), len(near)),
        fraction(figures, "kept"), f"{alike['image']:.3f}; {alike['image/real']:.3f}",
        f"{int(round((recall['value'] * recall['n']).sum()))} of {int(recall['n'].sum())}", verdict,
    )  # fmt: skip
    return dict(zip(HEADS, map(str, values), strict=True))


def fraction(figures: pd.DataFrame, arm: str) -> str:
    """Return the copied fraction of an arm with its interval and n."""
    found = figures.loc[(FRACTIONS["image"], arm)]
    return fractioned(round(found["value"] * found["n"]), int(found["n"]))


def fractioned(count: int, n: int) -> str:
    """Return a fraction with Wilson's interval.

    >>> fractioned(8, 10)
    '8 of 10: 0.800 (0.490 to 0.943)'
    """
    value, low, high = wilson(count, n)
    return f"{count} of {n}: {value:.3f} ({low:.3f} to {high:.3f})"


def picture(folder: Path, recipe: str, near: pd.DataFrame) -> None:
    """Draw samples, evenly chosen by their similarity, above the films that they are nearest to."""
    ordered = near.sort_values("similarity", kind="stable")
    chosen = ordered.iloc[np.linspace(0, len(ordered) - 1, SHOWN).round().astype(int)]
    samples = tables.read(folder / f"results/recipes/{recipe}/samples.tsv", "samples")
    places = samples.set_index("sample")["folder"]
    fig, axes = plt.subplots(2, SHOWN, figsize=(1.6 * SHOWN, 3.8))
    for (above, below), one in zip(axes.T, chosen.itertuples(), strict=True):
        drawn = volume.read(folder / places[one.sample] / "image.nii.gz")
        film = folder / "films" / one.nearest[:8] / "image.png"
        above.imshow(volume.picture(drawn.voxels), cmap="gray", vmin=0, vmax=1)
        below.imshow(plt.imread(film), cmap="gray")
        above.set_title(f"{one.similarity:.3f}{' copy' if one.copy else ''}", fontsize=8)
        below.set_title(one.nearest, fontsize=8)
    for ax in axes.flat:
        ax.axis("off")
    fig.tight_layout()
    fig.savefig(folder / f"{recipe}.png", dpi=70)
    plt.close(fig)


def main(place: str, *chosen: str) -> None:
    """Print one row per recipe."""
    folder, config = Path(place), yaml.safe_load(CONFIG.read_text())
    if not (folder / "films/once.tsv").is_file():
        write_tables(folder / "films")
        (folder / "benchmarks").symlink_to(ROOT / "benchmarks")  # where the autoencoder lies
    shutil.copy(CONFIG, folder / "config.yaml")
    names = chosen or config["evaluate"]["memorisation"]["recipes"]
    rows = pd.DataFrame([row(folder, name, config["recipes"][name]) for name in names])
    sys.stdout.write(rows.to_markdown(index=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
