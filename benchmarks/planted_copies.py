"""How many planted copies of a cohort's training images does the memorisation audit find?

    python benchmarks/planted_copies.py FOLDER COHORT [PLANTED]

FOLDER holds a run's config.yaml, such as the showcase's. The workflow preprocesses and splits the
cohort and trains the network that finds copies, where that has not been done. PLANTED training
images (64 by default) are copied in every kind. Images of one half of the held-out patients set the
thresholds, those of the other half say how many that are no copies would be taken for some. Printed
is one row per kind: recall at the threshold that 5 % of unseen images exceed, and at that of
copies, by those that did not set it.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "src")]

from _cases import read_all  # noqa: E402 - found there
from _cohort import Cases  # noqa: E402
from overfitted import fractioned  # noqa: E402

from radfoundry import weights  # noqa: E402
from radfoundry.evaluation.privacy import figures, material, measures, network, views  # noqa: E402
from radfoundry.evaluation.privacy.looks import CloseLook  # noqa: E402
from radfoundry.evaluation.privacy.names import FLAGGED, NEEDED  # noqa: E402
from radfoundry.report.scorecard.formatting import with_interval  # noqa: E402
from radfoundry.seeds import seed  # noqa: E402


def made(folder: Path, cohort: str) -> Path:
    """Return the cohort's folder, with the network that finds copies: the workflow makes it."""
    target = f"results/cohorts/{cohort}/audit/copies"
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-c", "2", target]
    if not (folder / target).exists():
        subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
    return folder / f"results/cohorts/{cohort}"


def main(folder: str, cohort: str, count: str = "64") -> None:
    """Print the table."""
    own = made(Path(folder).resolve(), cohort)
    splits = read_all([own / "splits.tsv"], "splits")
    learned = splits["split"] == "train"
    batches = sorted(map(str, (own / "batches").glob("*.tsv")))
    train, held = (Cases(batches, only=splits.loc[rows, "case"]) for rows in (learned, ~learned))
    known = weights.read(own / "audit/copies")
    side, rng = known.card["size"]["side"], np.random.default_rng(seed(0, "planted", cohort))
    seen, unseen = (views.gathered(cases, side)["image"] for cases in (train, held))
    look = CloseLook(seen, network.prepare(known, "cpu"), "cpu")
    copies = material.copies(train, side, int(count), rng)
    found = {kind: look(planted).similarity for kind, planted in copies.items()}
    similarity = look(unseen).similarity
    _, owners = np.unique(np.asarray(unseen.owners, str), return_inverse=True)
    limits = measures.thresholds(similarity[owners % 2 == 0], [found[kind][::2] for kind in NEEDED])
    apart = similarity[owners % 2 == 1]
    rows = {row[1]: row for row in figures.of_recall(found, limits)}
    lines = [
        f"{len(train)} images learned from, {len(held)} held out, {count} planted at most",
        "| kind | found at 5 % false positives | found as a copy |", "|---|---|---|",
        *(f"| {kind} | {told(rows[kind])} | {told(rows[kind + FLAGGED])} |" for kind in found),
    ]  # fmt: skip
    for name, limit in (("at 5 %", limits.suspect), ("of copies", limits.copy)):
        wrong = fractioned(int((apart > limit).sum()), len(apart))
        lines.append(
            f"unseen, of patients who did not set it, above the threshold {name} ({limit:.3f}): "
            f"{wrong}"
        )
    sys.stdout.write("\n".join([*lines, ""]))


def told(row: figures.Row) -> str:
    """Return a recall with its interval and n."""
    _, _, value, low, high, n, _ = row
    return f"{with_interval(value, low, high)}, n {n}"


if __name__ == "__main__":
    main(*sys.argv[1:])
