"""A radiograph reaches its canvas upright, positive, in [0, 1], and labels find their way back."""

import json

import numpy as np
import pytest
from chests import chest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.data import gate, preprocess
from radfoundry.data.preprocess import orientation

TURNS = range(4)
LARGE = ("cxr_kermany_224", "cxr_nih_256")
HARD = ("person1471_bacteria_3831", "00002582_008", "00003490_010", "00003510_007")


def raw_of(picture, spacing_mm=None, facts=None):
    image = volume.radiograph(np.asarray(picture, np.float32), spacing_mm or 1.0)
    return gate.Raw(image, "", spacing_mm is not None, facts=facts or {})


@pytest.fixture(scope="module")
def picture():
    """Return a chest, wider than high, in raw units."""
    return 4000 * volume.picture(chest(size=200, seed=1).image.voxels)[20:180] + 100


def seen(image):
    return volume.picture(image.voxels)


def test_the_canvas_is_square_in_zero_to_one_with_the_aspect_kept(picture):
    image, record = preprocess.radiograph(raw_of(picture), {"size": 96, "crop": False})
    assert image.voxels.shape == (96, 1, 96)
    assert image.voxels.dtype == np.float32
    assert (image.voxels.min(), image.voxels.max()) == (0, 1)
    assert record["resized"] == [round(96 * 160 / 200), 96]


def test_one_percentile_of_outliers_does_not_set_the_window(picture):
    marked = picture.copy()
    marked[:5, :5] = 1e6
    plain, _ = preprocess.radiograph(raw_of(picture))
    image, _ = preprocess.radiograph(raw_of(marked))
    assert abs(np.median(image.voxels) - np.median(plain.voxels)) < 0.02


def test_padding_does_not_change_what_the_window_is(picture):
    framed = np.pad(picture, ((0, 0), (40, 40)), constant_values=picture.min())
    _, record = preprocess.radiograph(raw_of(framed))
    _, plain = preprocess.radiograph(raw_of(picture))
    np.testing.assert_allclose(record["window"], plain["window"], rtol=0.02)


def test_the_pixel_size_grows_as_the_picture_shrinks(picture):
    image, _ = preprocess.radiograph(raw_of(picture, 0.5), {"size": 100, "crop": False})
    assert image.spacing_mm == pytest.approx((1.0, 1.0, 1.0))


def test_a_spacing_from_the_table_fills_in_where_the_file_has_none(picture):
    filled = preprocess.with_spacing(raw_of(picture), 0.2)
    assert filled.spacing_known
    assert filled.image.spacing_mm[0] == pytest.approx(0.2)
    assert preprocess.with_spacing(raw_of(picture, 0.5), 0.2).image.spacing_mm[0] == 0.5
    assert not preprocess.with_spacing(raw_of(picture), float("nan")).spacing_known


def test_oblong_pixels_are_made_square(picture):
    raw = raw_of(picture[::2], 0.5)
    affine = np.diag([0.5, 1.0, 1.0, 1.0])
    oblong = gate.Raw(volume.Volume(raw.image.voxels, affine), "", True)
    _, record = preprocess.radiograph(oblong, {"crop": False, "size": 100})
    assert record["resized"] == [80, 100]


@pytest.mark.parametrize("turn", TURNS)
def test_labels_come_back_to_the_grid_they_came_from(picture, turn):
    turned = np.rot90(picture, turn)
    labels = volume.plane((turned > 2500).astype(np.uint8) * 21)
    raw = raw_of(turned)
    _, record = preprocess.radiograph(raw, {"size": 256, "rotation": "fix"})
    record = json.loads(json.dumps(record))
    small = preprocess.like(labels, record)
    back = preprocess.restore(small, record)
    assert small.shape == (256, 1, 256)
    assert set(np.unique(small)) == {0, 21}
    assert back.shape == labels.shape
    assert (back == labels).mean() > 0.995


@pytest.mark.parametrize("turn", TURNS)
def test_an_image_comes_back_smoothly_where_asked(picture, turn):
    raw = raw_of(np.rot90(picture, turn))
    image, record = preprocess.radiograph(raw, {"size": 256, "rotation": "fix", "crop": False})
    back = preprocess.restore(image.voxels, record, order=1)
    assert (back.shape, back.dtype) == (raw.image.voxels.shape, np.float32)
    low, high = record["window"]
    expected = np.clip((raw.image.voxels - low) / (high - low), 0, 1)
    assert np.abs(back - expected).mean() < 0.01


def test_a_restoration_of_another_order_is_refused(picture):
    image, record = preprocess.radiograph(raw_of(picture))
    with pytest.raises(ValueError, match="order 2"):
        preprocess.restore(image.voxels, record, order=2)


def test_image_and_labels_stay_together(picture):
    labels = volume.plane((picture > 2500).astype(np.uint8))
    image, record = preprocess.radiograph(raw_of(picture), {"size": 100})
    inside = preprocess.like(labels, record) == 1
    assert image.voxels[inside].min() > image.voxels[~inside].mean()


def test_labels_of_another_grid_are_refused(picture):
    _, record = preprocess.radiograph(raw_of(picture))
    with pytest.raises(ValueError, match="the record is of"):
        preprocess.like(np.zeros((10, 1, 10), np.uint8), record)


def test_an_inverted_image_is_mended_warned_of_or_rejected_as_asked(picture):
    plain, _ = preprocess.radiograph(raw_of(picture))
    mended, record = preprocess.radiograph(raw_of(-picture))
    np.testing.assert_allclose(mended.voxels, plain.voxels, atol=1e-5)
    assert "pose.inverted" in record["warnings"]
    left, record = preprocess.radiograph(raw_of(-picture), {"polarity": "warn"})
    assert record["warnings"] == ["pose.inverted"]
    assert np.corrcoef(left.voxels.ravel(), plain.voxels.ravel())[0, 1] < 0
    with pytest.raises(gate.GateError, match=r"pose\.inverted"):
        preprocess.radiograph(raw_of(-picture), {"polarity": "reject"})


def test_a_file_that_states_its_polarity_is_believed(picture):
    stated = raw_of(-picture, facts={"photometric": "MONOCHROME2"})
    _, record = preprocess.radiograph(stated)
    assert not record["inverted"]
    assert record["warnings"] == ["pose.inverted"]


@pytest.mark.parametrize("turn", TURNS[1:])
def test_a_turned_image_is_rejected_or_mended_as_asked(picture, turn):
    turned = np.rot90(picture, turn)
    with pytest.raises(gate.GateError, match=r"pose\.rotated"):
        preprocess.radiograph(raw_of(turned))
    mended, record = preprocess.radiograph(raw_of(turned), {"rotation": "fix"})
    assert record["quarter_turns"] == 4 - turn
    plain, _ = preprocess.radiograph(raw_of(picture))
    assert np.corrcoef(mended.voxels.ravel(), plain.voxels.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    "options", [{"sise": 3}, {"size": 4}, {"polarity": "guess"}, {"percentiles": (60, 40)}]
)
def test_a_wrong_option_is_told(picture, options):
    with pytest.raises(ValueError, match="choose from|at least|must rise"):
        preprocess.radiograph(raw_of(picture), options)


def test_inputs_are_left_alone_and_equal_inputs_give_equal_bytes(picture):
    raw = raw_of(picture)
    before = raw.image.voxels.copy()
    first, second = (preprocess.radiograph(raw)[0].voxels.tobytes() for _ in range(2))
    assert first == second
    np.testing.assert_array_equal(raw.image.voxels, before)


def test_pixels_that_show_no_chest_are_called_upright_and_positive():
    noise = np.random.default_rng(0).normal(size=(80, 80))
    pose = orientation.detect(noise)
    assert (pose.quarter_turns, pose.inverted) == (0, False)


def hard(paths):
    """Return upright films that were once called turned."""
    return [path for path in paths if path.stem in HARD]


@pytest.fixture(scope="module")
def real_pictures(shared_data):
    """Return real radiographs stored upright: every fifth, of the two large sets every 25th."""
    paths = [*shared_data.glob("cxr_*/images/*"), *shared_data.glob("cxr_gb*/*/image.jpg")]
    upright = [path for path in sorted(paths) if path.stem != "00008980_003"]
    large = [path for path in upright if path.parts[-3] in LARGE]
    chosen = [path for path in upright if path not in large][::5] + large[::25] + hard(large)
    return [volume.picture(gate.read(path).image.voxels) for path in chosen]


def test_no_real_radiograph_is_falsely_called_turned_or_inverted(real_pictures):
    poses = [orientation.detect(picture) for picture in real_pictures]
    assert not any(one.inverted or one.quarter_turns for one in poses)


def test_nearly_all_inverted_or_turned_real_radiographs_are_noticed(real_pictures):
    count = len(real_pictures)
    assert sum(orientation.detect(-one).inverted for one in real_pictures) >= 0.95 * count
    for turn in TURNS[1:]:
        right = [
            orientation.detect(np.rot90(one, turn)).quarter_turns == 4 - turn
            for one in real_pictures
        ]
        assert sum(right) >= 0.9 * count


def test_the_radiograph_on_its_side_is_noticed(shared_data):
    raw = gate.read(shared_data / "cxr_nih14/images/00008980_003.png")
    with pytest.raises(gate.GateError, match=r"pose\.rotated"):
        preprocess.radiograph(raw)


def test_real_lung_masks_survive_the_way_there_and_back(shared_data):
    for path in sorted((shared_data / "cxr_hannover_lungs/lung_masks").glob("*.png"))[::14]:
        raw = gate.read(shared_data / "cxr_hannover_lungs/images" / path.name)
        labels, _ = gate.read_labels(path, {255: "lungs", 127: "ignore"}, raw.image)
        _, record = preprocess.radiograph(raw, {"size": 256})
        back = preprocess.restore(preprocess.like(labels, record), record)
        one, two = regions.mask(labels, "lungs"), regions.mask(back, "lungs")
        assert 2 * (one & two).sum() / (one.sum() + two.sum()) > 0.98
