"""What a labeler read in reports, as a digest: to a training it is data, whatever code read it."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from radfoundry.config import trained
from radfoundry.text import labeler


def readings(reached: Mapping[str, str], reports: Iterable[str]) -> dict[str, str]:
    """Return a digest of what the labeler reads in reports, where a training learns from that.

    Args:
        reached: Definitions that the training reaches, as `config.trained.definitions` names them.
        reports: Their texts, in order.

    Returns:
        {"read in reports": 12 characters}; {} where no labeler is reached.
    """
    if not trained.reads_reports(reached):
        return {}
    read = json.dumps([labeler.structured(str(report)) for report in reports], sort_keys=True)
    return {"read in reports": hashlib.sha256(read.encode()).hexdigest()[:12]}
