"""An audit finds planted copies and copied samples, and holds the release back, saying why."""

from dataclasses import replace
from types import SimpleNamespace

import _gates
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from radfoundry import tables, volume
from radfoundry.case import Case
from radfoundry.evaluation.privacy import audit, gate, material, measures, network
from radfoundry.release import gates
from radfoundry.report import page, samples
from radfoundry.report.exhibits import Exhibit
from radfoundry.report.scorecard import stages
from radfoundry.report.scorecard.card import build

SIDE, PATIENTS = 32, 24
TINY = {"widths": [4, 4, 8, 8], "features": 8, "batch": 4, "steps": 2, "side": SIDE}


def case(name, seed, owner=None, noise=0.0):
    """Return a radiograph of smooth noise with one lesion of its own texture and shape."""
    rng = np.random.default_rng(seed)
    picture = ndimage.gaussian_filter(rng.normal(size=(64, 64)), 2.5)
    picture = (picture - picture.min()) / np.ptp(picture)
    rows, columns = np.indices((64, 64)) - rng.integers(24, 40, 2)[:, None, None]
    mask = np.hypot(rows / rng.uniform(0.6, 1.6), columns) < rng.uniform(7, 11)
    picture = picture + noise * np.random.default_rng(seed + 1).normal(size=picture.shape)
    image = volume.radiograph(picture.astype(np.float32))
    facts = {"patient": name, "owner": "" if owner is None else owner}
    return Case(name, image, np.zeros((64, 1, 64), np.uint8), mask[:, None].astype(np.uint8), facts)


TRAIN = [case(f"t{n}", n) for n in range(PATIENTS)]
HELD = [case(f"h{n}", 100 + n) for n in range(PATIENTS)]
NEW = [case(f"s{n}", 200 + n) for n in range(5)]
COPIES = [case(f"c{n}", n, noise=0.02) for n in range(3)]


@pytest.fixture(scope="module")
def learned():
    pictures = material.views.gathered(TRAIN, SIDE)["image"]
    rng = np.random.default_rng(0)
    copies = network.fit_copies(pictures.pictures, TINY, rng)
    return copies, network.fit_patients(pictures.pictures, pictures.owners, TINY, rng)


def run(learned, drawn, kept=None, train=TRAIN):
    """Return the figures by metric and arm, the table and the nearest pairs."""
    rng = np.random.default_rng(1)
    found = material.gathered(train, HELD, drawn, SIDE, 6, rng)
    names = [sample.name for sample in drawn] if kept is None else kept
    table, pairs = audit.audited(found, learned, names, {"bootstrap": 50}, rng)
    table = tables.checked(table, "memorisation", "here")
    figures = table.set_index(["metric", "arm"])
    return figures, table, tables.checked(pairs, "nearest", "here")


@pytest.fixture(scope="module")
def leaky(learned):
    return run(learned, COPIES + NEW)


def test_samples_that_copy_training_images_are_counted_and_named(leaky):
    figures, _, pairs = leaky
    assert figures.loc[("memorised_fraction", "drawn"), ["value", "n"]].tolist() == [3 / 8, 8]
    assert figures.loc[("memorised_fraction", "held_out/real"), "value"] == 0
    found = pairs[(pairs["what"] == "image") & pairs["copy"].astype(bool)]
    assert found["nearest"].tolist() == ["t0", "t1", "t2"]
    assert (found["ratio"] < 0.5).all()


def test_planted_copies_of_every_kind_are_found_with_their_number(leaky):
    recall = leaky[0].loc["planted_copy_recall"]
    assert set(recall.loc[["exact", "mirrored", "noised", "gamma"], "value"]) == {1}
    assert recall.loc["exact", "n"] == 6
    assert recall.loc["exact/flagged", "n"] == 3
    assert recall.loc["lesion_pasted", "value"] > 0.8


def test_lesions_and_masks_are_audited_apart(leaky):
    figures = leaky[0]
    assert figures.loc[("memorised_lesion_fraction", "drawn"), "value"] == pytest.approx(3 / 8)
    assert figures.loc[("memorised_mask_fraction", "drawn"), "n"] == 8


def test_without_second_exams_patients_are_not_recognized_and_it_is_said(leaky):
    row = leaky[0].loc[("reidentified_fraction", "kept")]
    assert np.isnan(row["value"])
    assert "0 patients of the training split have several exams" in row["note"]
    assert np.isnan(leaky[0].loc[("planted_copy_recall", "other_exam"), "value"])


def test_every_figure_becomes_a_row_of_the_scorecard(leaky):
    card = build(stages.of_audit(leaky[1], "made"))
    assert len(card) == len(leaky[1])
    assert not card["note"].str.contains("private").any()


def test_copies_hold_the_release_back_and_the_message_says_how_many(leaky):
    with pytest.raises(
        gates.Blocked, match=r"release of made .* 0\.3750 of 8 kept samples; allowed"
    ):
        gates.check("made", [gates.memorisation(leaky[1], 0)])
    gates.check("made", [gates.memorisation(leaky[1], 0.4)])


def repeated(one, times):
    """Return more files of one film, under the same patient."""
    return [replace(one, name=f"{one.name}-{turn}") for turn in range(1, times)]


def test_a_generator_that_learned_four_films_by_heart_is_refused_for_that_alone(tmp_path, learned):
    drawn = [case(f"c{n}", n % 4, noise=0.02) for n in range(8)]
    table = run(learned, drawn, train=TRAIN[:4])[1]
    tables.write(table, tmp_path / "memorisation.tsv", "memorisation")
    found = _gates.memorisation(job([tmp_path / "memorisation.tsv"]))
    assert found.reasons == [
        "memorised_fraction is 1.0000 of 8 kept samples; allowed: max_copied_fraction 0"
    ]
    with pytest.raises(gates.Blocked, match=r"release of four is blocked, .*: memorisation \(mem"):
        gates.check("four", [found])


def test_copies_of_a_film_that_stands_twenty_times_are_found_and_crowd_out_no_other(learned):
    twentyfold = [*TRAIN, *repeated(TRAIN[0], 20)]
    figures, table, pairs = run(learned, [*COPIES, *NEW], train=twentyfold)
    assert figures.loc[("memorised_fraction", "drawn"), ["value", "n"]].tolist() == [3 / 8, 8]
    found = pairs[(pairs["what"] == "image") & pairs["copy"].astype(bool)].set_index("sample")
    assert [name.split("-")[0] for name in found["nearest"]] == ["t0", "t1", "t2"]
    assert (found["ratio"] < 0.5).all()  # to another patient's: its own copies do not hide these
    with pytest.raises(gates.Blocked, match=r"memorised_fraction is 0\.3750 of 8 kept samples"):
        gates.check("twentyfold", [gates.memorisation(table, 0)])


def job(path, most=0.0):
    given, facts = SimpleNamespace(memorisation=path), SimpleNamespace(most_copied=most)
    return SimpleNamespace(input=given, params=facts)


def test_what_the_experts_refused_blocks_no_release_and_a_pass_says_what_it_does_not_prove(
    tmp_path, learned
):
    table = run(learned, COPIES[:1] + NEW, kept=[sample.name for sample in NEW])[1]
    tables.write(table, tmp_path / "memorisation.tsv", "memorisation")
    said = _gates.memorisation(job([tmp_path / "memorisation.tsv"])).said
    assert "0.0000 of 5 kept samples" in said
    assert "It does not follow" in said
    assert "private" not in said.lower()


def test_a_recipe_without_an_audit_is_released_and_its_card_says_so():
    assert _gates.memorisation(job([])).said.startswith("none")


def test_missed_copies_hold_the_release_back(leaky):
    table = leaky[1].copy()
    missed = table["arm"] == "noised/flagged"
    table.loc[missed, "value"] = 0.9
    with pytest.raises(
        gates.Blocked, match=r"recall of noised copies is 0\.900 of 3; allowed: 0.95"
    ):
        gates.check("made", [gates.memorisation(table, 1)])
    table.loc[missed, "value"] = np.nan
    with pytest.raises(gates.Blocked, match="recall of noised copies is not known"):
        gates.check("made", [gates.memorisation(table, 1)])


def test_what_was_not_there_to_be_measured_is_not_a_number_and_says_why(learned):
    healthy = [Case(c.name, c.image, c.anatomy, 0 * c.findings, c.facts) for c in TRAIN[:4]]
    found = material.gathered(healthy[:2], healthy[2:], [], SIDE, 2, np.random.default_rng(0))
    table = audit.audited(found, learned, [], {"bootstrap": 10}, np.random.default_rng(0))[0]
    rows = table.set_index(["metric", "arm"])
    assert table.loc[~table["metric"].str.startswith("nearest"), "value"].isna().all()
    assert "shows no lesion" in rows.loc[("memorised_lesion_fraction", "kept"), "note"]
    assert "fewest are 19" in rows.loc[("memorised_fraction", "kept"), "note"]
    assert "recall of exact copies is not known" in " ".join(gate.reasons(table, 0))


def test_an_edit_is_not_held_to_copy_its_own_source(learned):
    edits = [case(f"c{n}", n, owner=f"t{n}", noise=0.02) for n in range(3)]
    figures, _, pairs = run(learned, edits)
    assert figures.loc[("memorised_fraction", "drawn"), "value"] == 0
    whole = pairs[pairs["what"] == "image"].set_index("sample")["nearest"]
    assert whole["c0"] not in ("", "t0")


def test_the_nearest_pairs_are_shown_with_their_names(leaky):
    shown = samples.most_alike(leaky[2])
    drawn = {sample.name: sample for sample in COPIES + NEW}
    real = {one.name: one.image for one in TRAIN}
    (exhibit,) = samples.beside_nearest(
        [drawn[name] for name in shown["sample"]], [real[n] for n in shown["nearest"]], shown, "CXR"
    )
    assert exhibit.png[:4] == b"\x89PNG"
    assert "c0, nearest to t0" in exhibit.alt


def test_patients_with_several_exams_are_learned_and_other_exams_are_looked_for(learned):
    twice = [Case(f"{c.name}-{n}", c.image, c.anatomy, c.findings, c.facts) for c in TRAIN[:4]
             for n in (1, 2)]  # fmt: skip
    seen = material.views.gathered(twice, SIDE)["image"]
    known = network.fit_patients(seen.pictures, seen.owners, TINY, np.random.default_rng(0))
    assert (known.card["trained"], known.card["patients"]) == (True, 4)
    first, others = material.exams(seen)
    assert (len(first.names), others.names) == (4, ("t0-2", "t1-2", "t2-2", "t3-2"))
    again = network.prepare(known)(seen.pictures)
    assert np.allclose(np.linalg.norm(again, axis=1), 1)
    assert np.allclose(again[0], again[1])


def test_the_threshold_of_copies_lies_between_unseen_images_and_planted_copies():
    unseen = np.linspace(0, 0.5, 39)
    limits = measures.thresholds(unseen, [np.full(4, 0.9), np.full(4, 0.8)])
    assert limits.suspect == unseen[37]
    assert limits.copy == pytest.approx(0.65)
    assert len(set(measures.thresholds(unseen, [np.full(4, 0.4)]))) == 1
    assert np.isnan(measures.thresholds(unseen[:18])).all()


def test_copying_is_far_below_zero_where_every_sample_is_nearer_than_unseen_images():
    one = np.zeros(3, int)
    found = measures.data_copying(np.array([1, 2, 3.0]), np.array([4, 5, 6.0]), (one, one, one))
    assert found == pytest.approx(-4.5 / np.sqrt(9 * 7 / 12))
    assert measures.data_copying(np.array([1, 3.0]), np.array([1, 3.0]), (one[:2],) * 3) == 0
    assert np.isnan(measures.data_copying(np.zeros(0), np.zeros(3), (one[:0], one, one)))


def test_members_are_told_apart_by_patient():
    near = np.array([0.9, 0.7, 0.4, 0.6, 0.1])
    member = np.array([True, True, True, False, False])
    rng = np.random.default_rng(0)
    found = measures.membership(near, member, ["a", "a", "b", "c", "d"], 50, rng)
    assert found.value == 0.75  # a 0.8 above both, b 0.4 above one of 0.6 and 0.1
    assert np.isnan(measures.membership(near, member | True, list("aabcd"), 5, rng).value)


def test_one_who_says_nothing_was_measured_is_not_read_as_no_copies():
    empty = pd.DataFrame(columns=["metric", "arm", "value", "low", "high", "n", "note"])
    assert len(list(gate.reasons(empty, 0))) == 4


def test_the_page_shows_the_nearest_pairs_and_says_what_a_pass_does_not_prove():
    pair = Exhibit("The most alike", b"\x89PNG", "s1, nearest to t0")
    html = page.render({"recipes": [{"name": "made", "nearest": [pair]}, {"name": "other"}]})
    assert html.count("Nearest training images") == 1
    assert "s1, nearest to t0" in html
    assert gate.SAYS in html
