"""A volume reaches its grid with true millimeters, and labels find their way back."""

import json

import numpy as np
import pytest
from torsos import BALLS, ORIENTATIONS, center, dice, lungs_of, raw, stored, torso

from radfoundry.data import gate, preprocess
from radfoundry.data.preprocess import atlas
from radfoundry.volume import Volume

OBLIQUE = (12, -7, 5)
WAYS = {
    "as it is": {"crop_body": False},
    "cropped": {},
    "isotropic": {"spacing_mm": [1.5, 1.5, 1.5]},
    "coarser": {"spacing_mm": [3, 3, 3]},
    "MedSyn's grid": {"grid": [64, 64, 64]},
    "oblong grid": {"grid": [40, 64, 48]},
    "spacing and grid": {"spacing_mm": [2, 2, 2], "grid": [72, 64, 80]},
}
ways = pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)


def ready(image, options=None, modality="CT", **others):
    """Return the result and its record as a table would give it back."""
    result, record = preprocess.volumetric(raw(image), modality, options, **others)
    return result, json.loads(json.dumps(record, allow_nan=False))


@pytest.fixture(scope="module")
def straight():
    return torso()


@pytest.fixture(scope="module")
def oblique():
    return torso(degrees=OBLIQUE)


@pytest.mark.parametrize("number", range(48))
def test_how_a_file_stores_its_axes_changes_nothing(oblique, number):
    image, _, balls = oblique
    options = {"spacing_mm": [2.5, 2.5, 2.5]}
    expected, record = ready(image, options)
    turned, turned_record = ready(stored(image, ORIENTATIONS[number]), options)
    np.testing.assert_allclose(turned.affine, expected.affine, atol=1e-9)
    np.testing.assert_allclose(turned.voxels, expected.voxels, atol=1e-2)
    labels = preprocess.like(stored(balls, ORIENTATIONS[number]).voxels, turned_record)
    np.testing.assert_array_equal(labels, preprocess.like(balls.voxels, record))


@ways
@pytest.mark.parametrize("degrees", [(0, 0, 0), OBLIQUE], ids=["straight", "oblique"])
def test_labels_come_back_to_within_a_voxel(options, degrees):
    image, _, balls = torso(degrees=degrees)
    result, record = ready(image, options)
    back = preprocess.restore(preprocess.like(balls.voxels, record), record)
    assert (back.shape, back.dtype) == (balls.voxels.shape, np.uint8)
    assert set(np.unique(back)) == {0, *BALLS}
    voxel = max(*result.spacing_mm, *image.spacing_mm)
    for ball in BALLS:
        one, two = back == ball, balls.voxels == ball
        apart = center(one, image.affine) - center(two, image.affine)
        assert np.linalg.norm(apart) < 0.5 * voxel
        assert dice(one, two) > (0.75 if voxel > 3 else 0.85)


@ways
def test_a_millimeter_stays_where_it_was_in_the_patient(oblique, options):
    image, _, balls = oblique
    result, record = ready(image, options)
    np.testing.assert_array_equal(result.affine, record["affine"])
    labels = preprocess.like(balls.voxels, record)
    for ball in BALLS:
        there = center(labels == ball, result.affine)
        assert np.linalg.norm(there - center(balls.voxels == ball, image.affine)) < 1


@ways
def test_image_and_labels_stay_together(oblique, options):
    image, _, balls = oblique
    result, record = ready(image, options)
    inside = result.voxels[preprocess.like(balls.voxels, record) == 40]
    assert np.median(inside) > -50


@ways
def test_the_grid_is_the_one_asked_for_and_holds_the_body(straight, options):
    result, record = ready(straight[0], options)
    assert result.voxels.dtype == np.float32
    assert result.voxels.shape == tuple(record["shape"])
    assert result.voxels.shape == tuple(options.get("grid", result.voxels.shape))
    if "spacing_mm" in options:
        np.testing.assert_allclose(result.spacing_mm, options["spacing_mm"])
    there, here = (
        (one.voxels > -500).sum() * np.prod(one.spacing_mm) for one in (result, straight[0])
    )
    assert there == pytest.approx(here, rel=0.04)
    assert record["warnings"] == []


def test_a_grid_without_spacing_gets_cubes_as_small_as_hold_the_body(straight):
    result, _ = ready(straight[0], {"grid": [64, 64, 64], "margin_mm": 0})
    body = np.argwhere(result.voxels > -500)
    assert np.ptp(result.spacing_mm) < 1e-9
    assert np.ptp(body, axis=0).max() + 1 >= 58
    np.testing.assert_allclose((body.min(0) + body.max(0)) / 2, 31.5, atol=2.5)


def test_a_crop_copies_voxels_and_does_not_blur_them(straight):
    result, record = ready(straight[0], {"window_hu": [-1024, 3000]})
    assert np.prod(result.voxels.shape) < 0.9 * straight[0].voxels.size
    back = preprocess.restore(result.voxels, record, order=1)
    body = straight[0].voxels > -500
    np.testing.assert_array_equal(back[body], straight[0].voxels[body])


def test_beyond_the_scan_there_is_air_and_labels_end(straight):
    image, _, balls = straight
    result, record = ready(image, {"spacing_mm": [2, 2, 3], "grid": [120, 100, 90]})
    assert (result.voxels[0] == -1024).all()
    assert (preprocess.restore(np.full((120, 100, 90), 7, np.uint8), record) == 7).all()
    cropped, record = ready(image)
    back = preprocess.restore(cropped.voxels, record, order=1)
    assert (back[0, 0] == -1024).all()
    assert preprocess.restore(np.ones(cropped.voxels.shape, np.uint8), record)[0, 0].max() == 0


def test_padding_of_the_scanner_does_not_bleed_into_the_body(straight):
    padded = straight[0].voxels.copy()
    padded[padded < -950] = -3024
    plain, _ = ready(straight[0].holding(np.maximum(straight[0].voxels, -1000)), {"grid": [40] * 3})
    result, _ = ready(straight[0].holding(padded), {"grid": [40] * 3})
    assert np.abs(result.voxels - plain.voxels).max() <= 40
    assert result.voxels.min() >= -1024


def test_the_window_clips_and_leaves_hounsfield_units(straight):
    result, record = ready(straight[0], {"window_hu": [-900, 20]})
    assert (result.voxels.min(), result.voxels.max()) == (-900, 20)
    assert record["window"] == [-900, 20]
    assert -870 < np.median(result.voxels[(result.voxels > -890) & (result.voxels < -700)]) < -840


def test_shrinking_averages_noise_where_plain_interpolation_would_keep_it(straight):
    noise = np.random.default_rng(0).normal(0, 100, straight[0].voxels.shape).astype(np.float32)
    result, _ = ready(straight[0].holding(noise), {"spacing_mm": [8, 8, 9], "crop_body": False})
    assert result.voxels[2:-2, 2:-2, 2:-2].std() < 15


def test_a_body_that_does_not_fit_is_warned_of(straight):
    _, record = ready(straight[0], {"spacing_mm": [1, 1, 1], "grid": [64, 64, 64]})
    assert record["warnings"] == ["geo.body_cropped"]


def test_a_table_is_no_body(straight):
    image, _, _ = torso(shape=(72, 76, 52))
    table = image.voxels.copy()
    table[:, 2:4] = 300  # 4 mm thick, below the patient
    plain, _ = ready(image)
    result, _ = ready(image.holding(table))
    assert result.voxels.shape == plain.voxels.shape


@pytest.fixture(scope="module")
def rough():
    return torso((6.0, 5.0, 7.0), (24, 22, 22))


@pytest.fixture(scope="module")
def magnetic(rough):
    """Return an MR of the torso: bright tissue, dark lungs, noise, values of no unit."""
    image, lungs, balls = rough
    tissue = np.where(image.voxels > -500, 300.0, 0.0) + 500 * (balls.voxels > 0)
    tissue[lungs.voxels > 0] = np.where(balls.voxels[lungs.voxels > 0] > 0, 800, 60)
    noise = np.random.default_rng(1).normal(0, 5, (2, *tissue.shape))
    return image.holding(np.hypot(tissue + noise[0], noise[1]).astype(np.float32))


def shaded(image):
    ramp = np.linspace(-0.7, 0.7, image.voxels.shape[0])[:, None, None]
    return image.holding((image.voxels * np.exp(ramp)).astype(np.float32))


def test_an_mr_ends_in_zero_to_one_whatever_its_scale(magnetic):
    first, record = ready(magnetic, {"bias_correction": False}, "MR")
    second, _ = ready(magnetic.holding(17 * magnetic.voxels + 3), {"bias_correction": False}, "MR")
    assert (first.voxels.min(), first.voxels.max()) == (0, 1)
    assert np.abs(first.voxels - second.voxels).mean() < 0.01
    assert (record["outside"], record["bias_corrected"]) == (0, False)


def unevenness(result, record, drawn):
    """Return the ratio of muscle at the right to muscle at the left."""
    image, lungs, balls = drawn
    muscle = (image.voxels > 0) & (lungs.voxels == 0) & (balls.voxels == 0)
    muscle = preprocess.like(muscle, record)
    half = muscle.shape[0] // 2
    sides = [result.voxels[part][muscle[part]] for part in (np.s_[:half], np.s_[half:])]
    return float(np.median(sides[1]) / np.median(sides[0]))


def test_shading_of_the_coil_is_evened_out(magnetic, rough):
    uneven = unevenness(*ready(shaded(magnetic), {"bias_correction": False}, "MR"), rough)
    result, record = ready(shaded(magnetic), {}, "MR")
    assert record["bias_corrected"]
    assert uneven > 1.3
    assert unevenness(result, record, rough) == pytest.approx(1, abs=0.12)


def test_equal_inputs_give_equal_bytes_and_are_left_alone(magnetic):
    before = magnetic.voxels.copy()
    first, second = (ready(magnetic, {"grid": [32] * 3}, "MR") for _ in range(2))
    assert first[0].voxels.tobytes() == second[0].voxels.tobytes()
    assert first[1] == second[1]
    np.testing.assert_array_equal(magnetic.voxels, before)


@pytest.fixture(scope="module")
def mean_lungs():
    drawn = (torso(stretch=stretch)[1] for stretch in (0.9, 1.1))
    masks = [lungs.holding(lungs.voxels > 0) for lungs in drawn]
    return atlas.build(masks, (48, 40, 44), (3.0, 3.0, 3.0), rounds=1)


@pytest.fixture(scope="module")
def laid(mean_lungs):
    """Return a smaller, oblique patient and how he came onto the atlas."""
    patient = torso(stretch=0.85, degrees=OBLIQUE)
    options = {"atlas": True, "grid": [48, 40, 44]}
    return patient, ready(patient[0], options, atlas=mean_lungs, lungs=lungs_of)


def test_an_atlas_brings_lungs_where_its_own_lie(laid, mean_lungs):
    patient, (result, record) = laid
    np.testing.assert_array_equal(result.affine, mean_lungs.affine)
    lungs = preprocess.like(patient[1].voxels, record) > 0
    assert dice(lungs, mean_lungs.voxels > 0) > 0.9
    assert record["atlas_dice"][1] > 0.9 > record["atlas_dice"][0]
    assert record["warnings"] == []
    assert np.median(result.voxels[lungs]) == pytest.approx(-850, abs=20)


def test_volumes_on_an_atlas_can_be_corrected(laid):
    (_, lungs, _), (result, record) = laid
    there = (preprocess.like(lungs.voxels, record) > 0).sum() * np.prod(result.spacing_mm)
    here = (lungs.voxels > 0).sum() * np.prod(lungs.spacing_mm)
    assert there / record["volume_scale"] == pytest.approx(here, rel=0.03)
    assert there / here > 1.3


def test_the_transform_leads_from_the_patient_to_the_atlas(laid):
    (_, _, balls), (result, record) = laid
    labels = preprocess.like(balls.voxels, record)
    for ball in BALLS:
        place = np.array(record["transform"]) @ [*center(balls.voxels == ball, balls.affine), 1]
        assert np.linalg.norm(center(labels == ball, result.affine) - place[:3]) < 1.5


def test_labels_come_back_from_an_atlas(laid):
    (_, lungs, _), (_, record) = laid
    back = preprocess.restore(preprocess.like(lungs.voxels, record), record)
    assert set(np.unique(back)) == {0, 1, 2}
    for side in (1, 2):
        assert dice(back == side, lungs.voxels == side) > 0.9


def test_a_case_without_lungs_is_rejected(straight, mean_lungs):
    def nothing(image):
        return np.zeros(image.voxels.shape, bool)

    with pytest.raises(gate.GateError, match=r"atlas\.no_lungs"):
        ready(straight[0], {"atlas": True}, atlas=mean_lungs, lungs=nothing)


def test_an_atlas_asked_for_and_not_given_is_told(straight, mean_lungs):
    with pytest.raises(ValueError, match="needs the atlas"):
        ready(straight[0], {"atlas": True}, lungs=lungs_of)
    with pytest.raises(ValueError, match="is not the atlas's"):
        ready(straight[0], {"atlas": True, "grid": [8] * 3}, atlas=mean_lungs, lungs=lungs_of)


@pytest.mark.parametrize(
    ("modality", "options"),
    [
        ("CXR", {}),
        ("CT", {"size": 128}),
        ("MR", {"window_hu": [0, 1]}),
        ("CT", {"grid": [64, 64]}),
        ("CT", {"grid": [64, 64, 0]}),
        ("CT", {"spacing_mm": [1, 1, float("nan")]}),
        ("CT", {"window_hu": [600, -1024]}),
        ("CT", {"margin_mm": -1}),
        ("MR", {"percentiles": [60, 40]}),
    ],
)
def test_a_wrong_option_is_told(straight, modality, options):
    with pytest.raises(ValueError, match="choose from|must rise|at least"):
        ready(straight[0], options, modality)


@pytest.mark.parametrize(
    ("voxels", "options", "code"),
    [
        (np.full((30, 30, 30), -900.0), {}, "int.constant"),
        (np.full((30, 30, 2), 40.0), {}, "geo.small"),
        (np.full((30, 30, 1), 40.0), {}, "geo.ndim"),
        (np.full((30, 30, 30), 40.0), {"spacing_mm": [0.05] * 3}, "geo.too_large"),
    ],
    ids=["all air", "two slices", "one slice", "terabytes"],
)
def test_a_volume_that_cannot_be_used_is_rejected(voxels, options, code):
    image = Volume(voxels.astype(np.float32), np.diag([5.0, 5.0, 5.0, 1.0]))
    with pytest.raises(gate.GateError) as error:
        ready(image, options)
    assert error.value.code == code


def plane(shape=(40, 50, 1)):
    """Return a slice of an MR: a bright square that rises along x, in air."""
    voxels = np.zeros(shape, np.float32)
    voxels[8:32, 10:40] = np.linspace(50, 200, len(voxels[8:32]))[:, None, None]
    return Volume(voxels, np.diag([-1.0, -1.0, 6.0, 1.0]))


SLICES = {"slices": True, "bias_correction": False, "crop_body": False, "percentiles": [0, 100]}


def test_a_slice_is_a_volume_of_one_plane_where_a_cohort_takes_slices():
    stored = plane()
    result, record = ready(stored, SLICES, "MR")
    assert (result.voxels.shape, result.spacing_mm) == ((40, 50, 1), (1.0, 1.0, 6.0))
    marks = (stored.voxels > 100).astype(np.uint8)
    np.testing.assert_array_equal(preprocess.restore(preprocess.like(marks, record), record), marks)


def test_a_slice_is_brought_to_another_spacing_within_its_plane():
    result, _ = ready(plane(), SLICES | {"spacing_mm": [2, 2, 6]}, "MR")
    assert result.voxels.shape == (20, 25, 1)


def test_a_lone_slice_of_an_mr_is_refused_unless_slices_are_asked_for():
    with pytest.raises(gate.GateError, match=r"geo\.ndim.*slices: true"):
        ready(plane(), {"bias_correction": False}, "MR")
    with pytest.raises(gate.GateError, match=r"geo\.small"):
        ready(plane((3, 50, 1)), SLICES, "MR")


def test_labels_of_another_grid_are_refused(straight):
    _, record = ready(straight[0])
    for move in (preprocess.like, preprocess.restore):
        with pytest.raises(ValueError, match="the record is of"):
            move(np.zeros((5, 5, 5), np.uint8), record)
    with pytest.raises(ValueError, match="order 3"):
        preprocess.restore(np.zeros(record["shape"], np.uint8), record, order=3)


def test_warnings_of_the_gate_go_on(straight):
    warned = gate.Raw(straight[0], "", True, ("geo.orthonormalised",))
    _, record = preprocess.volumetric(warned, "CT")
    assert record["warnings"] == ["geo.orthonormalised"]


def test_masks_of_a_real_scan_survive_a_small_grid(shared_data):
    folder = shared_data / "ct_totalseg_example"
    read = gate.read(folder / "ct_3mm.nii.gz", modality="CT")
    result, record = preprocess.volumetric(read, "CT", {"grid": [64, 64, 64]})
    tissue = (read.image.voxels > -500).astype(np.uint8)
    back = preprocess.restore(preprocess.like(tissue, record), record) > 0
    assert dice(back, tissue > 0) > 0.95
    assert (result.voxels > -500).sum() * np.prod(result.spacing_mm) == pytest.approx(
        tissue.sum() * 27, rel=0.05
    )
