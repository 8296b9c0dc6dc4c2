"""A text as one vector: what a linear reader finds in its tokens, or their mean."""

import torch
from torch import Tensor, nn

from radfoundry.networks.blocks import text_vector


class TextFeatures(nn.Module):
    """Features (B, made) of texts; where there is none, learned ones."""

    reader: Tensor
    bias: Tensor

    def __init__(self, width: int, read: int) -> None:
        """Make the buffers, which hold no reader until one is copied into them.

        Args:
            width: Of the tokens.
            read: What a reader finds in them, see `text.encoder.finding_task`; 0: the mean token.
        """
        super().__init__()
        self.made = read or width
        self.register_buffer("reader", torch.zeros(read, width))
        self.register_buffer("bias", torch.zeros(read))
        self.null = nn.Parameter(torch.zeros(self.made))

    def forward(self, count: int, text: Tensor | None, text_mask: Tensor | None) -> Tensor:
        """Return (B, made) of tokens (B, L, width), of which `text_mask` (B, L) is read."""
        if text is None:
            return self.null.expand(count, -1)
        if text_mask is None:
            text_mask = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
        found = text_vector(text, text_mask, self.reader, self.bias)
        return torch.where(text_mask.any(1)[:, None], found, self.null)
