"""What libraries may open on behalf of a video, and how much they may read to know it.

A container can name other files and hosts: a playlist, a script, a list of images. Whoever
sends such a file would see what lies beside it, so that only self-contained kinds are opened, and
only through files and pipes. Both ffmpeg and PyAV get the same list.
"""

from __future__ import annotations

from pathlib import Path

from realesr.media.video.ffmpeg import url

DEMUXERS = (
    # Containers, by ffmpeg's names. The reader of MOV follows references to other files only if
    # it is told to, which it is not.
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "gxf", "nut", "rm"),
    *("wtv", "nsv", "nuv", "ty", "pva", "kux", "ivr", "vividas", "lxf", "dhav", "cine", "mlv"),
    # streams without a container
    *("h261", "h263", "h264", "hevc", "vvc", "evc", "apv", "av1", "obu", "ivf", "vc1", "vc1test"),
    *("m4v", "mpegvideo", "mjpeg", "mjpeg_2000", "smjpeg", "mxg", "dv", "yuv4mpegpipe", "dirac"),
    *("dnxhd", "cavsvideo", "avs2", "avs3", "v210", "r3d"),
    # films of games and old programs
    *("bink", "smk", "smush", "roq", "flic", "4xm", "film_cpk", "idcin", "ipmovie", "wc3movie"),
    *("xmv", "moflex", "mods", "thp", "bethsoftvid", "dxa", "ea", "rl2", "rpl", "siff", "vmd"),
    *("wsvqa", "yop", "nc", "cdxl", "filmstrip", "mv", "mvi", "jv", "gdv", "hnm", "c93", "bmv"),
    *("dsicin", "dfa", "anm", "tiertexseq", "usm", "sga", "argo_cvg", "pmp", "vivo", "lvf"),
)
"""Kinds of files that are opened. Not among them: ``concat``, ``concatf``, ``hls``, ``dash``,
``webm_dash_manifest``, ``imf``, ``sdp``, ``rtsp``, ``avisynth``, ``image2`` and the ``_pipe``
readers of images, ``tty``, ``lavfi``, devices, and readers that look for files beside the first."""
PROTOCOLS = ("file", "pipe")
"""Ways to read bytes: no network, and no protocol that joins or cuts other files."""
PROBED_BYTES = 20_000_000
"""Bytes that a library may read to find the streams of a file: 4 times its default."""
PROBED_US = 10_000_000
"""Length of the part of a file, us, that it may read for this: twice the default."""
OPENING_S = 60.0
"""Time that opening a file may take, s; a slow disk needs a few."""
_SNIFFED_BYTES = 4096
_LONGEST_CONTROL = 0x1F
_WHITE = b"\t\n\r\f\x1b"


def options() -> dict[str, str]:
    """Returns the options, without dashes, with which a library opens any input."""
    return {
        "format_whitelist": ",".join(DEMUXERS),
        "protocol_whitelist": ",".join(PROTOCOLS),
        "probesize": str(PROBED_BYTES),
        "analyzeduration": str(PROBED_US),
    }


def arguments(path: Path, *before: str) -> list[str]:
    """Returns ffmpeg's arguments that open a file as an input.

    Args:
        path: The file.
        before: Further options of this input.
    """
    allowed = [text for name, value in options().items() for text in (f"-{name}", value)]
    return [*allowed, *before, "-i", url(path)]


def refusal(path: Path) -> str:
    """Returns why a library may have refused a file by the list, as the end of a sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        head = b""
    is_text = bool(head) and not any(
        byte <= _LONGEST_CONTROL and byte not in _WHITE for byte in head
    )
    if is_text:
        return (
            "is a text, such as a playlist or a script, which may name other files: it is not "
            "opened; give the video itself"
        )
    return (
        "is damaged, or of a kind that is not opened: no video, or one made of other files, such "
        "as playlists and series of images"
    )
