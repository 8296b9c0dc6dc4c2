"""Pictures of drawn volumes for the report."""

from dataclasses import replace

import pandas as pd
import pytest
from chests import chest
from drawn_volumes import phantoms

from radfoundry.report import exhibits, page, samples
from radfoundry.report.slices import VolumePicture


def pictured(title, anatomy=True):
    case = phantoms(1, seed=4)[0]
    return VolumePicture(title, case.image, case.anatomy if anatomy else None)


def test_a_montage_of_volumes_tells_what_was_asked_for_and_how_many_there_are():
    shown = exhibits.of_volumes(
        [pictured("syn-1: no finding"), pictured("syn-2: nodule")], "kept", 9
    )
    assert len(shown) == 1
    assert shown[0].caption.startswith("2 of 9 kept samples")
    assert "labels drawn with it" in shown[0].caption
    assert "syn-2: nodule" in shown[0].alt
    assert shown[0].png.startswith(b"\x89PNG")


def test_volumes_without_labels_are_said_to_have_none():
    shown = exhibits.of_volumes([pictured("syn-1: no finding", anatomy=False)], "rejected", 1)
    assert "labels" not in shown[0].caption + shown[0].alt


def test_no_volume_gives_no_montage():
    assert exhibits.of_volumes([], "kept", 0) == []


def test_what_untrained_networks_draw_stands_below_the_trained_of_the_same_request():
    first, second = (replace(case, facts={"findings": "nodule"}) for case in phantoms(2, seed=4))
    (shown,) = samples.beside_untrained([first], [replace(second, name=first.name)], "CT")
    assert shown.caption == "1 request, each drawn by trained and by untrained networks"
    assert shown.alt.endswith(f"{first.name}: nodule, trained; {first.name}: nodule, untrained.")
    assert samples.beside_untrained([], [], "CT") == []
    recipe = {
        "name": "r",
        "modality": "CT",
        "untrained": [shown],
        "untrained_said": "It drew none.",
    }
    assert "It drew none. It is drawn to be measured" in page.render({"recipes": [recipe]})
    assert "its network untrained" not in page.render({"recipes": [{"name": "r"}]})


def test_a_title_names_findings_and_as_many_reasons_as_fit():
    reason = "; ".join(f"expert{n} 0.1 < 0.2 (quantile 0.05 of 40 real cases)" for n in range(3))
    title = exhibits.titled("syn-1", "pleural_effusion|nodule", reason)
    assert title.startswith("syn-1: pleural effusion, nodule (expert0 0.1 < 0.2")
    assert title.endswith("…)")
    assert len(title) < 150


@pytest.mark.parametrize(("modality", "flat"), [("CT", False), ("CXR", True)])
def test_the_page_speaks_of_sources_only_where_samples_start_from_one(modality, flat):
    verdicts = pd.DataFrame({"sample": ["s"], "verdict": ["kept"], "reason": [""]})
    cohorts = pd.DataFrame({"cohort": ["c"], "origin": ["real"]})
    recipe = {"name": "r", "modality": modality, "verdicts": verdicts}
    html = page.render({"recipes": [recipe], "cohorts": cohorts})
    assert ("real radiographs" in html) == flat
    assert ("the source image, the synthetic image made from it" in html) == flat
    assert ("No source is shown" in html) != flat
    assert ("networks that learned from real ones" in html) != flat


def test_radiographs_drawn_from_nothing_are_not_said_to_be_made_from_their_source():
    recipe, cohorts = {"name": "r", "edited": False}, {"cohort": ["c"], "origin": ["real"]}
    html = page.render({"recipes": [recipe], "cohorts": pd.DataFrame(cohorts)})
    assert "made from it" not in html
    assert "of which the sample takes no more than the organ map" in html
    assert "networks that learned from real ones" in html


def test_a_radiograph_of_trained_networks_stands_beside_that_of_untrained_ones():
    drawn = replace(chest(), facts={"findings": "opacity"})
    (shown,) = samples.beside_untrained([drawn], [replace(drawn)], "CXR")
    assert shown.caption == "1 request, each drawn by trained and by untrained networks"
    assert "case-1: opacity" in shown.alt
    assert samples.beside_untrained([], [], "CXR") == []
