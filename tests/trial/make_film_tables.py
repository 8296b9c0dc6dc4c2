"""Write tables and config of the trial of drawn radiographs: small real films of two hospitals.

Usage: make_film_tables.py DATA FOLDER. DATA holds the collections, FOLDER gets config.yaml and
tables/. Children of one hospital, one film each, teach all networks and test them; adults of
another hospital are seen by nobody, and tell what the drawn films are worth there.
"""

import sys
from pathlib import Path

import yaml
from make_tables import small_kermany, small_nih, written

COHORTS = {"children": (small_kermany, {"train": 0.5, "tune": 0.2, "test": 0.3})}
COHORTS["adults"] = (small_nih, {"train": 0.0, "tune": 0.0, "test": 1.0})


def main(data: Path, folder: Path) -> None:
    """Write tables and config."""
    made = {
        name: rows(data).drop_duplicates("patient").assign(labels="", site=name)
        for name, (rows, _) in COHORTS.items()
    }
    root = written(data, folder, made)
    stated = yaml.safe_load(Path(__file__).with_name("films.yaml").read_text())
    same = stated.pop("cohort")
    stated["cohorts"] = {
        name: {"table": f"tables/{name}.tsv", "root": root, "splits": splits | same["splits"]}
        | {key: value for key, value in same.items() if key != "splits"}
        for name, (_, splits) in COHORTS.items()
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
