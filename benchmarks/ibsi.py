"""Compare every IBSI-1 reference value with ours, and write docs/ibsi.md.

python benchmarks/ibsi.py FOLDER, where FOLDER holds `ibsi1_digital_phantom` and
`ibsi1_ct_phantom_NC`: phantom.nii.gz, mask.nii.gz, reference_values.csv.
"""

import sys
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from radfoundry import radiomics, volume
from radfoundry.radiomics import grid
from radfoundry.volume import Volume

PAGE = Path(__file__).parents[1] / "docs/ibsi.md"
FIRST_ORDER = {
    "Mean": "mean", "Variance": "var", "Skewness": "skew", "Median": "median", "Minimum": "min",
    "10Percentile": "p10", "90Percentile": "p90", "Maximum": "max", "InterquartileRange": "iqr",
    "Range": "range", "MeanAbsoluteDeviation": "mad", "RobustMeanAbsoluteDeviation": "rmad",
}  # fmt: skip
INTENSITY = {"Energy": "stat_energy", "RootMeanSquared": "stat_rms"}
INFORMATION = {"Entropy": "ih_entropy", "Uniformity": "ih_uniformity"}
SHAPE = {
    "MeshVolume": "volume", "VoxelVolume": "vol_approx", "SurfaceArea": "area_mesh",
    "SurfaceVolumeRatio": "av", "Compactness1": "comp_1", "Compactness2": "comp_2",
    "SphericalDisproportion": "sph_dispr", "Sphericity": "sphericity",
    "Maximum3DDiameter": "diam", "MajorAxisLength": "pca_maj_axis",
    "MinorAxisLength": "pca_min_axis", "LeastAxisLength": "pca_least_axis",
    "Elongation": "pca_elongation", "Flatness": "pca_flatness",
}  # fmt: skip
GLCM = {
    "MaximumProbability": "joint_max", "JointAverage": "joint_avg", "SumSquares": "joint_var",
    "JointEntropy": "joint_entr", "DifferenceAverage": "diff_avg", "DifferenceVariance": "diff_var",
    "DifferenceEntropy": "diff_entr", "SumAverage": "sum_avg", "SumEntropy": "sum_entr",
    "JointEnergy": "energy", "Contrast": "contrast", "Id": "inv_diff", "Idn": "inv_diff_norm",
    "Idm": "inv_diff_mom", "Idmn": "inv_diff_mom_norm", "InverseVariance": "inv_var",
    "Correlation": "corr", "Autocorrelation": "auto_corr", "ClusterTendency": "clust_tend",
    "ClusterShade": "clust_shade", "ClusterProminence": "clust_prom", "Imc1": "info_corr1",
    "Imc2": "info_corr2",
}  # fmt: skip
# Two names of IBSI for what another column already holds.
TWINS = {"sum_var": "clust_tend", "dissimilarity": "diff_avg"}
ORDERED = {  # IBSI's words in the order of radiomics.TEXTURE
    "rlm": ("glrlm", "sre lre glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var rl_entr lgre hgre "
            "srlge srhge lrlge lrhge"),
    "szm": ("glszm", "sze lze glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var zs_entr lgze hgze "
            "szlge szhge lzlge lzhge"),
    "ngl": ("gldm", "lde hde glnu dcnu dcnu_norm gl_var dc_var dc_entr lgce hgce ldlge ldhge hdlge "
            "hdhge"),
    "ngt": ("ngtdm", "coarseness contrast busyness complexity strength"),
}  # fmt: skip
MERGED = {"weightingNorm": "no_weighting"}


@dataclass(frozen=True)
class Case:
    """One image with its mask, how IBSI treats it, and what that makes of it."""

    image: Volume
    mask: np.ndarray
    options: dict
    in_planes: bool

    @property
    def resampled(self) -> tuple[Volume, np.ndarray]:
        """The image and the mask on the grid that is measured, around the lesion."""
        if (spacing := self.options.get("resampledPixelSpacing")) is None:
            return self.image, self.mask
        voxels, mask, new = grid.resampled(self.image, self.mask, spacing, "sitkLinear", 1)
        return Volume(voxels, np.diag([*new, 1.0])), mask

    def levels(self) -> tuple[Volume, np.ndarray]:
        """The gray levels, from 1, and the mask without what is out of range."""
        image, mask = self.resampled
        low, high = self.options.get("resegmentRange", (-np.inf, np.inf))
        mask = mask & (image.voxels >= low) & (image.voxels <= high)
        seen = image.voxels[mask].astype(float)
        if width := self.options.get("binWidth"):
            start = max(low, np.floor(seen.min() / width) * width)
            levels = np.floor((image.voxels - start) / width) + 1
        else:
            count, span = self.options["binCount"], seen.max() - seen.min()
            levels = np.minimum(np.floor(count * (image.voxels - seen.min()) / span) + 1, count)
        return image.holding(levels.astype(int)), mask


def cases(folder: Path) -> dict[str, Case]:
    """Return the digital phantom and the two configurations of the CT phantom."""
    read = {
        name: [volume.read(folder / name / f"{n}.nii.gz") for n in ("phantom", "mask")]
        for name in ("ibsi1_digital_phantom", "ibsi1_ct_phantom_NC")
    }
    digital, body = ((image, mask.voxels == 1) for image, mask in read.values())
    common = {"resegmentRange": [-500, 400], "deprecatedShapes": True}
    coarse = {
        "resampledPixelSpacing": [2, 2, 0], "resampling": "centered", "interpolator": "sitkLinear",
        "rounding": 1, "binCount": 32,
    }  # fmt: skip
    return {
        "dig_phantom": Case(*digital, {"binWidth": 1, "deprecatedShapes": True}, False),
        "chest_config_a": Case(*body, {**common, "binWidth": 25}, True),
        "chest_config_b": Case(*body, {**common, **coarse}, True),
    }


def texture(vector: pd.Series, ending: str, merged: bool) -> dict[str, float]:
    """Return a vector's texture under IBSI's tags; `merged` has only what merging changes."""
    suffix = f"{ending}_comb" if merged else f"{ending}_avg"
    found = {f"cm_{tag}_{suffix}": vector[f"original_glcm_{n}"] for n, tag in GLCM.items()}
    for twin, tag in TWINS.items():
        found[f"cm_{twin}_{suffix}"] = found[f"cm_{tag}_{suffix}"]
    for family, (kind, words) in ORDERED.items():
        if family != "rlm" and merged:
            continue
        last = suffix if family == "rlm" else ending
        pairs = zip(radiomics.TEXTURE[kind].split(), words.split(), strict=True)
        found |= {f"{family}_{t}_{last}": vector[f"original_{kind}_{n}"] for n, t in pairs}
    return found


def statistics(case: Case, vector: pd.Series) -> dict[str, float]:
    """Return shape, first order, and first order of the gray levels."""
    found = {f"morph_{tag}": vector[f"original_shape_{name}"] for name, tag in SHAPE.items()}
    found |= {
        tag: vector[f"original_firstorder_{n}"] for n, tag in (INTENSITY | INFORMATION).items()
    }
    levels = radiomics.extract(*case.levels(), {"binWidth": 1})
    for family, values in (("stat", vector), ("ih", levels)):
        found |= {
            f"{family}_{t}": values[f"original_firstorder_{n}"] for n, t in FIRST_ORDER.items()
        }
        found[f"{family}_kurt"] = values["original_firstorder_Kurtosis"] - 3
        found[f"{family}_cov"] = np.sqrt(found[f"{family}_var"]) / found[f"{family}_mean"]
    found["morph_asphericity"] = found["morph_sph_dispr"] - 1
    found["morph_integ_int"] = found["stat_mean"] * found["morph_volume"]
    return found


def by_slices(case: Case) -> dict[str, float]:
    """Return texture averaged over axial slices, by the same engine slice by slice.

    The gray levels are those of the whole lesion, so the engine must not count from each slice's.
    """
    image, mask = case.levels()
    few = {"binWidth": 1, "force2D": True, "minimumROISize": 2, "minimumROIDimensions": 1}
    rows: list[dict[str, float]] = []
    keep = mock.patch("radiomics.imageoperations.binImage", lambda levels, *_, **__: (levels, None))
    flat = mock.patch("radiomics.shape.cShape.calculate_coefficients", return_value=(1, 1, [0] * 4))
    with keep, flat:  # the shape of a slice is not asked for, and would take most of the time
        for z in np.flatnonzero(mask.any((0, 1))):
            alone = mask & (np.arange(mask.shape[2]) == z)
            row = texture(radiomics.extract(image, alone, few), "2D", False)
            rows.append(row | texture(radiomics.extract(image, alone, few | MERGED), "2D", True))
    return dict(pd.DataFrame(rows).mean())


def diagnostics(case: Case) -> dict[str, float]:
    """Return sizes and intensities of image and mask before and after each step."""
    found = {}
    image, mask = case.resampled
    _, inside = case.levels()
    whole, axes = image, "xyz"
    if "resampledPixelSpacing" in case.options:
        everywhere = np.ones(case.image.voxels.shape, bool)
        whole = Case(case.image, everywhere, case.options, True).resampled[0]
    for step, one in (("init", case.image), ("interp", whole)):
        for n, axis in enumerate(axes):
            found[f"img_dim_{axis}_{step}_img"] = one.voxels.shape[n]
            found[f"vox_dim_{axis}_{step}_img"] = one.spacing_mm[n]
        for word in ("mean", "min", "max"):
            found[f"{word}_int_{step}_img"] = getattr(one.voxels, word)()
    steps = {
        "init": (case.image, case.mask, case.mask), "interp": (image, mask, mask),
        "reseg": (image, mask, inside),
    }  # fmt: skip
    for step, (one, body, seen) in steps.items():
        size = case.image.voxels.shape if step == "init" else whole.voxels.shape
        found |= {f"int_mask_dim_{axis}_{step}_roi": size[n] for n, axis in enumerate(axes)}
        for word, part in (("morph", body), ("int", seen)):
            spans = [np.ptp(where) + 1 for where in np.nonzero(part)]
            found |= {f"{word}_mask_bb_dim_{a}_{step}_roi": spans[n] for n, a in enumerate(axes)}
            found[f"{word}_mask_vox_count_{step}_roi"] = part.sum()
        values = {w: getattr(one.voxels[seen], w)() for w in ("mean", "min", "max")}
        found |= {f"int_mask_{w}_int_{step}_roi": value for w, value in values.items()}
    return found


def ours(case: Case) -> dict[str, float]:
    """Return all that we measure of a case, under IBSI's tags."""
    ending = "2_5D" if case.in_planes else "3D"
    endings = ["2_5D"] if case.in_planes else ["2_5D", "3D"]
    found = by_slices(case)
    for ending in endings:
        options = case.options | {"force2D": ending == "2_5D"}
        vector = radiomics.extract(case.image, case.mask, options)
        found |= texture(vector, ending, False)
        found |= texture(radiomics.extract(case.image, case.mask, options | MERGED), ending, True)
    return found | statistics(case, vector) | diagnostics(case)


TITLES = {
    "dig_phantom": "Digital phantom",
    "chest_config_a": "CT phantom, configuration A",
    "chest_config_b": "CT phantom, configuration B",
}
FAMILIES = {
    "img": "image and mask", "morph": "morphology", "loc": "local intensity",
    "stat": "intensity statistics", "ih": "intensity histogram",
    "ivh": "intensity-volume histogram",
    "cm": "co-occurrence (GLCM)", "rlm": "run length (GLRLM)", "szm": "size zone (GLSZM)",
    "dzm": "distance zone (GLDZM)", "ngt": "neighborhood difference (NGTDM)",
    "ngl": "neighborhood dependence (NGLDM, GLDM)",
}  # fmt: skip
AXES = "divides the covariance by the voxels, IBSI by one less (0.7 % on 74 voxels)"
LEVELS = "normalizes by the highest gray level of each slice, IBSI by that of the lesion"
NO_FEATURE = "-"
NO_REFERENCE = "no consensus"


def verdict(tag: str, value: float, reference: float, tolerance: float) -> str:
    """Return "in tolerance", or why a value is outside, absent or without reference.

    References have three significant digits: half a unit of the third is granted.
    """
    if np.isnan(reference):
        return NO_REFERENCE
    if np.isnan(value):
        return NO_FEATURE
    digit = 10.0 ** (np.floor(np.log10(abs(reference))) - 2) if reference else 0.0
    if abs(value - reference) <= tolerance + 0.5001 * digit:
        return "in tolerance"
    if tag.startswith("morph_pca") and tag.endswith("axis"):
        return AXES
    if tag.startswith(("cm_inv_diff_norm_2D", "cm_inv_diff_mom_norm_2D")):
        return LEVELS
    return "UNEXPLAINED"


def compared(folder: Path) -> pd.DataFrame:
    """Return every reference value with ours: config, tag, ours, reference, tolerance, verdict."""
    tables = (pd.read_csv(p) for p in sorted(folder.glob("ibsi1_*/reference_values.csv")))
    frame = pd.concat(tables, ignore_index=True)
    values = {(name, t): v for name, c in cases(folder).items() for t, v in ours(c).items()}
    keys = zip(frame["config"], frame["tag"], strict=True)
    frame["ours"] = [float(values.get(key, np.nan)) for key in keys]
    columns = ["tag", "ours", "reference_value", "tolerance"]
    frame["verdict"] = [verdict(*row) for row in frame[columns].itertuples(index=False)]
    first = frame["tag"].str.split("_").str[0]
    frame["family"] = first.where(first.isin(list(FAMILIES)), "img").map(FAMILIES)
    frame["order"] = frame["config"].map(list(TITLES).index)
    return frame.sort_values("order", kind="stable").drop(columns="order")


def summary(frame: pd.DataFrame) -> str:
    """Return the counts of each family and case as Markdown."""
    lines = [
        "| case | family | values | in tolerance | explained | no such feature | no reference |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    parts = [*frame.groupby(["config", "family"], sort=False), (("all", ""), frame)]
    for (config, family), rows in parts:
        counts = rows["verdict"].value_counts()
        named = [int(counts.get(w, 0)) for w in ("in tolerance", NO_FEATURE, NO_REFERENCE)]
        explained = len(rows) - sum(named)
        cells = (TITLES.get(config, config), family, len(rows), named[0], explained, *named[1:])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def directions(mask: np.ndarray, spacing_mm: tuple) -> tuple[float, float]:
    """Return by how many percent area and volume of the mesh differ at most between directions.

    The 48 ways in which axes can be ordered and flipped show the same lesion.
    """
    from radiomics import cShape

    near = np.pad(mask[radiomics.guards.box(mask, 0)], 1)
    found = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            turned = near.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
            spacing = np.array(spacing_mm)[list(order)]
            found.append(cShape.calculate_coefficients(np.ascontiguousarray(turned), spacing)[:2])
    low, high = np.min(found, axis=0), np.max(found, axis=0)
    return tuple(100 * (high / low - 1))


def mesh_table(folder: Path) -> str:
    """Return how far the mesh depends on the direction of axes, as Markdown."""
    shown = {
        TITLES[name]: (case.resampled[1], case.resampled[0].spacing_mm)
        for name, case in cases(folder).items()
    }
    noise = np.random.default_rng(0).random((24, 24, 24)) < 0.5
    lines = [
        "| mask | voxels | area differs by at most | volume differs by at most |",
        "|---|---|---|---|",
    ]
    for name, (mask, spacing_mm) in (
        shown | {"noise of 24 x 24 x 24, the worst case": (noise, (1, 1, 1))}
    ).items():
        area, volume = directions(mask, spacing_mm)
        lines.append(f"| {name} | {mask.sum()} | {area:.3f} % | {volume:.3f} % |")
    return "\n".join(lines)


def page(frame: pd.DataFrame, meshes: str) -> str:
    """Return the whole of docs/ibsi.md."""
    parts = [INTRODUCTION.strip(), "## The mesh and the direction of axes", MESH, meshes]
    parts += ["## Values by family", summary(frame)]
    for config, title in TITLES.items():
        lines = [f"## {title}", "", "| tag | ours | reference | tolerance | verdict |"]
        lines.append("|---|---|---|---|---|")
        for row in frame[frame["config"] == config].itertuples():
            cells = [row.ours, row.reference_value, row.tolerance]
            shown = ["" if np.isnan(cell) else f"{cell:.4g}" for cell in cells]
            lines.append(f"| {row.tag} | {' | '.join(shown)} | {row.verdict} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


MESH = """\
pyradiomics' mesh is not closed where voxels meet at edges alone, so that area and volume depend a
little on how the image's axes are ordered and flipped. The largest difference between the 48 ways
to lay one mask:"""
INTRODUCTION = """\
# Radiomics against IBSI-1

Written by `python benchmarks/ibsi.py FOLDER`, where FOLDER holds the two phantoms of the Image
Biomarker Standardization Initiative (Zwanenburg et al., Radiology 295:328, 2020) with their
reference values. The CT image is for non-commercial use and is not part of this repository: only
numbers are.

Every value comes from `radfoundry.radiomics.extract`; the settings are in `benchmarks/ibsi.py`.
The workflow gives the same values with `radiomics.settings` of a cohort, see the configurations in
`tests/test_ibsi.py`, but for those of the mesh, since it turns every image to one orientation.
References have three significant digits, so that half a unit of the third is granted beside the
tolerance of the manual (0 for texture of the digital phantom).

* **Configuration A**: fixed bins of 25 HU, `resegmentRange: [-500, 400]`, `force2D`. pyradiomics
  starts its bins at a multiple of the width below the lesion's minimum. Here that is IBSI's start,
  the lower end of the range, because -500 is a multiple of 25 and occurs in the lesion; where it
  does not occur, gray levels are lower by a constant.
* **Configuration B**: `binCount: 32`, `resampledPixelSpacing: [2, 2, 0]`, `rounding: 1` and
  `resampling: centered`. The engine's own resampling starts its grid at the image's first voxel,
  takes the nearest voxel of the mask and does not round to 1 HU.
* **Aggregation** (end of a tag): `2_5D_avg` is `force2D`, `3D_avg` the default, `_comb` is
  `weightingNorm: no_weighting`. `2D` is the same engine run slice by slice on the gray levels of
  the whole lesion, and averaged: the factory itself does not offer it.
* **Derived** from our columns: `kurt` = Kurtosis - 3, since pyradiomics' is not in excess of the
  normal distribution; `cov` = sqrt(Variance) / Mean; `asphericity` = SphericalDisproportion - 1;
  `integ_int` = Mean x MeshVolume; `ih_` = first order of the gray levels; `cm_sum_var` and
  `cm_dissimilarity` are ClusterTendency and DifferenceAverage under a second name.
* `morph_volume` is the mesh's, `morph_vol_approx` the voxels'. `MCC`, and the maximum diameters of
  planes, have no reference here.
* Verdict `-`: pyradiomics has no such feature (distance zones, intensity-volume histogram, local
  peaks, Moran's I and Geary's C, densities, center of mass shift, modes, gradients, median
  deviation, quartile dispersion; of dependence its energy, percentage and normalized gray-level
  non-uniformity). `no consensus`: IBSI gives no value.
"""


def main() -> None:
    """Write the page and print its summary."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    frame = compared(Path(sys.argv[1]))
    PAGE.write_text(page(frame, mesh_table(Path(sys.argv[1]))))
    sys.stdout.write(summary(frame) + "\n")


if __name__ == "__main__":
    main()
