"""Print the trial's table of lung Dice per collection and method, as Markdown."""

import sys

import pandas as pd


def main(path: str) -> None:
    """Print one row per collection and method of a scorecard."""
    card = pd.read_csv(path, sep="\t", keep_default_na=False)
    dice = card[(card["metric"] == "label_dice") & card["arm"].str.startswith("lungs/")]
    lines = ["| collection | method | n | mean lung Dice | 95 % interval | note |"]
    lines.append("|---|---|---|---|---|---|")
    for row in dice.to_dict("records"):
        interval = f"{float(row['low']):.3f} to {float(row['high']):.3f}"
        method, value = row["arm"].split("/")[1], f"{float(row['value']):.3f}"
        cells = (row["recipe"], method, row["n"], value, interval, row["note"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
