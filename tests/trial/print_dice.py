"""Print the trial's table of lung Dice per collection and method, as Markdown."""

import sys

import pandas as pd

card = pd.read_csv(sys.argv[1], sep="\t", keep_default_na=False)
dice = card[(card["metric"] == "label_dice") & card["arm"].str.startswith("lungs/")]
lines = ["| collection | method | n | mean lung Dice | 95 % interval |", "|---|---|---|---|---|"]
for row in dice.to_dict("records"):
    interval = f"{float(row['low']):.3f} to {float(row['high']):.3f}"
    method = row["arm"].split("/")[1]
    value = f"{float(row['value']):.3f}"
    lines.append(f"| {row['recipe']} | {method} | {row['n']} | {value} | {interval} |")
sys.stdout.write("\n".join(lines) + "\n")
