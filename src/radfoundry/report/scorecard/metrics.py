"""What each metric of the scorecard is called, counts, and means to a reader."""

from radfoundry.report.scorecard import few_shot
from radfoundry.report.scorecard.metric import Metric

_DISTANCE = (
    "Between the real-against-real floor and the corrupted-real ceiling, close to the floor."
)
_AMONG = "Close to what real images of other patients reach, and above what spoiled ones do."
_READERS = "Two human readers agree to about 0.94 on lungs; above 0.90 is close to a reader."
_OVERLAP = "0 is no overlap, 1 is perfect; 0.70 is clearly recognisable, 0.90 nearly coincides."
TAUGHT = "An interval wholly above 0: synthetic images taught the model something that is real."
_RESTORED = "An interval wholly above 0: the network restores more than interpolation does."
_FIFTH = "At most a fifth (20 %): what draws is what the network learned."
_KEPT = "Above averaging on the same grid; nothing drawn on the latents can be better."
_REAL_LESIONS = (
    "Close to real lesions of other patients; unchanged tissue says only where they lie."
)
_ABOVE = "Above the arm trained on real images alone."
METRICS: dict[str, Metric] = {
    "label_dice": Metric("Overlap of labels with the truth (Dice)", "1", True, _READERS),
    "clinical_mean": Metric(
        "Clinical measurement, mean of the cases", "", None,
        "Within what is known of such patients; the labels' error says how far to trust it.",
    ),
    "clinical_bias": Metric(
        "Clinical measurement: labels less truth, mean", "", None,
        "An interval that holds 0 and is narrow beside the measurement itself.",
    ),
    "clinical_error": Metric(
        "Clinical measurement: distance of labels from truth, mean", "", False,
        "Small beside the differences between patients.",
    ),
    "accepted_fraction": Metric(
        "Samples accepted", "fraction", True,
        "Most samples pass, yet not all: a filter that accepts everything separates nothing.",
    ),
    "memorised_fraction": Metric(
        "Samples that copy a training image", "fraction", False,
        "0 %: any copy could reveal a patient. Read together with the recall of planted copies.",
    ),
    "planted_copy_recall": Metric(
        "Planted copies that the audit found", "fraction", True,
        "95 % or more; below that, finding no copies proves little.",
    ),
    "memorised_lesion_fraction": Metric(
        "Lesions of samples that copy a training patient's lesion", "fraction", False,
        "Close to 0 %; where no lesion could be planted, to the share of held-out lesions.",
    ),
    "memorised_mask_fraction": Metric(
        "Masks of samples shaped as a training patient's", "fraction", False,
        "Close to that of held-out masks: simple shapes resemble each other. Masks that a recipe "
        "takes of training patients count too.",
    ),
    "reidentified_fraction": Metric(
        "Samples taken for a training patient", "fraction", False,
        "Close to that of held-out patients, 5 %. Read together with the recall of `other_exam`.",
    ),
    "nearest_similarity": Metric(
        "Highest similarity of a sample to a training case", "1", False,
        "Not above that of held-out patients (`real`); 1 is an exact copy.",
    ),
    "nearest_distance_ratio": Metric(
        "Lowest ratio of distances to the nearest and the second patient", "1", True,
        "Not below that of held-out patients (`real`); 0 is an exact copy.",
    ),
    "data_copying_z": Metric(
        "Nearer to training images than held-out images are (C_T, z-score)", "SD", True,
        "About 0; below -3 samples lie too near. Far above 0 they lie farther away than real ones.",
    ),
    "membership_auroc": Metric(
        "Telling patients learned from from others by the samples (area under the ROC curve)", "1",
        False, "An interval that holds 0.5, a coin toss.",
    ),
    "fid": Metric("Fréchet distance of image features", "1", False, _DISTANCE),
    "mmd": Metric("Maximum mean discrepancy of image features", "1", False, _DISTANCE),
    "kid": Metric("Kernel distance of image features", "1", False, _DISTANCE),
    "frd": Metric("Fréchet distance of radiomics", "1", False, _DISTANCE),
    "manifold_precision": Metric(
        "Samples that lie among real images (precision on image features)", "fraction", True, _AMONG
    ),
    "manifold_recall": Metric(
        "Real images that lie among samples (recall on image features)", "fraction", True, _AMONG
    ),
    "image_auroc": Metric(
        "Telling images with a finding from those without (area under the ROC curve)", "1", True,
        "0.5 is a coin toss, 1 is perfect; 0.90 or more. The paired difference shows who leads.",
    ),
    "image_ap": Metric(
        "Ranking images with a finding first (average precision)", "1", True,
        "Well above the share of images with a finding, which is what guessing reaches.",
    ),
    "pixel_dice": Metric(
        "Overlap of the marked area with the true finding (Dice)", "1", True,
        "0 is no overlap, 1 is perfect. The paired difference says which arm is ahead.",
    ),
    "pixel_dice_mean": Metric(
        "Overlap of the marked area with the finding, mean of images (Dice)", "1", True, _OVERLAP
    ),
    "pixel_ap": Metric(
        "Ranking pixels of the finding first (average precision)", "1", True,
        "Well above the share of pixels that belong to findings, often a few percent.",
    ),
    "prompt_effect": Metric(
        "Effect of naming a finding in the prompt", "SD", True,
        "Above 0.8 the images differ visibly and in the direction that the words ask for.",
    ),
    "prompt_effect_p": Metric(
        "P-value: chance of as large an effect if the prompt did nothing", "1", False, "Below 0.05."
    ),
    "laterality_accuracy": Metric(
        "Findings drawn on the side asked for", "fraction", True, "Close to 100 %; 50 % is chance."
    ),
    "prompt_auroc": Metric(
        "Telling samples of the dataset, without probes, that are asked to show a finding from its "
        "others (area under the ROC curve)", "1", True,
        "Close to what the same reader reaches on real test films (`real`); 0.5 is a coin toss.",
    ),
    "prompt_auroc_ratio": Metric(
        "Telling samples that show a finding, as a share of telling real test films (area under "
        "the ROC curve of the same reader)", "1", True,
        "0.9 or more: what is drawn looks like the finding that was asked for.",
    ),
    "prompt_auroc_share": Metric(
        "Telling findings beyond chance: what is there untrained, as a share", "fraction", False,
        _FIFTH,
    ),
    "finding_dice": Metric(
        "Overlap of the finding that a reader sees with the mask asked for (Dice)", "1", True,
        "Close to what the same reader reaches on real test films (`real`).",
    ),
    "outside_fraction": Metric(
        "Marked as a finding outside every mask asked for, as a share", "fraction", False,
        "Close to what the same reader marks outside the masks of real test films (`real`).",
    ),
    "cooccurrence_error": Metric(
        "Findings that occur together: distance of samples from real films", "fraction", False,
        "Close to the floor, which is real films against others (`real`).",
    ),
    "prompt_effect_share": Metric(
        "Effect of naming a finding that is there untrained, as a share", "fraction", False, _FIFTH
    ),
    "laterality_accuracy_share": Metric(
        "Right sides beyond chance that are there untrained, as a share", "fraction", False, _FIFTH
    ),
    "joint_lobe_dice": Metric("Overlap of lobes drawn with the image", "1", True, _OVERLAP),
    "given_lobe_dice": Metric("Overlap of lobes drawn with those given", "1", True, _OVERLAP),
    "airway_volume_cm3": Metric(
        "Volume of the airways", "cm3", None,
        "Within the spread of the real cases. Recipes stand side by side, each with its interval.",
    ),
    "segmentation_dice": Metric("Overlap of segmentation (Dice)", "1", True, _OVERLAP),
    "segmentation_dice_gain": Metric(
        "Overlap that the report's text adds (Dice)", "1", True,
        "An interval wholly above 0: the words say what the image alone does not.",
    ),
    "sr_psnr_db": Metric(
        "Super-resolution (peak signal to noise)", "dB", True, "Above trilinear enlargement."
    ),
    "sr_ssim": Metric(
        "Super-resolution (structural similarity)", "1", True, "Above trilinear enlargement."
    ),
    "sr_mmd": Metric(
        "Super-resolution: distance from real texture (maximum mean discrepancy)", "1", False,
        "Below trilinear enlargement and close to the floor, which is real against real.",
    ),
    "sr_psnr_db_gain": Metric("Gain on trilinear (signal to noise)", "dB", True, _RESTORED),
    "sr_ssim_gain": Metric("Gain on trilinear (structural similarity)", "1", True, _RESTORED),
    "sr_mmd_gain": Metric("Distance less than trilinear's", "1", True, _RESTORED),
    "detail_variance_kept": Metric(
        "Super-resolution: share of the missing detail's variance that chance draws", "fraction",
        None,
        "Near 0 % the network regresses; one that draws is below 100 %, for part can be foretold.",
    ),
    "detail_spread_to_error": Metric(
        "Super-resolution: difference between two draws over that from the real image, squared",
        "1", None,
        "1 if the real image could be one more draw; near 0 the network regresses: it returns the "
        "mean of all that may be there.",
    ),
    "detail_sd_hu": Metric(
        "Super-resolution: detail that the coarse grid lacks, and what of it changes with the seed",
        "HU", None, "Close to each other, where detail cannot be foretold.",
    ),
    "detail_power": Metric(
        "Super-resolution: power of the detail over that of the real detail", "1", None,
        "1 is as much; it says how sharp an image is, not whether chance drew it.",
    ),
    "channel_dice": Metric(
        "Overlap of shapes read off a given image with its labels (Dice)", "1", True, _OVERLAP
    ),
    "channel_dice_gain": Metric(
        "Overlap gained by the threshold that a channel is read at (Dice)", "1", True,
        "An interval wholly above 0: what was chosen on other cases holds for these.",
    ),
    "round_trip_psnr_db": Metric(
        "Autoencoder there and back (peak signal to noise)", "dB", True, _KEPT
    ),
    "round_trip_ssim": Metric(
        "Autoencoder there and back (structural similarity)", "1", True, _KEPT
    ),
    "round_trip_label_dice": Metric("Labels kept there and back (Dice)", "1", True, _OVERLAP),
    "round_trip_radiomics_error": Metric(
        "Radiomics there and back: relative error", "fraction", False,
        "Small beside the differences between patients.",
    ),
    "round_trip_concordance": Metric(
        "Radiomics there and back: concordance (Lin)", "1", True,
        "Above 0.9 a feature is kept; what is not can be drawn by no network on the latents.",
    ),
    "anatomy_dice": Metric(
        "Overlap of anatomy with what was asked for", "1", True,
        f"{_OVERLAP} `real`, real films against their labels, is left out where the method that "
        "reads drew those labels: it agrees with itself.",
    ),
    "pointing_accuracy": Metric(
        "Findings whose strongest point lies in the mask", "fraction", True,
        "Well above the share of the image that masks cover.",
    ),
    "inside_region_fraction": Metric(
        "Finding inside its allowed region", "fraction", True, "Close to 100 %."
    ),
    "mask_distance": Metric("Distance of drawn from real masks", "1", False, _DISTANCE),
    "requested_measured_spearman": Metric(
        "Agreement of requested with measured features (rank correlation)", "1", True,
        "Above 0.7 the feature can be steered; near 0 it cannot.",
    ),
    "requested_measured_concordance": Metric(
        "Agreement of requested with measured features (concordance, Lin)", "1", True,
        "1 where every value is the one asked for; near 0 in the null arms.",
    ),
    "requested_measured_cross_talk": Metric(
        "What asking for one feature does to another one (rank correlation)", "1", None,
        "Near 0, but for features that depend on each other by their definition.",
    ),
    "drawn_fraction": Metric(
        "Requests that could be drawn", "fraction", True,
        "Most; a tumour that fits nowhere is not forced in, and its row says why.",
    ),
    "removal_residual_fraction": Metric(
        "Tumour left after removal", "fraction", False, "Close to 0 %."
    ),
    "outside_identical_fraction": Metric(
        "Pixels outside the mask left untouched", "fraction", True, "Exactly 100 %."
    ),
    "lesion_frd": Metric(
        "Fréchet distance of lesions' radiomics from real lesions (log)", "1", False, _REAL_LESIONS
    ),
    "shell_frd": Metric(
        "Fréchet distance of tissue around lesions from that around real ones (log)", "1", False,
        _REAL_LESIONS,
    ),
    "shell_shift": Metric(
        "Tissue around lesions less that around real ones (Hedges' g)", "SD", None,
        "An interval that holds 0, as that of real lesions of other patients should.",
    ),
    "utility_dice": Metric("Segmentation by a model so trained (Dice)", "1", True, _OVERLAP),
    "utility_ap": Metric(
        "Detection by a model so trained (average precision)", "1", True, _ABOVE,
    ),
    "utility_auroc": Metric(
        "Classification by a model so trained (area under the ROC curve)", "1", True,
        "Above the arm trained on real images alone; 0.5 is a coin toss.",
    ),
    "utility_accuracy": Metric("Accuracy of a model so trained", "1", True, _ABOVE),
    "utility_f1": Metric("Classification by a model so trained (F1)", "1", True, _ABOVE),
    **few_shot.METRICS,
    "utility_gain": Metric("Gain over real images alone", "1", True, TAUGHT),
}  # fmt: skip
