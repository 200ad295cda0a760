"""What a file of weights asks for beside its network."""

from __future__ import annotations

from pathlib import Path

from realesr.progress import Notice, Notify
from realesr.weights.content import is_ncnn


def notify_of_resize(path: Path, notify: Notify) -> None:
    """Tells that a graph of ncnn resizes what its network gives, which is left out.

    Args:
        path: Weights file of any kind.
        notify: Receives the notice.

    Raises:
        MissingWeightsError, UnsupportedCheckpointError: It is of ncnn, and cannot be read.
    """
    if not is_ncnn(path):
        return
    from realesr.weights.ncnn.read import resized_by

    factor = resized_by(path)
    if factor != 1:
        notify(
            Notice(
                "resize-left-out",
                f"{path} resizes the result of its network by {factor:g}, which is left out: "
                "`outscale` gives any size",
            )
        )
