"""What a person sees of a training while it runs: a picture, and TensorBoard."""

import io
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from radfoundry.volume import write_bytes

POINTS = 400  # of a curve; longer ones are averaged


class Display:
    """Shows a training in logs/train/{recipe}/{network}.png and under logs/tensorboard/."""

    def __init__(self, recipe: str, network: str, since: int = 0) -> None:
        """Begin after step `since`; what an earlier run logged of later steps is hidden."""
        self.title, self.written, self.preview = f"{recipe}: {network}", since, None
        self.picture = Path("logs/train", recipe, f"{network}.png")
        self.board = _board(Path("logs/tensorboard", recipe, network), since)

    def __call__(self, step: int, preview: np.ndarray | None, history: Mapping) -> None:
        """Show the loss of all steps done, and a picture (rows, columns[, 3]) in [0, 1]."""
        if preview is not None:
            self.preview = np.clip(np.nan_to_num(preview), 0, 1)
        if self.board is not None:
            self._write_board(step, history, preview is not None)
        write_bytes(drawn(f"{self.title}, step {step}", history, self.preview), self.picture)
        self.written = step

    def _write_board(self, step: int, history: Mapping, anew: bool) -> None:
        for name, values in history.items():
            for at, value in enumerate(values[self.written :], self.written + 1):
                self.board.add_scalar(f"loss/{name}", value, at)
        if anew:
            axes = "HW" if self.preview.ndim == 2 else "HWC"
            self.board.add_image("preview", self.preview, step, dataformats=axes)
        self.board.flush()


def _board(folder: Path, since: int):
    """Return a writer for TensorBoard, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logging.info("tensorboard is not installed: no event files, only %s", folder)
        return None
    return SummaryWriter(str(folder), purge_step=since + 1)


def curve(values) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and means of a loss, at most `POINTS` of them; NaN where no value is finite.

    >>> curve([3.0, 1.0])
    (array([1., 2.]), array([3., 1.]))
    """
    found = np.asarray(values, float)
    parts = np.array_split(np.arange(len(found)), min(len(found), POINTS) or 1)
    good = [found[part][np.isfinite(found[part])] for part in parts]
    means = [part.mean() if len(part) else np.nan for part in good]
    return np.array([part[-1] + 1.0 for part in parts if len(part)]), np.array(means)


def drawn(title: str, history: Mapping, preview: np.ndarray | None) -> bytes:
    """Return a PNG: the curve of every term of the loss, and the preview under it."""
    height = 0 if preview is None else 8 * preview.shape[0] / preview.shape[1]
    figure = Figure((8, 3.5 + height), 110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        1 + (preview is not None),
        squeeze=False,
        height_ratios=None if preview is None else (3.5, height),
    )[:, 0]
    positive = True
    for name, values in history.items():
        at, means = curve(values)
        panels[0].plot(at, means, label=name, linewidth=1)
        positive &= bool(np.nanmin(means, initial=1) > 0)
    panels[0].set(title=title, xlabel="Step", ylabel="Loss", yscale="log" if positive else "linear")
    if history:
        panels[0].legend(frameon=False)
    if preview is not None:
        panels[1].imshow(preview, cmap="gray", vmin=0, vmax=1)
        panels[1].set_axis_off()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
