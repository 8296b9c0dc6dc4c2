"""Pictures of volumes lie as radiologists view them, keep proportions, and show the lesion."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from radfoundry.anatomy import regions
from radfoundry.phantoms import chest_ct
from radfoundry.report import overlays, slices
from radfoundry.report.slices import VolumePicture
from radfoundry.volume import Volume

SHAPE = (40, 30, 20)
SPACING = (2.0, 2.0, 5.0)
MARKER = (34, 25, 17)  # high x, y and z: right, front, head


def body(marker_hu=3000):
    """Return a CT of soft tissue to the borders with one bright voxel."""
    hu = np.zeros(SHAPE, np.float32)
    hu[MARKER] = marker_hu
    return Volume(hu, np.diag([*SPACING, 1.0]))


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("axis", "row", "column"),
    [
        (2, 30 - 1 - 25, 40 - 1 - 34),  # axial: front up, patient's right at the left
        (1, 20 - 1 - 17, 40 - 1 - 34),  # coronal: head up, patient's right at the left
        (0, 20 - 1 - 17, 30 - 1 - 25),  # sagittal: head up, front at the left
    ],
)
def test_slices_lie_as_a_radiologist_views_them(axis, row, column):
    picture = slices.viewed(body().voxels, axis, MARKER[axis])
    assert np.argwhere(picture == 3000).tolist() == [[row, column]]


def test_slices_go_through_the_largest_part_of_the_largest_lesion():
    findings = np.zeros(SHAPE, np.uint8)
    findings[30:36, 20:24, 10:14] = regions.label_id("nodule")
    findings[28:38, 22, 12] = regions.label_id("nodule")
    findings[1:3, 1:3, 1:3] = regions.label_id("nodule")
    x, y, z = slices.center(VolumePicture("lesion", body(), None, findings))
    assert (30 <= x < 36, y, z) == (True, 22, 12)


def test_without_a_lesion_slices_go_through_the_lungs_and_the_right_one():
    masks = {name: np.zeros(SHAPE, bool) for name in ("lung_right", "lung_left")}
    masks["lung_right"][25:36, 5:25, 4:16] = True
    masks["lung_left"][4:15, 5:25, 4:16] = True
    case = VolumePicture("lungs", body(), regions.compose(masks))
    assert slices.center(case) == (30, 14, 9)


def test_without_labels_slices_go_through_the_middle_and_a_wish_comes_first():
    assert slices.center(VolumePicture("plain", body())) == (20, 15, 10)
    assert slices.center(VolumePicture("plain", body(), center=(1, 2, 3))) == (1, 2, 3)


def edges(png):
    """Return width and height in pixels of each gray panel, from left to right."""
    gray = pixels(png)
    inside = (np.ptp(gray, axis=2) == 0) & (gray[..., 0] > 150) & (gray[..., 0] < 220)
    columns = np.flatnonzero(inside.sum(0) > 100)
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)
    return [(len(g), np.ptp(np.flatnonzero(inside[:, g[len(g) // 3]])) + 1) for g in groups]


def test_panels_are_as_long_and_wide_as_the_body_in_millimeters():
    panels = edges(slices.montage([VolumePicture("plain", body())]))
    millimeters = [(80, 60), (80, 100), (60, 100)]
    scale = panels[0][0] / 80
    for (wide, tall), (across, up) in zip(panels, millimeters, strict=True):
        assert wide == pytest.approx(across * scale, abs=3)
        assert tall == pytest.approx(up * scale, abs=3)


def test_labels_double_the_panels_and_add_a_legend():
    labels = np.where(body().voxels > -1, regions.label_id("heart"), 0).astype(np.uint8)
    plain, labeled = (
        pixels(slices.montage([VolumePicture("one", body(), given)])) for given in (None, labels)
    )
    assert (np.ptp(plain, axis=2) > 20).sum() < 3000  # letters and the bar of 5 cm only
    reddish = (labeled[..., 0] - labeled[..., 2]) > 40
    assert reddish.mean() > 0.1


def test_the_window_decides_what_is_black_and_white():
    dark, bright = (
        pixels(slices.montage([VolumePicture("one", body())], window)).mean()
        for window in ((-10, 1000), (-1000, 10))
    )
    assert dark < bright


def test_the_gray_of_an_mr_does_not_depend_on_its_scale():
    rng = np.random.default_rng(0)
    signal = Volume(rng.gamma(2, 50, SHAPE).astype(np.float32), np.diag([*SPACING, 1.0]))
    louder = signal.holding(signal.voxels * 7)
    first, second = (
        pixels(slices.montage([VolumePicture("MR", image, modality="MR")]))
        for image in (signal, louder)
    )
    assert np.abs(first - second).max() <= 2


def test_a_phantom_makes_a_png_that_is_the_same_each_time():
    row = chest_ct.plan(
        {"patients": 1, "exams": [1, 1], "size": 48, "findings": {"nodule": 1.0}},
        np.random.default_rng(0),
    ).parameters[0]
    case = chest_ct.draw(json.loads(row))
    one = VolumePicture(case.name, case.image, case.anatomy, case.findings)
    png = slices.montage([one])
    assert png.startswith(b"\x89PNG")
    assert png == slices.montage([one])
    assert pixels(slices.montage([one, one])).shape[0] == pytest.approx(
        2 * pixels(png).shape[0], abs=2
    )


def test_the_legend_names_a_tree_once_and_a_finding_by_a_line():
    ids = [regions.label_id(f"lung_{lobe}_vessel") for lobe in ("right", "upper_lobe_left")]
    labels = np.array([*ids, regions.label_id("body"), 0], np.uint8)
    findings = np.array([regions.label_id("nodule")], np.uint8)
    keys = overlays.legend([labels, None], [findings])
    assert [key.get_label() for key in keys] == ["lung vessel", "nodule"]


def test_the_body_is_not_tinted_and_every_other_structure_is():
    opacity = overlays.tints()[:, 3]
    structures = {label.name: opacity[label.id] for label in regions.vocabulary().structures}
    assert {name for name, seen in structures.items() if seen == 0} == set(overlays.UNPAINTED)
    assert opacity[0] == 0


def test_an_empty_page_says_so_and_a_dark_volume_is_shown_whole():
    assert pixels(slices.montage([])).min() < 255
    empty = body().holding(np.full(SHAPE, -1000, np.float32))
    assert slices.montage([VolumePicture("air", empty)]).startswith(b"\x89PNG")


def test_an_empty_window_and_labels_on_another_grid_are_refused():
    with pytest.raises(ValueError, match="window"):
        slices.montage([], (400, -1000))
    with pytest.raises(ValueError, match="labels are"):
        slices.montage([VolumePicture("one", body(), np.zeros((2, 2, 2), np.uint8))])
