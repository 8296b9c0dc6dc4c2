"""What is asked of text-guided generators: sources, prompts, given channels, probes."""

import json

import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.config import catalogue
from radfoundry.config.catalogue import constant
from radfoundry.generators._requests import prompts, text_guided
from radfoundry.text import labeler

LABELS = [name for names in text_guided.CHANNELS.values() for name in names]
EFFUSED = "FINDINGS: There is a large left pleural effusion. IMPRESSION: No nodule."
NORMAL = "FINDINGS: No pleural effusion. IMPRESSION: Normal chest."

PROBED = catalogue.constant("generators", "medsyn", "PROBED")


def cases(n=12, **changes):
    """Return cases of all three splits: eight of twelve to train, two each to tune and test."""
    rows = [
        {
            "case": f"c{i:02d}",
            "patient": f"p{i}",
            "split": ("train", "train", "train", "train", "tune", "test")[i % 6],
            "report": f"{EFFUSED if i % 2 else NORMAL} Case {i}.",
            "findings": "pleural_effusion" if i % 2 else "",
            **dict.fromkeys(LABELS, "present"),
            **changes,
        }
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def parameters(requests):
    return [json.loads(text) for text in requests["parameters"]]


def listed(*items, **options):
    return parameters(text_guided.plan(cases(), {"prompts": list(items), **options}, 3))


def probes(table=None, **counts):
    planned = text_guided.probe(cases() if table is None else table, {"probes": counts}, 3, PROBED)
    columns = pd.DataFrame(parameters(planned))
    return pd.concat([planned, columns], axis=1)


def test_requests_fit_their_schema_and_no_two_share_a_seed():
    planned = text_guided.plan(cases(), {}, 3), text_guided.probe(cases(), {}, 3, PROBED)
    for table in planned:
        tables.checked(table, "requests", "here")
        assert list(table) == ["request", "source", "split", "seed", "parameters"]
    assert pd.concat(planned)["seed"].is_unique


def test_more_samples_keep_the_first_ones():
    items = [{"text": EFFUSED, "count": 3}, {"findings": [{"name": "nodule"}]}]
    for given in ("reports", items):
        few, more = (text_guided.plan(cases(), {"count": n, "prompts": given}, 3) for n in (5, 17))
        pd.testing.assert_frame_equal(few, more.head(5))


def test_another_seed_asks_for_others_and_the_order_of_cases_changes_nothing():
    first = text_guided.plan(cases(), {}, 3)
    pd.testing.assert_frame_equal(first, text_guided.plan(cases().iloc[::-1], {}, 3))
    assert not set(first["seed"]) & set(text_guided.plan(cases(), {}, 4)["seed"])


def test_sources_and_reports_come_from_the_splits_asked_for():
    planned = text_guided.plan(cases(), {"splits": ["tune", "test"], "count": 40}, 3)
    splits = cases().set_index("case")["split"]
    assert set(planned["source"]) == set(splits.index[splits != "train"])
    assert (planned["split"] == splits[planned["source"]].to_numpy()).all()
    own = cases().set_index("report")["split"]
    assert [own[request["prompt"]] for request in parameters(planned)] == planned["split"].tolist()


def test_a_report_need_not_be_its_sources_own_but_is_where_channels_are_given():
    own = cases().set_index("case")["report"]
    for given, all_own in (([], False), (["lobes"], True)):
        planned = text_guided.plan(cases(), {"given": given}, 3)
        same = [
            own[s] == t["prompt"] for s, t in zip(planned.source, parameters(planned), strict=True)
        ]
        assert all(same) == all_own


def test_the_labeler_says_what_a_text_asks_for():
    for request in parameters(text_guided.plan(cases(), {}, 3)) + listed({"text": EFFUSED}):
        left = {"name": "pleural_effusion", "side": "left", "location": "", "severity": "severe"}
        assert request["findings"] == ([left] if EFFUSED in request["prompt"] else [])


def test_findings_become_a_text_that_states_them_and_no_other():
    wanted = [{"name": "nodule", "side": "right", "location": "upper zone", "severity": "mild"}]
    requests = listed({"findings": wanted})
    assert all(t["findings"] == labeler.structured(t["prompt"]) == wanted for t in requests)
    assert len({t["prompt"] for t in requests}) > 20


def test_what_a_finding_leaves_out_is_drawn():
    requests = listed({"findings": [{"name": "pleural_effusion"}]}, count=60)
    assert {t["findings"][0]["side"] for t in requests} == {"right", "left"}
    assert {t["findings"][0]["severity"] for t in requests} == {"mild", "moderate", "severe"}
    assert all(labeler.structured(t["prompt"]) == t["findings"] for t in requests)


def test_a_bilateral_finding_lies_on_both_sides():
    requests = listed({"findings": [{"name": "pleural_effusion", "side": "bilateral"}]})
    assert {tuple(f["side"] for f in t["findings"]) for t in requests} == {("right", "left")}


def test_prompts_take_turns_in_proportion_to_their_counts():
    requests = listed({"text": "A nodule.", "count": 3}, {"text": NORMAL}, count=40)
    assert [t["prompt"] for t in requests].count("A nodule.") == 30
    assert prompts.in_turn([3, 1], 40) == prompts.in_turn([3, 1], 80)[:40]


def test_without_text_no_prompt_is_written_and_sources_stay():
    silent = text_guided.plan(cases(report=""), {"text": False}, 3)
    assert all(
        (t["prompt"], t["findings"], t["text"]) == ("", [], False) for t in parameters(silent)
    )
    worded = text_guided.plan(cases(), {}, 3)
    pd.testing.assert_series_equal(silent["source"], worded["source"])


def test_requests_state_a_voxel_size_and_nothing_else_about_them_changes():
    sizes = [[0.5 + i, 0.5 + i, 2.0] for i in range(12)]
    few, more = (text_guided.plan(cases().assign(spacing=sizes), {"count": n}, 3) for n in (5, 32))
    pd.testing.assert_frame_equal(few, more.head(5))
    stated = parameters(more)
    assert len({tuple(request.pop("spacing")) for request in stated}) > 3
    plain = text_guided.plan(cases(), {}, 3)
    pd.testing.assert_frame_equal(plain.drop(columns="parameters"), more[[*plain][:-1]])
    assert stated == parameters(plain)
    assert {tuple(r["spacing"]) for r in listed({"text": NORMAL}, spacing=[1, 1, 3])} == {(1, 1, 3)}


def test_probes_of_given_channels_have_the_voxel_size_of_their_source():
    table = cases().assign(spacing=[[0.5 + i, 1.0, 2.0] for i in range(12)])
    found = probes(table, prompt=1, side=1, given=2, segment=2)
    kept = found[found["probe"].isin(["given", "segment"])]
    own = [[0.5 + int(source[1:]), 1.0, 2.0] for source in kept["source"]]
    assert kept["spacing"].tolist() == own
    assert found["spacing"].map(len).eq(3).all()


@pytest.mark.parametrize("channel", ["lobes", "airway", "vessel"])
def test_a_given_channel_needs_its_labels(channel):
    table = cases()
    structure = text_guided.CHANNELS[channel][-1]
    table.loc[table["case"] != "c02", structure] = "failed"
    assert set(text_guided.plan(table, {"given": [channel]}, 3)["source"]) == {"c02"}
    assert len(set(text_guided.plan(table, {"given": ["image"]}, 3)["source"])) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"given": ["lobe"]}, "no channels .'lobe'.: choose from image, lobes, airway, vessel"),
        ({"prompts": [{"findings": [{"name": "flu"}]}]}, "prompt 1 of 1: no name 'flu'.*nodule"),
        ({"prompts": [{"findings": [{"name": "nodule", "side": "up"}]}]}, "no side 'up'"),
        ({"prompts": [{"findings": [{"name": "nodule", "severity": "x"}]}]}, "no severity 'x'"),
        ({"prompts": [{"text": "a"}, {"text": " "}]}, "prompt 2 of 2 has an empty text"),
        ({"prompts": [{"text": "a", "findings": []}]}, "either text or findings"),
        ({"prompts": [{"text": "a", "count": 0}]}, "above 0"),
        ({"prompts": "all"}, "state 'reports' or a list"),
        ({"prompts": []}, "state 'reports' or a list"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(options, message):
    with pytest.raises(ValueError, match=message):
        text_guided.plan(cases(), options, 3)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"split": "test"}, {}, "none of 12 cases can be a source: c00: its split 'test'"),
        ({"airway": "absent"}, {"given": ["airway"]}, "its airway is 'absent'"),
        ({"report": " "}, {}, "none of 8 usable cases has one"),
    ],
)
def test_a_cohort_without_usable_cases_is_refused_with_a_reason(changes, options, message):
    with pytest.raises(ValueError, match=message):
        text_guided.plan(cases(**changes), options, 3)


def test_each_arm_has_its_count_and_its_own_seeds():
    planned = probes(prompt=3, side=2, given=4, segment=5)
    counts = planned.groupby(["probe", "arm"]).size()
    assert set(counts["prompt"]) == {3}
    assert counts["prompt"].index.tolist() == sorted(
        f"{name}/{arm}" for name in PROBED for arm in ("with", "without")
    )
    assert counts["side"].to_dict() == {"left": 2, "right": 2}
    assert counts["given"].to_dict() == {"lobes": 4}
    assert counts["segment"].to_dict() == {"with_text": 5, "without_text": 5}
    assert "probe-prompt-emphysema-with-002" in set(planned["request"])


def test_prompt_pairs_state_their_finding_clearly_or_none():
    for row in probes(given=0, segment=0).itertuples():
        name, arm = row.arm.split("/") if row.probe == "prompt" else ("pleural_effusion", row.arm)
        assert row.findings == labeler.structured(row.prompt)
        assert {f["name"] for f in row.findings} == (set() if arm == "without" else {name})
        assert {f["severity"] for f in row.findings} <= {"moderate", "severe"}
        assert row.split == "train"
        if row.probe == "side":
            assert [f["side"] for f in row.findings] == [arm]


def test_given_lobes_and_images_come_with_their_own_reports_from_held_out_cases():
    own = cases().set_index("case")["report"]
    planned = probes(prompt=0, side=0)
    for row in planned.itertuples():
        assert (row.split, row.given) == {
            "given": ("tune", ["lobes"]),
            "segment": ("test", ["image"]),
        }[row.probe]
        assert row.prompt == ("" if row.arm == "without_text" else own[row.source])
        assert row.text == (row.arm != "without_text")
    used = planned.groupby("arm")["source"].agg(list)
    assert used["with_text"] == used["without_text"]
    assert set(planned.loc[planned.probe == "given", "source"].value_counts()) == {8}


def test_a_given_image_is_read_at_guidance_1_and_all_else_is_drawn_at_the_recipes():
    planned = text_guided.probe(cases(), {"guidance": 3.0}, 1, ["emphysema"])
    asked = {(one["probe"], one["guidance"]) for one in parameters(planned)}
    assert asked == {("prompt", 3.0), ("side", 3.0), ("given", 3.0), ("segment", 1.0)}


def test_probes_without_cases_are_left_out_but_for_train():
    table = cases()
    kept = probes(table[table["split"] == "train"], prompt=1, side=1)
    assert set(kept["probe"]) == {"prompt", "side"}
    with pytest.raises(ValueError, match="no case of the train split"):
        probes(table[table["split"] != "train"])


def test_another_count_changes_no_probe_and_unknown_probes_are_refused():
    few, more = probes(prompt=2), probes(prompt=5).set_index("request")
    assert more.loc[few["request"], "seed"].tolist() == few["seed"].tolist()
    with pytest.raises(ValueError, match="no probes .'sides'."):
        probes(sides=3)


def test_inputs_are_left_alone():
    table, same = cases(), cases()
    items = [{"findings": [{"name": "pleural_effusion"}]}]
    text_guided.plan(table, {"prompts": items}, 3)
    text_guided.probe(table, {}, 3, PROBED)
    pd.testing.assert_frame_equal(table, same)
    assert items == [{"findings": [{"name": "pleural_effusion"}]}]


def test_the_way_of_sampling_is_written_down_where_a_generator_has_several():
    assert {t["method"] for t in listed({"text": EFFUSED}, method="heun")} == {"heun"}
    assert "method" not in listed({"text": EFFUSED})[0]


def test_the_generator_states_the_defaults_of_requests_as_a_literal_that_agrees():
    stated = constant("generators", "medsyn", "OPTIONS")
    assert text_guided.OPTIONS.items() <= stated.items()
