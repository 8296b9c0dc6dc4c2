"""What is said of a radiograph: its findings in few words, and nothing where there is none.

The empty prompt means "no finding", as in XReal: what leads away from it leads from healthy to ill.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from radfoundry.text import composer, labeler
from radfoundry.text.encoder.model import Encode

WORDINGS = ("findings", "reports")  # a prompt: the findings' words alone, or all of a report
SIDES = ("", "right", "left")


def findings_of(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the findings of a case: those that its report states, and those that are listed.

    Args:
        facts: `report`, and `findings` joined by |; either may lack.
    """
    stated = [dict(one) for one in labeler.structured(str(facts.get("report", "")))]
    known = {one["name"] for one in stated}
    listed = [name for name in str(facts.get("findings", "")).split("|") if name]
    return stated + [{"name": name} for name in listed if name not in known]


def prompt(findings: Sequence[Mapping], text: str, wording: str) -> str:
    """Return what the network reads of findings and the text that states them.

    >>> prompt([{"name": "cardiomegaly"}], "The heart is large.", "findings")
    'Cardiomegaly.'
    >>> prompt([], "Normal chest.", "reports")
    ''
    """
    if not findings:
        return ""
    return text if wording == "reports" else worded(findings)


def worded(findings: Sequence[Mapping]) -> str:
    """Return findings in words, the same ones in whatever order they come; "" for none.

    >>> worded([{"name": "nodule", "side": "left", "location": "upper zone", "severity": "severe"}])
    'Large nodule in the left upper zone.'
    """
    return " ".join(sorted({_sentence(finding) for finding in findings}))


def _sentence(finding: Mapping) -> str:
    words, name = composer.wording(), str(finding["name"])
    if name not in words["findings"]:
        return f"{name.replace('_', ' ').capitalize()}."
    side = str(finding.get("side", ""))
    degree = words["severity"][name].get(finding.get("severity", ""), [""])[0]
    where = " ".join(filter(None, (side, str(finding.get("location", "")))))
    if not finding.get("location"):
        where = f"{side} lung" if side in ("right", "left") else "lungs"
    fields = {"severity": degree, "Severity": degree, "side": side, "place": where}
    sentence = " ".join(words["findings"][name]["brief"][0].format(**fields).split())
    return sentence[:1].upper() + sentence[1:]


def features(encode: Encode, prompts: Sequence[str]) -> dict[str, Tensor]:
    """Return `text` (B, L, width) and `text_mask` (B, L) of prompts; of an empty one no token.

    Args:
        encode: As `text.encoder` gives it.
        prompts: See `prompt`.
    """
    text, mask = encode(prompts)
    mask = mask & torch.tensor([bool(one) for one in prompts])[:, None]
    longest = max(1, int(mask.sum(1).max()))
    return {"text": text[:, :longest], "text_mask": mask[:, :longest]}
