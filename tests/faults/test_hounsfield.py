"""What is no CT in Hounsfield units is refused by what it looks like; what is one never is."""

import numpy as np
import pytest

from radfoundry.data import gate
from radfoundry.data.gate.intensities import checked
from radfoundry.volume import Volume

TISSUES = {-1000: (0.42, 18), -860: (0.12, 40), -100: (0.13, 20), 50: (0.29, 18), 700: (0.04, 200)}


def scan(parts=TISSUES, noise=0.0, side=36):
    """Return a CT of whole HU whose histogram is that of a chest, or of the parts named."""
    rng = np.random.default_rng(0)
    shares = np.array([TISSUES[part][0] for part in parts])
    which = rng.choice(list(parts), side**3, p=shares / shares.sum())
    widths = np.hypot(np.vectorize({part: TISSUES[part][1] for part in parts}.get)(which), noise)
    hu = np.rint(which + widths * rng.normal(size=side**3)).reshape(side, side, side)
    return hu.astype(np.float32)


def admitted(voxels):
    raw = gate.Raw(Volume(np.asarray(voxels, np.float32), np.eye(4)), "", True)
    return checked(raw, "CT")


def refusal(voxels):
    with pytest.raises(gate.GateError) as caught:
        admitted(voxels)
    return str(caught.value)


def fitted(hu, source, target):
    """Return values brought linearly from one range to another, clipped at its ends."""
    share = (np.clip(hu, *source) - source[0]) / (source[1] - source[0])
    return share * (target[1] - target[0]) + target[0]


CT = np.maximum(scan(), -1024)
NO_UNITS = [
    ("z-scored", (CT - CT.mean()) / CT.std(), "z-scored"),
    ("in thousands", CT / 100, "z-scored, or divided"),
    ("abdominal window", np.clip(CT, -160, 240), "window.*air and lung end at -160"),
    ("bone window", np.clip(CT, -500, 1300), "window.*air and lung end at -500"),
    ("lung window", np.clip(CT, -1350, 150), "window.*vessels and bone end at 150"),
    ("signed 8 bit", np.rint(fitted(CT, (-160, 240), (-128, 127))), "window"),
    ("12 bits to +-1000", np.rint(fitted(CT, (-1024, 3071), (-1000, 1000))), "near -475.*rescaled"),
    ("a window to +-1000", np.rint(fitted(CT, (-1024, 600), (-1000, 1000))), "rescaled"),
    ("a window to +-1000 in fractions", fitted(CT, (-1000, 400), (-1000, 1000)), "rescaled"),
    ("its own range to +-1000", np.rint(fitted(CT, (CT.min(), CT.max()), (-1000, 1000))),
     "end at -1000 and 1000"),
    ("its own range to 0..1000", fitted(CT, (CT.min(), CT.max()), (0, 1000)), "intercept"),
    ("its own range to 0..1", fitted(CT, (CT.min(), CT.max()), (0, 1)), "rescaled"),
    ("no intercept, noise below 0", CT + 1014, "intercept|window"),
    ("an intercept twice", CT - 1024, "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("voxels", "looks"), [r[1:] for r in NO_UNITS],
                         ids=[r[0] for r in NO_UNITS])  # fmt: skip
def test_what_is_not_in_hounsfield_units_is_refused_by_what_it_looks_like(voxels, looks):
    told = refusal(voxels)
    assert told.startswith("int.hu_range")
    assert "air near -1000 and soft tissue at 0 to 80" in told
    pytest.raises(gate.GateError, admitted, voxels).match(looks)


def padded(hu):
    return np.pad(hu, 9, constant_values=-2048)


SOUND = [
    ("as scanned", scan()),
    ("ending at -1024", CT),
    ("padded", padded(scan())),
    ("low dose", scan(noise=70)),
    ("window of the preprocessing", np.clip(CT, -1024, 600)),
    ("ending at +-1000", np.clip(CT, -1000, 1000)),
    ("abdomen without air", scan((-100, 50, 700))),
    ("abdomen with contrast", scan((-100, 50, 700)) + 300 * (scan((50,), side=36) > 60)),
    ("fat", scan((-100,))),
    ("lung alone", scan((-860, 50))),
    ("resampled in fractions", (CT + np.roll(CT, 1, 0)) / 2),
    ("few voxels", scan((50,), side=9)),
]


@pytest.mark.parametrize("voxels", [r[1] for r in SOUND], ids=[r[0] for r in SOUND])
def test_a_real_histogram_of_a_ct_is_never_refused(voxels):
    np.testing.assert_array_equal(admitted(voxels).image.voxels, np.maximum(voxels, -1024))


def test_an_mr_may_hold_any_values():
    for voxels in (CT, CT / 900, np.clip(CT, -160, 240)):
        raw = gate.Raw(Volume(voxels.astype(np.float32), np.eye(4)), "", True)
        assert checked(raw, "MR").image is raw.image


REAL = (
    *("ct_cip_64/ct-64.nrrd", "ct_lidc_0001_slab/ct.nii.gz", "ct_lidc_0314/ct_1.25mm.nii.gz"),
    *("ct_totalseg_example/ct_3mm.nii.gz", "ct_totalseg_example/ct_small.nii.gz"),
    *("ibsi1_ct_phantom_NC/phantom.nii.gz", "radiomics_sts_tumours/STS_002_CT_image.nii.gz"),
)


@pytest.mark.parametrize("name", REAL)
def test_no_real_scan_is_refused(shared_data, name):
    assert gate.read(shared_data / name, modality="CT").image.voxels.min() >= -1024
