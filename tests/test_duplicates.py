"""One exposure is recognised however it was saved; two patients are never one."""

import io

import numpy as np
import pytest
from chests import chest
from PIL import Image
from skimage import exposure

from radfoundry import volume
from radfoundry.data import duplicates, gate

LARGE = ("cxr_kermany_224", "cxr_nih_256")


def drawn(seed):
    picture = volume.picture(chest(size=192, seed=seed).image.voxels)
    return (255 * picture).astype(np.uint8)


def encoded(picture, quality):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(picture, part):
    size = tuple(int(part * n) for n in picture.shape[::-1])
    return np.asarray(Image.fromarray(picture).resize(size))


def cropped(picture, part):
    rows, columns = (int(part * n) for n in picture.shape)
    return picture[rows:-rows, columns:-columns]


def windowed(picture, low, high):
    dark, light = np.percentile(picture, (low, high))
    return (255 * np.clip((picture - dark) / (light - dark), 0, 1)).astype(np.uint8)


def equalized(picture):
    return (255 * exposure.equalize_hist(picture)).astype(np.uint8)


def stretched(picture, limit):
    return (255 * exposure.equalize_adapthist(picture, clip_limit=limit)).astype(np.uint8)


RECONTRASTED = {
    "windowed": lambda picture: windowed(picture, 5, 95),
    "windowed hard": lambda picture: windowed(picture, 15, 85),
    "equalized": equalized,
    "equalized and smaller": lambda picture: resized(equalized(picture), 0.5),
    "stretched locally": lambda picture: stretched(picture, 0.01),
    "darkened": lambda picture: (255 * (picture / 255) ** 2.5).astype(np.uint8),
}
COPIES = RECONTRASTED | {
    "exact": lambda picture: picture,
    "jpeg": lambda picture: encoded(picture, 50),
    "resized": lambda picture: resized(picture, 0.5),
    "cropped": lambda picture: cropped(picture, 0.03),
    "mirrored": lambda picture: picture[:, ::-1],
    "padded": lambda picture: np.pad(picture, ((0, 0), (20, 20))),
    "brightened": lambda picture: (255 * (picture / 255) ** 0.8).astype(np.uint8),
    "mirrored crop as jpeg": lambda p: encoded(np.ascontiguousarray(cropped(p[:, ::-1], 0.03)), 70),
}


def pairs_of(pictures, patients, splits=None):
    cases = [f"c{i}" for i in range(len(pictures))]
    prints = [duplicates.fingerprint(picture) for picture in pictures]
    return duplicates.find(prints, cases, patients, splits)


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_under_another_patient_is_found_and_nothing_else(copy):
    pictures = [*map(drawn, range(6)), copy(drawn(2))]
    found = pairs_of(pictures, list("abcdefg"))
    assert list(zip(found["case"], found["other"], strict=True)) == [("c2", "c6")]


def test_a_mirrored_copy_is_called_so():
    found = pairs_of([drawn(0), drawn(0)[:, ::-1]], ["a", "b"])
    assert found["mirrored"].tolist() == [True]


def test_pairs_within_a_patient_are_left_out():
    assert pairs_of([drawn(0), drawn(0)], ["a", "a"]).empty


def test_pairs_across_splits_are_marked():
    found = pairs_of([drawn(0), drawn(0), drawn(0)], list("abc"), ["train", "train", "test"])
    assert dict(zip(found["case"] + found["other"], found["across"], strict=True)) == {
        "c0c1": False,
        "c0c2": True,
        "c1c2": True,
    }


def test_no_pictures_have_no_pairs():
    assert duplicates.find([], [], []).empty


def test_a_text_that_is_no_fingerprint_is_named():
    with pytest.raises(ValueError, match="fingerprint 1 "):
        duplicates.unpacked([duplicates.fingerprint(drawn(0)), "AAAA"])


def test_fingerprints_are_repeatable_and_leave_the_picture_alone():
    picture = drawn(3)
    before = picture.copy()
    assert duplicates.fingerprint(picture) == duplicates.fingerprint(picture)
    np.testing.assert_array_equal(picture, before)


@pytest.fixture(scope="module")
def real_films(shared_data):
    """Return the films of the small sets, and of the two large ones some, each of a patient."""
    every = [*shared_data.glob("cxr_*/images/*"), *shared_data.glob("cxr_gb*/*/image.jpg")]
    large = [path for path in sorted(every) if path.parts[-3] in LARGE]
    some = {path.stem.split("_")[0]: path for path in large[::40]}.values()
    return [*sorted(set(every) - set(large)), *some]


@pytest.fixture(scope="module")
def real_pictures(real_films):
    return [volume.picture(gate.read(path).image.voxels) for path in real_films]


def test_of_real_radiographs_only_those_in_two_sets_are_taken_for_one(real_films, real_pictures):
    """A set and its smaller copy hold some films twice, under one file name."""
    assert len(real_pictures) > 100
    names = [path.stem for path in real_films if path.stem != "image"]
    found = pairs_of(real_pictures, [str(i) for i in range(len(real_pictures))])
    pairs = [
        (real_films[int(a[1:])].stem, real_films[int(b[1:])].stem)
        for a, b in found[["case", "other"]].to_numpy()
    ]
    twice = sorted(name for name in set(names) if names.count(name) == 2)
    assert sorted(pairs) == [(name, name) for name in twice]


@pytest.mark.parametrize("change", RECONTRASTED.values(), ids=RECONTRASTED)
def test_real_radiographs_of_another_contrast_are_found(real_pictures, change):
    some = [np.clip(picture, 0, 255).astype(np.uint8) for picture in real_pictures[::25]]
    found = pairs_of([*some, *map(change, some)], [str(i) for i in range(2 * len(some))])
    assert len(found) >= 0.9 * len(some)
    assert all(int(a[1:]) + len(some) == int(b[1:]) for a, b in zip(found.case, found.other))  # noqa: B905


def test_resized_mirrored_real_radiographs_are_found(real_pictures):
    some = [np.clip(picture, 0, 255).astype(np.uint8) for picture in real_pictures[::10]]
    copies = [resized(cropped(picture, 0.02)[:, ::-1], 0.4) for picture in some]
    found = pairs_of([*some, *copies], [str(i) for i in range(2 * len(some))])
    assert len(found) >= 0.9 * len(some)
    assert all(int(a[1:]) + len(some) == int(b[1:]) for a, b in zip(found.case, found.other))  # noqa: B905
