"""VMAF, Netflix's measure of videos, computed by ffmpeg where that was built with libvmaf."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from realesr.errors import FFmpegError, FFmpegNotFoundError

_LOG = "vmaf.json"


@cache
def has_vmaf(ffmpeg: str) -> bool:
    """Returns whether an ffmpeg was built with libvmaf."""
    command = [ffmpeg, "-hide_banner", "-filters"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return " libvmaf " in found.stdout


def vmaf(video: Path, reference: Path, *, ffmpeg: str, threads: int = 1) -> float:
    """Returns the mean over frames of VMAF's default model (``vmaf_v0.6.1``), 0 to 100.

    Li et al., "Toward a practical perceptual video quality metric", Netflix, 2016. The model was
    fitted to opinions on compressed and upscaled videos of 1920x1080 px, seen from three times the
    height of the picture. It rewards sharpening.

    Args:
        video: The video that is judged.
        reference: The original, of the same size and the same frames; times are ignored.
        ffmpeg: Program to run.
        threads: CPU threads of libvmaf.

    Raises:
        FFmpegNotFoundError: This ffmpeg has no libvmaf.
        FFmpegError: A file cannot be read, or the sizes differ.
    """
    if not has_vmaf(ffmpeg):
        raise FFmpegNotFoundError(
            f"{ffmpeg} was built without libvmaf: name one that has it with `ffmpeg`"
        )
    by_number = "settb=AVTB,setpts=N/25/TB"
    graph = (
        f"[0:v:0]{by_number}[a];[1:v:0]{by_number}[b];"
        f"[a][b]libvmaf=log_fmt=json:log_path={_LOG}:n_threads={threads}"
    )
    command = [ffmpeg, "-nostdin", "-v", "error"]
    for path in (video, reference):
        command += ["-i", f"file:{path.resolve()}"]
    command += ["-lavfi", graph, "-f", "null", "-"]
    with TemporaryDirectory() as folder:
        # The log's name would need escaping as part of the graph; a relative one does not.
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
        log = Path(folder, _LOG)
        if done.returncode or not log.is_file():
            reason = " ".join(done.stderr.split()[-60:]) or "no result"
            raise FFmpegError(f"{video}: VMAF against {reference} failed: {reason}")
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])
