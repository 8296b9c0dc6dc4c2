"""Write the cohort tables and the config of the trial: real radiographs through the whole recipe.

Usage: make_tables.py DATA FOLDER. DATA holds the collections, FOLDER gets config.yaml and tables/.
Twenty-four healthy radiographs go in; four collections with findings are the unseen test, and two
more that hold both healthy and diseased films of one hospital: they cannot be told by the hospital.
"""

import os
import sys
from pathlib import Path

import pandas as pd
import yaml
from PIL import Image

EACH = 40  # healthy films, and diseased ones, of a hospital that shows both
VIEWS = {"ap": "AP", "pa": "PA"}
NIH = {  # what the collection's words mean in our vocabulary
    "No Finding": "",
    "Consolidation": "consolidation",
    "Effusion": "pleural_effusion",
    "Emphysema": "emphysema",
    "Nodule": "nodule",
    "Mass": "nodule",
}
GB = {
    "ground_glass_opacities": "ground_glass",
    "consolidation": "consolidation",
    "pleural_effusion": "pleural_effusion",
}
V7 = {255: "lung", 127: "ignore"}
READERS = {
    "left_lung": "lung_left",
    "right_lung": "lung_right",
    "cardiomediastinum": "mediastinum",
    **GB,
}


def words(found: str, meaning: dict) -> str:
    """Return findings of our vocabulary; what has no word of its own there is an opacity."""
    return "|".join(sorted({meaning.get(word, "opacity") for word in found.split("|")} - {""}))


def kermany(data: Path) -> pd.DataFrame:
    rows = pd.read_csv(data / "cxr_kermany_lungs/labels.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": "kermany-" + rows["image"],
            "patient": "kermany-" + rows["patient"],
            "image": "cxr_kermany_lungs/images/" + rows["image"] + ".jpeg",
            "labels": "cxr_kermany_lungs/lung_masks/" + rows["image"] + ".png",
            "findings": rows["label"].map({"NORMAL": ""}).fillna("opacity"),
            "site": "kermany",
        }
    )


def nih(data: Path) -> pd.DataFrame:
    rows = pd.read_csv(data / "cxr_nih14/labels.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": "nih-" + rows["image"].str.removesuffix(".png"),
            "patient": "nih-" + rows["patient"],
            "image": "cxr_nih14/images/" + rows["image"],
            "labels": "",
            "findings": rows["findings"].map(lambda found: words(found, NIH)),
            "site": "nih",
            "sex": rows["sex"],
            "age": rows["age"],
            "view": rows["view"],
        }
    )


def others(small: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Return films of patients who are not in the collection that trains, one of each patient."""
    own = small[~small["patient"].isin(seen["patient"])].drop_duplicates("patient")
    return own.assign(labels="")


def some(rows: pd.DataFrame, site: str) -> pd.DataFrame:
    """Return `EACH` healthy and as many diseased films, the same in every run."""
    halves = [rows[rows["findings"] == ""], rows[rows["findings"] != ""]]
    both = pd.concat([half.sample(EACH, random_state=1) for half in halves])
    return both.assign(case=site + "-" + both["case"], site=site).sort_values("case")


def small_kermany(data: Path) -> pd.DataFrame:
    """Return small films of children, healthy and with pneumonia, of one hospital."""
    rows = pd.read_csv(data / "cxr_kermany_224/labels.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": rows["image"],
            "patient": "kermany-" + rows["patient"],
            "image": "cxr_kermany_224/images/" + rows["image"] + ".jpeg",
            "findings": rows["kind"].map({"normal": ""}).fillna("opacity"),
        }
    )


def small_nih(data: Path) -> pd.DataFrame:
    """Return small films of adults, without findings and with pneumonia, of one hospital."""
    rows = pd.read_csv(data / "cxr_nih_256/labels.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": rows["image"].str.removesuffix(".png"),
            "patient": "nih-" + rows["patient"],
            "image": "cxr_nih_256/images/" + rows["image"],
            "findings": rows["findings"].map(lambda found: words(found, NIH)),
            "sex": rows["sex"],
            "age": rows["age"],
            "view": rows["view"],
        }
    )


def kermany_both(data: Path) -> pd.DataFrame:
    """Return some small films of each kind, of children who are not in the other collection."""
    return some(others(small_kermany(data), kermany(data)), "kermany_both")


def nih_both(data: Path) -> pd.DataFrame:
    """Return some small films of each kind, of adults who are not in the other collection."""
    return some(others(small_nih(data), nih(data)), "nih_both")


def hannover(data: Path) -> pd.DataFrame:
    rows = pd.read_csv(data / "cxr_hannover_lungs/metadata.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": "hannover-" + rows["image_id"],
            "patient": "hannover-" + rows["patient_id"],
            "image": "cxr_hannover_lungs/images/" + rows["image_id"] + ".png",
            "labels": "cxr_hannover_lungs/lung_masks/" + rows["image_id"] + ".png",
            "findings": "opacity",  # COVID-19
            "site": "hannover",
            "sex": rows["sex"].str.upper(),
            "view": rows["projection"].map(VIEWS),
        }
    )


def gb(data: Path) -> pd.DataFrame:
    folder = "cxr_gb_anatomy_pathology_NC"
    rows = pd.read_csv(data / folder / "metadata.csv", dtype=str)
    return pd.DataFrame(
        {
            "case": [f"gb-{number:02d}" for number in range(1, len(rows) + 1)],  # names are long
            "patient": "gb-" + rows["patient"],
            "image": folder + "/" + rows["case"] + "/image.jpg",
            "labels": folder + "/" + rows["case"],
            "findings": rows["structures"].map(
                lambda found: "|".join(GB[word] for word in found.split(";") if word in GB)
            ),
            "site": "gb",
        }
    )


def recentred(data: Path, folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return Hannover with masks put back where they were drawn, written into a folder.

    The masks were drawn on the square in the middle of each film and then stretched to its whole
    width (docs/results.md says how we know). Outside that square no one judged the film.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in rows["labels"]:
        mask = Image.open(data / name)
        side = min(mask.size)
        left, top = ((length - side) // 2 for length in mask.size)
        canvas = Image.new("L", mask.size, 127)
        canvas.paste(mask.resize((side, side), Image.Resampling.NEAREST), (left, top))
        canvas.save(folder / Path(name).name)
    masks = rows["labels"].map(lambda name: folder / Path(name).name)
    return rows.assign(
        case="recentred-" + rows["case"], labels=masks.map(str), site="hannover_recentred"
    )


def cohorts(data: Path, folder: Path) -> dict[str, tuple[pd.DataFrame, dict]]:
    """Return each cohort's table and what its readers' masks mean."""
    healthy = pd.concat([kermany(data), nih(data)])
    own = hannover(data)
    healthy, ill = healthy[healthy["findings"] == ""], healthy[healthy["findings"] != ""]
    return {
        "healthy": (healthy, V7),
        "kermany_pneumonia": (ill[ill["site"] == "kermany"], V7),
        "nih_findings": (ill[ill["site"] == "nih"], V7),
        "hannover": (own, V7),
        "hannover_recentred": (recentred(data, folder / "masks", own), V7),
        "gb": (gb(data), READERS),
        "kermany_both": (kermany_both(data), V7),
        "nih_both": (nih_both(data), V7),
    }


def config(names: list[str], readers: dict[str, dict], root: Path) -> dict:
    """Return the trial's config: 256-pixel canvas, three methods of pseudo-labelling."""
    held_out = {"train": 0.0, "tune": 0.0, "test": 1.0}
    entries = {
        name: {
            "table": f"tables/{name}.tsv",
            "root": str(root),
            "reader_labels": readers[name],
            "preprocess": {"size": 256, "percentiles": [0, 100]},  # as stored: fair to PBTSeg
            "pseudolabel": "pbtseg",
            "splits": {"duplicates": "link"} | ({} if name == "healthy" else held_out),
        }
        for name in names
    }
    entries["healthy"]["splits"] |= {"train": 0.5, "tune": 0.25, "test": 0.25}
    return yaml.safe_load(Path(__file__).with_name("config.yaml").read_text()) | {
        "cohorts": entries
    }


def placed(data: Path, path: str, root: Path) -> Path | str:
    """Return a path of the collections, or an absolute one, as seen from the root."""
    return (data.resolve() / path).relative_to(root) if path else ""


def written(data: Path, folder: Path, made: dict[str, pd.DataFrame]) -> str:
    """Write each cohort's table, and return the root of its paths as seen from the folder."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    root = Path(os.path.commonpath([data.resolve(), folder.resolve()]))
    for name, table in made.items():
        for column in ("image", "labels"):
            table[column] = [str(placed(data, path, root)) for path in table[column].fillna("")]
        table.fillna("").to_csv(folder / "tables" / f"{name}.tsv", sep="\t", index=False)
    return os.path.relpath(root, folder.resolve())


def main(data: Path, folder: Path) -> None:
    """Write tables and config."""
    made = cohorts(data, folder.resolve())
    root = written(data, folder, {name: table for name, (table, _) in made.items()})
    readers = {name: meaning for name, (_, meaning) in made.items()}
    text = yaml.safe_dump(config(list(made), readers, Path(root)), sort_keys=False)
    (folder / "config.yaml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
