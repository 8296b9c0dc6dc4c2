"""Readers cannot tell what is real but by looking, and only what they answered is counted."""

import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from reading import POOLS, READERS, STUDY, built, case, data_of, decoded, filled, first, sealed

from radfoundry.evaluation.reader_study import analysis, answers, pack, pictures, selection
from radfoundry.evaluation.reader_study.answers import AnswersError


@pytest.fixture(scope="module")
def study():
    return built()


@pytest.fixture(scope="module")
def files(study):
    return {f"{reader}.json": filled(study[1][reader], first) for reader in READERS}


def test_as_many_real_cases_as_samples_are_shown_and_no_patient_on_both_sides(study):
    origin = study[0][study[0]["task"] == "origin"]
    assert origin["arm"].value_counts().to_dict() == {"real": 4, "synthetic": 4}
    shared = {name: pool.real.assign(name=pool.real["name"] + "s") for name, pool in POOLS.items()}
    pools = {name: pool._replace(samples=shared[name]) for name, pool in POOLS.items()}
    found = selection.choose(STUDY | {"ranking": [], "overlay": []}, pools)
    assert (found["arm"].value_counts() == 2).all()  # six patients, four of them shown as real
    assert found["patient"].is_unique


def test_what_is_shown_hangs_on_the_seed_and_not_on_the_order_of_tables(study):
    turned = {n: selection.Pool(p.real[::-1], p.samples[::-1]) for n, p in POOLS.items()}
    assert selection.choose(STUDY, turned).equals(study[0])
    assert not selection.choose(STUDY | {"seed": 4}, POOLS).equals(study[0])


def test_a_recipe_without_samples_is_refused_by_name():
    pools = POOLS | {"edited": POOLS["edited"]._replace(samples=POOLS["edited"].samples[:0])}
    with pytest.raises(ValueError, match=r"origin: there are 4 real .* 0 kept samples of edited"):
        selection.choose(STUDY, pools)


def test_a_page_holds_no_name_and_no_word_of_what_its_pictures_are(study):
    chosen, pages, _ = study
    for page in pages.values():
        data = data_of(page)
        for task in data["tasks"]:
            for item in task["items"]:
                item["pictures"] = []
        words = json.dumps(data) + page.split('id="pack">')[0] + page.split("</script>")[-2]
        secret = {*chosen["name"], *chosen["patient"], *chosen["recipe"], "hospital", "syn-"}
        assert not [name for name in secret if name in words]


def test_pictures_of_a_task_are_equal_in_size_bytes_and_everything_but_pixels(study):
    for task in data_of(study[1]["anna"])["tasks"]:
        shown = [picture for item in task["items"] for picture in decoded(item)]
        opened = [Image.open(io.BytesIO(content)) for content in shown]
        assert {(im.size, im.mode, str(im.info)) for im in opened} == {
            ((32, 32), opened[0].mode, "{}")
        }
        assert len({len(content) for content in shown}) == 1
        assert len({content[: content.index(b"IDAT")] for content in shown}) == 1


def test_a_picture_that_could_be_told_unseen_is_refused(study):
    chosen = study[0][study[0]["task"] == "origin"]
    rng = np.random.default_rng(0)
    drawn = {
        (row.item, 0): pictures.plain(case(row.name), "CXR", 16 + row.item % 2, (0, 1), rng)
        for row in chosen.itertuples()
    }
    with pytest.raises(ValueError, match="pictures of origin of edited can be told apart unseen"):
        pack.build(chosen, drawn, {}, READERS, 0)


def test_films_and_volumes_may_be_asked_about_in_one_study():
    chosen = selection.choose(STUDY | {"origin": ["edited", "drawn"], "ranking": []}, POOLS)
    size = {"edited": 16, "drawn": 48}
    drawn = {
        (row.item, 0): pictures.plain(case(row.name), "CXR", size[row.recipe], (0, 1), rng_of(0))
        for row in chosen.itertuples()
    }
    assert len(pack.build(chosen, drawn, {}, READERS, 0)[0]) == 3


def test_the_order_is_another_for_each_reader_and_says_nothing_of_the_origin(study):
    orders = {tuple(own["item"]) for own in orders_of(study[0], READERS)}
    assert len(orders) == len(READERS)
    many = orders_of(study[0], [f"reader{i}" for i in range(200)])
    first_is_real = [own.iloc[0]["arm"] == "real" for own in many]
    assert 0.38 < np.mean(first_is_real) < 0.62  # 200 fair throws stay inside in 99.9 of 100
    slots = [own[own["task"] == "ranking"].iloc[0]["arm"] == "real" for own in many]
    assert 0.22 < np.mean(slots) < 0.45


def orders_of(chosen, readers):
    return [pack._arranged(chosen, reader, 3) for reader in readers]


def test_the_same_study_gives_the_same_bytes(study):
    assert built()[1:] == study[1:]
    assert built(STUDY | {"seed": 5})[1] != study[1]


def test_a_page_names_its_key_by_hash_and_lets_nothing_else_in(study):
    _, pages, key = study
    assert data_of(pages["anna"])["key"] == hashlib.sha256(key).hexdigest()
    for page in pages.values():
        assert "default-src 'none'" in page
        assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")


def test_gray_levels_do_not_show_how_an_image_was_stored():
    image, rng = case("a").image, np.random.default_rng(0)
    coarse = replace(case("a"), image=image.holding(np.round(image.voxels * 15) / 15))
    levels = np.asarray(Image.open(io.BytesIO(pictures.plain(coarse, "CXR", 24, (0, 1), rng))))
    assert len(np.unique(levels)) > 2 * 16
    assert levels.mean() == pytest.approx(255 * coarse.image.voxels.mean(), abs=1)


def test_a_volume_is_seen_in_three_slices_and_a_case_without_labels_has_no_outline():
    body = case("a").image
    volume = replace(body, voxels=np.zeros((8, 8, 8)))
    shown = pictures.plain(replace(case("a"), image=volume), "CT", 16, (-1000, 400), rng_of(0))
    assert Image.open(io.BytesIO(shown)).size == (48, 16)
    bare = replace(case("a"), anatomy=np.zeros_like(case("a").anatomy))
    with pytest.raises(ValueError, match="a has no label"):
        pictures.outlined(bare, "CXR", 16, (0, 1), rng_of(0))


def rng_of(seed):
    return np.random.default_rng(seed)


def test_an_outline_runs_along_its_label_in_its_own_color():
    shown = pictures.outlined(case("a"), "CXR", 24, (0, 1), rng_of(0))
    levels = np.asarray(Image.open(io.BytesIO(shown)))
    # the label fills the right half as viewed, less its border nothing is painted inside
    assert set(np.argwhere(levels >= 192)[:, 1]) == set(range(12, 24))
    assert (levels[1:-1, 13:-1] < 192).all()
    red, green, blue = Image.open(io.BytesIO(shown)).convert("RGB").getpixel((12, 5))
    assert (red, green, blue) == (0x59, 0xA1, 0x4F)


def test_what_is_outlined_is_named_beside_it_and_nowhere_else(study):
    for task in data_of(study[1]["bert"])["tasks"]:
        named = [["lung right", "#59a14f"]] if task["name"] == "overlay" else []
        assert all(item["legend"] == named for item in task["items"])


def test_answers_are_joined_with_what_the_key_says(study, files):
    found = answers.read(files, study[2])
    assert len(found) == 3 * len(study[0])
    assert set(found.loc[found["task"] == "origin", "answer"]) == {"real"}


def first_answer(**changes):
    """Return what changes the first answer of a file, and leaves the others as they are."""
    return lambda f: f | {"answers": [f["answers"][0] | changes, *f["answers"][1:]]}


FAULTS = {  # what is wrong with answers that a page could have sealed
    "cut": (lambda f: f | {"answers": f["answers"][:-2]}, "2 of 20 items have no answer: 19, 20"),
    "repeated": (lambda f: f | {"answers": f["answers"] + f["answers"][:1]}, "answered 2 times"),
    "another item": (first_answer(number=99), "there is no item 99"),
    "another word": (first_answer(answer="fake"), "answered 'fake'; allowed: real, synthetic"),
    "another key": (lambda f: f | {"key": "0" * 64}, "belongs to a key"),
    "another page": (lambda f: f | {"pack": "0" * 64}, "not of the page that was made for anna"),
    "a stranger": (lambda f: f | {"reader": "zoe"}, "is of 'zoe'; allowed: anna, bert, cleo"),
}
FORMS = {  # what no page writes
    "edited": (first_answer(answer="synthetic"), "was edited"),
    "half a letter": (first_answer(answer="\ud800"), "was edited"),
    "a further field": (lambda f: f | {"comment": "x"}, "allowed: exactly reader"),
    "a name": (lambda f: f | {"comment": "hospital-01"}, "is unblinded: it names hospital-01"),
    "no list": (lambda f: f | {"answers": "none"}, "is no file of answers"),
    "a number": (lambda f: f | {"reader": 3}, "of a kind that no page writes"),
    "a list": (first_answer(task=["origin"]), "of a kind that no page writes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_answers_that_were_not_asked_for_are_refused_though_sealed(fault, study, files):
    change, words = FAULTS[fault]
    file = json.loads(files["anna.json"])
    file.pop("seal")
    with pytest.raises(AnswersError, match=words):
        answers.read(files | {"anna.json": sealed(change(file))}, study[2])


@pytest.mark.parametrize("fault", FORMS)
def test_answers_that_no_page_wrote_are_refused(fault, study, files):
    change, words = FORMS[fault]
    content = json.dumps(change(json.loads(files["anna.json"]))).encode()
    with pytest.raises(AnswersError, match=words):
        answers.read(files | {"anna.json": content}, study[2])


def test_a_reader_answers_once_and_none_is_missing(study, files):
    with pytest.raises(AnswersError, match="anna answered already"):
        answers.read(files | {"again.json": files["anna.json"]}, study[2])
    two = {name: files[name] for name in ("anna.json", "bert.json")}
    with pytest.raises(AnswersError, match="no answers of cleo"):
        answers.read(two, study[2])
    assert set(answers.read(two, study[2], ["cleo"])["reader"]) == {"anna", "bert"}
    with pytest.raises(AnswersError, match="cleo is said to be withdrawn"):
        answers.read(files, study[2], ["cleo"])


def test_what_is_no_json_or_says_a_thing_twice_is_refused(study, files):
    for content, words in (
        (b"\xff", "is no file"),
        (b'{"key": 1, "key": 2}', "key is given twice"),
    ):
        with pytest.raises(AnswersError, match=words):
            answers.read(files | {"anna.json": content}, study[2])


def test_a_case_may_be_called_as_an_answer_is(study, files):
    key = study[2].replace(b'"hospital-01"', b'"1"').replace(b'"patient-hospital-01"', b'"real"')
    digest = {"key": hashlib.sha256(key).hexdigest()}
    own = {name: {**json.loads(content), **digest} for name, content in files.items()}
    again = {n: sealed({k: v for k, v in file.items() if k != "seal"}) for n, file in own.items()}
    assert len(answers.read(again, key)) == 3 * len(study[0])


def readings(study, answer_of):
    """Return the figures where `answer_of(reader, row)` says what a reader answers to an item."""
    key = json.loads(study[2])
    said = {}
    for reader in READERS:
        items = {}
        for row in key["items"][reader]:
            items.setdefault(row["number"], []).append(row)
        by_number = {number: answer_of(reader, own) for number, own in items.items()}
        page = study[1][reader]
        said[reader] = filled(page, lambda task, item, by=by_number: by[item["number"]])
    table = analysis.figures(answers.read(said, study[2]), analysis.Bootstrap(50, rng_of(0)))
    return table.set_index(["task", "arm", "reader", "metric"])


def knowing(reader, rows):
    """Answer as one who knows: right about the origin, real before edited before drawn."""
    if rows[0]["task"] == "ranking":
        order = ["real", "edited", "drawn"]
        return ",".join(str(r["place"]) for r in sorted(rows, key=lambda r: order.index(r["arm"])))
    return rows[0]["arm"] if rows[0]["task"] == "origin" else str(3 + READERS.index(reader) % 2)


def test_readers_who_know_everything_reach_every_figure(study):
    found = readings(study, knowing)
    for metric in ("sensitivity", "specificity", "accuracy"):
        assert found.loc[("origin", "-", "all", metric), "value"] == 1
        assert found.loc[("origin", "-", "anna", metric), "n"] == (8 if metric == "accuracy" else 4)
    # Wilson's interval of 4 of 4: 1 / (1 + z^2 / 4)
    assert found.loc[("origin", "-", "anna", "sensitivity"), "low"] == pytest.approx(
        0.5101, abs=1e-4
    )
    assert found.loc[("origin", "-", "all", "fleiss_kappa"), "value"] == pytest.approx(1)
    assert found.loc[("ranking", "-", "all", "kendall_w_sets"), "value"] == pytest.approx(1)
    assert found.loc[("ranking", "-", "all", "friedman_chi2_sets"), "value"] == pytest.approx(8)
    assert found.loc[("ranking", "drawn", "all", "mean_rank"), "value"] == 3
    assert found.loc[("ranking", "drawn - edited", "all", "rank_difference"), "value"] == 1


def test_outlines_have_a_share_that_found_them_useful(study):
    found = readings(study, knowing)  # anna 3, bert 4, cleo 3
    assert found.loc[("overlay", "synthetic", "bert", "useful"), "value"] == 1
    assert found.loc[("overlay", "synthetic", "all", "useful"), "value"] == pytest.approx(1 / 3)
    assert found.loc[("overlay", "real", "all", "score"), "value"] == pytest.approx(10 / 3)
    # every item has the counts 2 and 1: P = 1/3, Pe = 5/9, so that kappa is -1/2
    assert found.loc[("overlay", "-", "all", "fleiss_kappa"), "value"] == pytest.approx(-0.5)


def test_a_reader_who_says_real_of_everything_has_full_specificity_and_no_sensitivity(study):
    found = readings(study, lambda _, r: "real" if r[0]["task"] == "origin" else knowing("anna", r))
    assert found.loc[("origin", "-", "anna", "specificity"), "value"] == 1
    assert found.loc[("origin", "-", "anna", "sensitivity"), "value"] == 0
    assert found.loc[("origin", "-", "all", "accuracy"), "value"] == 0.5
    assert np.isnan(found.loc[("origin", "-", "all", "fleiss_kappa"), "value"])
