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
STATED = ("side", "location", "severity")  # what a finding's words may say beside its name


def findings_of(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the findings of a case: those that its report states, and those that are listed.

    Args:
        facts: `report`, and `findings` joined by |; either may lack.
    """
    stated = [dict(one) for one in labeler.structured(str(facts.get("report", "")))]
    known = {one["name"] for one in stated}
    listed = [name for name in str(facts.get("findings", "")).split("|") if name]
    return stated + [{"name": name} for name in listed if name not in known]


def stated(findings: Sequence[Sequence[Mapping]]) -> list[str]:
    """Return which of `STATED` the findings of any case state.

    >>> stated([[{"name": "nodule", "side": "left"}], []])
    ['side']
    """
    return [key for key in STATED if any(one.get(key) for some in findings for one in some)]


def prompt(
    findings: Sequence[Mapping], text: str, wording: str, known: Sequence[str] = STATED
) -> str:
    """Return what the network reads of findings and the text that states them.

    Args:
        findings: As `findings_of` returns them; () is "no finding".
        text: All that was said.
        wording: One of `WORDINGS`.
        known: What findings' words say beside their names. A network that was taught by lists has
            never read a side: there the mask alone says where.

    >>> prompt([{"name": "cardiomegaly"}], "The heart is large.", "findings")
    'Cardiomegaly.'
    >>> prompt([], "Normal chest.", "reports")
    ''
    """
    if not findings:
        return ""
    if wording == "reports":
        return text
    return worded([{k: v for k, v in one.items() if k in ("name", *known)} for one in findings])


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
