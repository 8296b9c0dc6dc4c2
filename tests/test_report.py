"""The page a radiologist reads: it stands alone, escapes everything, and says what is missing."""

import base64
import hashlib
import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from radfoundry.report import headlines, page
from radfoundry.report.scorecard import card
from radfoundry.report.scorecard.card import Row

NAN = math.nan
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
PNG = b"\x89PNG made up"
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collect what a browser would see: tags with attributes, the text, tags left open."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data):
        self.text += "" if self.open[-1:] == ["style"] else data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def words(html: str) -> str:
    return " ".join(Page(html).text.split())


def context(evil: str = "") -> dict:
    """Return a page's context in which every text ends in `evil`."""
    name = "artasyn" + evil
    numbers = [
        Row(name, "image_auroc", 0.93, "artasyn/b/synthesized" + evil, 0.88, 0.96, 40),
        Row(name, "image_auroc_gain", 0.1, "artasyn-noise/b", 0.02, 0.15, 40),
        Row(name, "pixel_dice", NAN, note="no mask" + evil),
        Row("cohort:kermany" + evil, "label_dice", 0.9, "pbtseg/lungs" + evil, 0.85, 0.93, 48),
    ]  # fmt: skip
    samples = ["s1" + evil, "s2", "s3", "s4"]
    decided = ["kept", "kept", "rejected", "undecided"]
    reasons = ["", "", "anatomy 0.1 < 0.5" + evil, "anatomy has no evidence"]
    limits = {"expert": ["anatomy"], "quantile": 0.05, "threshold": 0.5, "n": 9, "note": evil}
    shown = [("caption" + evil, PNG, "alt" + evil)]
    recipe = {
        "name": name,
        "description": "painted" + evil,
        "verdicts": pd.DataFrame({"sample": samples, "verdict": decided, "reason": reasons}),
        "scores": pd.DataFrame({"sample": samples, "expert": "anatomy", "score": [1, 1, 0.1, NAN]}),
        "thresholds": pd.DataFrame(limits),
        **dict.fromkeys(("kept", "rejected", "undecided", "experts", "untrained"), shown),
        "untrained_said": "Untrained, it draws nothing." + evil,
        "metrics": {"image_auroc": shown[0]},
    }
    cohort = {"cohort": ["kermany" + evil], "origin": "real", "cases": 48, "findings": NAN}
    case = {"cohort": "kermany", "case": ["c1" + evil, "c2"], "status": ["rejected", "ok"]}
    label = {
        "cohort": ["kermany"],
        "by": "pbtseg",
        "structure": "heart" + evil,
        "status": "present",
    }
    return {
        "title": "Radiographs" + evil,
        "date": "2026-11-21" + evil,
        "cohorts": pd.DataFrame(cohort),
        "cases": pd.DataFrame({**case, "code": "io.crc" + evil, "message": "broken" + evil}),
        "labels": pd.DataFrame(label),
        "recipes": [recipe],
        "scorecard": card.build(numbers),
        "provenance": {"Code" + evil: {"draw" + evil: "3fa1" + evil, "commit": None}},
    }


def test_the_summary_tells_of_the_recipes_own_arm_with_the_most_cases():
    whole = {"recipe": "r", "metric": "image_auroc", "low": NAN, "high": NAN, "unit": "1"}
    whole |= {"published": NAN, "note": ""}
    arms = (("noise/site_b", 0.5, 90), ("r/site_a", 1.0, 23), ("r/site_b", 0.9, 60))
    rows = [whole | {"arm": arm, "value": value, "n": n} for arm, value, n in arms]
    (headline,) = headlines.of(rows, "r")
    assert (headline["estimate"], headline["n"]) == ("0.900 (interval not available)", 60)


def figures(*arms):
    whole = {"recipe": "r", "metric": "image_auroc", "low": NAN, "high": NAN, "unit": "1"}
    whole |= {"published": NAN, "note": ""}
    return [whole | {"arm": arm, "value": value, "n": n} for arm, value, n in arms]


@pytest.mark.parametrize(
    ("rival", "best", "beside"), [(0.95, "other", "0.900 (interval not available)"), (0.8, "r", "")]
)
def test_a_headline_names_the_arm_that_leads_and_the_own_one_beside_it(rival, best, beside):
    rows = figures(("r/far", 0.9, 60), ("other/far", rival, 60), ("other/near", 1.0, 20))
    (headline,) = headlines.of(rows, "r")
    assert (headline["arm"], headline["own"]) == (best, beside)


def test_a_figure_that_one_test_set_has_is_available():
    rows = figures(("r/far", NAN, 90), ("r/near", 0.3, 20), ("other/far", NAN, 90))
    (headline,) = headlines.of(rows, "r")
    assert headline["setting"] == "near"
    assert headline["estimate"].startswith("0.300")


def test_a_figure_that_only_a_rival_has_is_available():
    rows = figures(("r/far", NAN, 90), ("other/far", 0.4, 90))
    assert headlines.of(rows, "r")[0]["estimate"].startswith("0.400")


def test_where_arms_are_findings_and_no_rivals_the_best_is_not_picked():
    rows = [row | {"metric": "prompt_effect"} for row in figures(("a", 0.2, 9), ("b", 2.0, 8))]
    assert headlines.of(rows, "r")[0]["arm"] == "a"


@pytest.mark.parametrize("arm", ["emphysema/real", "emphysema/untrained"])
def test_what_real_images_or_untrained_networks_reach_is_no_headline_of_a_recipe(arm):
    rows = figures(("emphysema", -0.3, 8), (arm, 1.7, 45))
    rows = [row | {"metric": "prompt_effect"} for row in rows]
    assert headlines.of(rows, "r")[0]["estimate"].startswith("-0.300")


def test_the_page_is_whole_and_asks_nobody_for_anything():
    html = page.render(context())
    seen = Page(html)
    assert seen.open == []
    assert not seen.all("script")
    assert not seen.all("link")
    assert not re.search(r"https?:|//\w|@import|url\(", html)
    assert all(link["href"].startswith("#") for link in seen.all("a"))
    assert {link["href"][1:] for link in seen.all("a")} <= {a.get("id") for _, a in seen.tags}


def test_the_policy_allows_this_style_and_pictures_alone():
    html = page.render(context())
    (policy,) = (m["content"] for m in Page(html).all("meta") if "http-equiv" in m)
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy
    assert not [attrs for _, attrs in Page(html).tags if "style" in attrs]


def test_text_from_tables_is_shown_and_never_run():
    html = page.render(context(EVIL))
    seen = Page(html)
    assert seen.open == []
    assert not seen.all("script")
    assert not any(name.startswith("on") for _, attrs in seen.tags for name in attrs)
    assert all(image["src"].startswith("data:image/png;base64,") for image in seen.all("img"))
    assert seen.text.count("alert('x')") > 20


def test_the_page_tells_the_story_in_numbers():
    text = words(page.render(context()))
    assert "drew 4 synthetic images from real radiographs" in text
    assert "Every expert accepted 2 of them, 50 % (15 % to 85 %)" in text
    assert "Rejected: 1; undecided for lack of evidence: 1" in text
    assert "0.930 (0.880 to 0.960), arm artasyn, test set b" in text
    assert "refused by anatomy 1" in text
    assert "1 of 2 cases could not be used: io.crc 1" in text
    assert "yes, better" in text


def test_every_picture_has_words_in_its_place():
    images = Page(page.render(context())).all("img")
    assert len(images) == 6
    assert all(image["alt"] == "alt" for image in images)


def test_what_good_looks_like_is_said_for_every_metric():
    text = words(page.render(context()))
    for name in ("image_auroc", "image_auroc_gain", "pixel_dice"):
        assert card.metric(name).good in text


@pytest.mark.parametrize("missing", list(context()))
def test_a_page_without_one_part_says_so(missing):
    given = context()
    del given[missing]
    assert "not available" in words(page.render(given)) or missing == "title"


def test_a_page_without_anything_is_still_a_page():
    html = page.render({})
    assert Page(html).open == []
    assert words(html).count("not available") >= 10
    assert "nan" not in words(html).lower().split()


def test_no_cases_no_samples_and_no_rows_still_render():
    given = context()
    given["recipes"][0] = {"name": "artasyn"}
    for key in ("cohorts", "cases", "labels", "scorecard"):
        given[key] = given[key].iloc[:0]
    text = words(page.render(given))
    assert "Samples of the recipe artasyn: not available" in text
    assert "0 %" not in text


def test_a_number_that_is_not_known_reads_not_available_and_never_nan_or_0():
    given = context()
    given["scorecard"][["value", "low", "high"]] = NAN
    text = words(page.render(given))
    assert "nan" not in text.lower().split()
    assert "0.000" not in text
    assert text.count("not available") >= 8


def test_a_picture_that_is_gone_leaves_its_caption():
    given = context()
    given["recipes"][0]["kept"] = [("patch: 2 of 2", b"")]
    assert "Picture not available patch: 2 of 2" in words(page.render(given))


@pytest.mark.parametrize(
    ("kinds", "banner"),
    [
        (["phantom"], "PHANTOM DATA: no patient"), (["real"], "Made from REAL images"),
        (["real", "phantom"], "PHANTOMS AND REAL"), (["other"], "Origin of the source images: not"),
    ],
)  # fmt: skip
def test_phantom_or_patient_is_the_first_thing_said(kinds, banner):
    given = context()
    given["cohorts"] = pd.DataFrame({"cohort": [f"c{i}" for i in range(len(kinds))]})
    given["cohorts"]["origin"] = kinds
    assert banner in words(page.render(given))[:120]


def test_a_cohort_of_volumes_shows_pictures_measurements_and_opinions():
    own = "cohort:ct"
    numbers = [
        Row(own, "clinical_mean", 4.2, "lung_volume_l/threshold", 4.0, 4.4, 9, unit="L"),
        Row(own, "clinical_bias", 0.1, "lung_volume_l/threshold", 0.0, 0.2, 9, unit="L"),
    ]
    opinions = pd.DataFrame({"region": ["lungs"], "dice": [0.91], "status": ["agree"]})
    measured = pd.DataFrame({"region": ["nodule"] * 2, "lesion": [0, 1], "code": ["", "rad.empty"]})
    part = {"name": "ct", "modality": "CT", "pictures": [("slices", PNG)]}
    part |= {"opinions": opinions, "measured": measured}
    text = words(page.render({"volumes": [part], "scorecard": card.build(numbers)}))
    assert "volume of both lungsthreshold4.20 L (4.00 L to 4.40 L)0.100 L" in text
    assert "lungs0.910100" in text
    assert "nodule11rad.empty 1" in text


def test_a_page_without_volumes_has_no_part_on_them():
    assert "Volumes and their anatomy" not in page.render({})
