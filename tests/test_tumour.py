"""Tumour phantoms: what is measured in an image is what the parameters asked for."""

import json
from itertools import pairwise

import numpy as np
import pytest
from skimage import measure

from radfoundry.anatomy import regions
from radfoundry.phantoms import tumour
from radfoundry.phantoms._bodies import tumours

ORGANS = sorted(tumour.ORGANS)


def planned(organ="kidney_ct", seed=0, **options):
    options = {"patients": 2, "size": 32, "organ": organ} | options
    return tumour.plan(options, np.random.default_rng(seed))


def asked(shape=None, core=None, rim=None, organ="kidney_ct", **options):
    parameters = json.loads(planned(organ, patients=1, **options)["parameters"][0])
    parameters["tumour"] |= {"diameter_mm": 40.0, "elongation": 1.0, "sphericity": 1.0}
    parameters["tumour"] |= {"center_mm": [0, 0, 0], "core_share": 0.4} | (shape or {})
    for finding in parameters["findings"]:
        finding |= (core if finding["name"] == "tumour_core" else rim) or {}
    return tumour.draw(parameters)


def whole(case):
    return case.findings > 0


def voxels(case, region):
    return case.image.voxels[regions.mask(case.findings, region)]


def elongation(case):
    places = np.argwhere(whole(case)) * case.image.spacing_mm
    spread = np.sort(np.linalg.eigvalsh(np.cov(places.T)))
    return np.sqrt(spread[1] / spread[2])


def sphericity(case):
    mask = np.pad(whole(case), 1).astype(float)
    vertices, faces, _, _ = measure.marching_cubes(mask, 0.5, spacing=case.image.spacing_mm)
    volume = whole(case).sum() * np.prod(case.image.spacing_mm)
    return (36 * np.pi * volume**2) ** (1 / 3) / measure.mesh_surface_area(vertices, faces)


@pytest.mark.parametrize("organ", ORGANS)
def test_core_and_rim_lie_in_their_organ(organ):
    case = tumour.draw(json.loads(planned(organ)["parameters"][0]))
    structure = tumour.ORGANS[organ]["structure"]
    assert set(np.unique(case.findings)) == {0, 47, 48}
    assert regions.mask(case.anatomy, structure)[whole(case)].all()
    assert regions.mask(case.anatomy, structure).sum() > whole(case).sum()
    assert regions.mask(case.anatomy, "organ").any()


@pytest.mark.parametrize("organ", ORGANS)
def test_outside_the_tumour_the_image_is_the_same_bit_for_bit(organ):
    parameters = json.loads(planned(organ)["parameters"][0])
    sick, well = tumour.draw(parameters), tumour.draw(parameters | {"findings": []})
    outside = ~whole(sick)
    np.testing.assert_array_equal(sick.image.voxels[outside], well.image.voxels[outside])
    assert np.abs(sick.image.voxels - well.image.voxels)[~outside].mean() > 5
    assert not well.findings.any()


@pytest.mark.parametrize("organ", ORGANS)
def test_an_organ_is_seen_among_other_tissues(organ):
    case = tumour.draw(json.loads(planned(organ, findings={})["parameters"][0]))
    inside = regions.mask(case.anatomy, tumour.ORGANS[organ]["structure"])
    assert 0.01 < inside.mean() < 0.8
    assert case.image.voxels.std() > 50
    assert np.isfinite(case.image.voxels).all()
    assert organ.endswith("ct") or case.image.voxels.min() >= 0


def test_volume_is_that_of_the_asked_diameter():
    for diameter in (18.0, 30.0, 45.0):
        case = asked({"diameter_mm": diameter, "sphericity": 0.8, "elongation": 0.7})
        volume = whole(case).sum() * np.prod(case.image.spacing_mm)
        assert volume == pytest.approx(np.pi / 6 * diameter**3, rel=0.02)


def test_the_core_has_its_share_of_the_volume():
    for share in (0.1, 0.3, 0.5):
        case = asked({"core_share": share})
        core = regions.mask(case.findings, "tumour_core").sum()
        assert core / whole(case).sum() == pytest.approx(share, abs=0.01)


def test_elongation_is_as_asked():
    for value in (0.5, 0.7, 0.9):
        assert elongation(asked({"elongation": value})) == pytest.approx(value, abs=0.06)


def test_a_tumour_asked_to_be_less_spherical_is():
    found = [sphericity(asked({"sphericity": s}, size=48)) for s in (0.95, 0.85, 0.75, 0.65)]
    assert all(first > second + 0.02 for first, second in pairwise(found))


@pytest.mark.parametrize("organ", ORGANS)
@pytest.mark.parametrize("region", ["tumour_core", "tumour_rim"])
def test_mean_is_as_asked(organ, region):
    for mean in tumour.ORGANS[organ][region.removeprefix("tumour_")][0]:
        part = {region.removeprefix("tumour_"): {"mean": mean, "heterogeneity": 10.0}}
        case = asked(organ=organ, **part)
        assert np.mean(voxels(case, region)) == pytest.approx(mean, abs=max(4, 0.08 * mean))


@pytest.mark.parametrize("organ", ["kidney_ct", "breast_mr"])
def test_heterogeneity_follows_what_is_asked(organ):
    found = [np.std(voxels(asked(organ=organ, rim={"heterogeneity": h}), "tumour_rim"))
             for h in (5.0, 40.0, 80.0)]  # fmt: skip
    assert found[0] < found[1] < found[2]
    assert found[2] == pytest.approx(80, rel=0.15)


def test_a_coarser_texture_changes_less_from_voxel_to_voxel():
    steps = []
    for size in (3.0, 8.0, 20.0):
        case = asked(core={"texture_mm": size, "heterogeneity": 60.0}, shape={"core_share": 0.6})
        core = regions.mask(case.findings, "tumour_core")
        both = core[1:] & core[:-1]
        steps.append(np.abs(np.diff(case.image.voxels, axis=0))[both].mean())
    assert steps[0] > steps[1] > steps[2]


def test_prevalence_is_the_share_of_cases_with_a_tumour():
    rows = planned(patients=60, findings={"tumour": 0.5})
    assert 0.3 < (rows["findings"] == "tumour_core|tumour_rim").mean() < 0.7
    assert set(rows["findings"]) == {"", "tumour_core|tumour_rim"}
    assert (planned(findings={})["findings"] == "").all()


def test_a_spacing_that_is_asked_for_is_the_images():
    case = tumour.draw(json.loads(planned(spacing=2.5)["parameters"][0]))
    assert case.image.spacing_mm == pytest.approx((2.5, 2.5, 2.5))


def test_an_unknown_organ_is_refused_with_the_organs_there_are():
    with pytest.raises(ValueError, match="choose from kidney_ct"):
        planned("liver_ct")


@pytest.mark.parametrize("name", ["elongation", "sphericity"])
def test_impossible_shapes_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 1.5"):
        asked({name: 1.5})


def test_a_core_that_fills_everything_is_refused():
    with pytest.raises(ValueError, match="core_share is 1"):
        tumours.regions({"elongation": 1, "sphericity": 1}, 1.0, None)
