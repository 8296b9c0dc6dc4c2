"""What to cite beside the plug-ins' own papers (their CITATION): libraries and formats."""

from collections.abc import Mapping

LIBRARIES: Mapping[str, str] = {
    "snakemake": "Mölder et al. 2021, F1000Research 10:33, doi:10.12688/f1000research.29032.2",
    "numpy": "Harris et al. 2020, Nature 585:357, doi:10.1038/s41586-020-2649-2",
    "scipy": "Virtanen et al. 2020, Nature Methods 17:261, doi:10.1038/s41592-019-0686-2",
    "scikit-image": "van der Walt et al. 2014, PeerJ 2:e453, doi:10.7717/peerj.453",
    "torch": "Paszke et al. 2019, PyTorch, NeurIPS 32, arXiv:1912.01703",
    "monai": "Cardoso et al. 2022, MONAI, arXiv:2211.02701",
    "pyradiomics": "van Griethuysen et al. 2017, Cancer Research 77:e104, "
    "doi:10.1158/0008-5472.CAN-17-0339",
}
FORMATS: Mapping[str, str] = {
    "coco": "Lin et al. 2014, Microsoft COCO, ECCV, arXiv:1405.0312",
    "croissant": "Akhtar et al. 2024, Croissant, arXiv:2403.19546",
    "datasheet": "Gebru et al. 2021, Datasheets for datasets, arXiv:1803.09010",
    "dicom": "Bridge et al. 2022, highdicom, doi:10.1007/s10278-022-00683-y",
    "nnunet": "Isensee et al. 2021, nnU-Net, Nature Methods 18:203, doi:10.1038/s41592-020-01008-z",
}
