"""In the workflow: readers get pages, their answers become figures, a release gets formats."""

from reading import data_of, filled, first

from radfoundry import tables

STUDY = {"readers": ["anna", "bert"], "origin": ["artasyn"], "count": 2, "size": 64}


def with_study(factory, **more):
    whole = factory.config["evaluate"].get("reader_study", {})
    return factory.configured("evaluate/reader_study", {**whole, **STUDY, **more})


def test_readers_get_pages_and_their_answers_become_figures(spare):
    folder = spare.folder / "results/reader_study"
    with with_study(spare):
        spare.run("results/reader_study/packs/anna.html")
    pages = {name: (folder / f"packs/{name}.html").read_text() for name in STUDY["readers"]}
    assert len(data_of(pages["anna"])["tasks"][0]["items"]) == 4
    for name, page in pages.items():
        (spare.folder / f"{name}.json").write_bytes(filled(page, first))
    with with_study(spare, answers=["anna.json", "bert.json"]):
        assert spare.planned("results/reader_study/readings.tsv") == {"analyze_readings"}
        spare.run("results/reader_study/readings.tsv")
    found = tables.read(folder / "readings.tsv", "readings").set_index(["reader", "metric"])
    assert found.loc[("anna", "specificity"), "value"] == 1


def test_a_release_has_the_formats_that_were_asked_for(spare):
    asked = ["coco", "nnunet", "dicom", "croissant", "datasheet"]
    with spare.configured("publish/formats", asked):
        assert spare.planned("results/release/artasyn") == {"write_release"}
        spare.run("results/release/artasyn")
    release = spare.folder / "results/release/artasyn"
    sums = (release / "SHA256SUMS").read_text().splitlines()
    listed = {line.split("  ")[1] for line in sums[1:]}
    folders = {name.split("/")[0] for name in listed}
    assert folders >= {"coco", "nnunet", "dicom", "croissant.json", "DATASHEET.md", "images"}
