"""Makes the views of clips: short excerpts with a constant frame rate, without sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from realesr.comparison.content import Budget, Comparison, Load, OnResult, Subject, View
from realesr.comparison.entries import INPUT, Entry
from realesr.comparison.images import unique_names
from realesr.comparison.options import CompareOptions
from realesr.comparison.results import find_results
from realesr.engine.interpolation import Interpolator
from realesr.errors import InvalidOptionError
from realesr.geometry import Size
from realesr.imaging.upscaler import ImageUpscaler
from realesr.jobs import Job
from realesr.media.formats import VIDEOS, Format, VideoFormat
from realesr.media.frames import Destination, FrameSource, Segment
from realesr.media.video.encoder import EncodeSpec, FrameClock, VideoEncoder
from realesr.media.video.encoders import encoder_arguments
from realesr.media.video.ffmpeg import url
from realesr.media.video.files import VideoFiles
from realesr.media.video.probe import probe
from realesr.media.video.source import VideoSource
from realesr.options import Target, UpscaleOptions, VideoOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import WorkUnit
from realesr.progress import Event, Failed, Finished, Notice, Notify, Outcome, Warned, no_notice

_USUAL_RATE = Fraction(25)
_KEY_FRAMES = 12
"""Distance of key frames: steps through a clip decode at most as many."""
_CODECS = {"mp4": "libx264", "webm": "libvpx-vp9"}


def compare_clips(
    entries: Sequence[Entry],
    paths: Sequence[Path],
    options: CompareOptions,
    *,
    outscale: float,
    load: Load,
    on_result: OnResult = lambda entry, clip: None,
    notify: Notify = no_notice,
) -> Comparison:
    """Upscales excerpts of clips with every entry, one model after the other.

    Args:
        entries: What is compared.
        paths: The clips.
        options: Excerpt, encoding and limit of the size.
        outscale: Output px per input px along each side, for all entries.
        load: Loads the upscaler of an entry.
        on_result: Called after each result.
        notify: Receives a sentence for everything that is not read as it is stored, and for ready
            results that do not fit their inputs.

    Raises:
        InvalidOptionError: The page would be too large, or an option is not for clips.
        MediaError: A file cannot be read.
        RealesrError: A model is not available.
    """
    if options.crop is not None:
        raise InvalidOptionError("`crop` is for images: compare fewer `frames` of clips")
    names = unique_names(paths)
    ready = find_results(entries, paths, VIDEOS)
    budget = Budget(options.limit, len(paths) * (len(entries) + 1))
    subjects: list[Subject] = []
    sizes: list[Size] = []
    with tempfile.TemporaryDirectory(prefix="realesr-") as name:
        maker = _ClipMaker(options, Path(name), budget)
        for path, clip_name in zip(paths, names, strict=True):
            view, outcome = maker.copy(INPUT, path, path, notify)
            sizes.append(outcome.source_size.scaled(outscale))
            subjects.append(
                Subject(
                    name=clip_name,
                    size=_shown_size(path, sizes[-1]),
                    views=(view,),
                    fps=_rate_of(path),
                    frames=outcome.frames,
                )
            )
        for entry in entries:
            upscaler = None if entry.options is None else load(entry.options)
            for number, path in enumerate(paths):
                subject = subjects[number]
                if upscaler is None:
                    file = ready[entry.name][number]
                    view, outcome = maker.copy(entry.name, file, path, notify)
                    for words in _differences(outcome, sizes[number], subject.frames):
                        notify(Notice("result-differs", f"{file} {words}, as {path} asks for"))
                else:
                    target = Target(outscale=outscale)
                    view, _ = maker.make(entry.name, path, path, upscaler, target)
                subjects[number] = replace(subject, views=(*subject.views, view))
                on_result(entry.name, names[number])
    return Comparison(
        kind="clips", entries=tuple(entry.name for entry in entries), subjects=tuple(subjects)
    )


class _ClipMaker:
    """Makes small files of excerpts.

    Args:
        options: Excerpt and encoding.
        folder: Folder for files.
        budget: Counts their bytes.
    """

    def __init__(self, options: CompareOptions, folder: Path, budget: Budget) -> None:
        self._options = options
        self._folder = folder
        self._budget = budget

    def copy(self, name: str, path: Path, source: Path, notify: Notify) -> tuple[View, Outcome]:
        """Makes the excerpt of a file in its own size; see :meth:`make`."""
        plain = Interpolator("nearest", scale=1)
        view, outcome = self.make(name, path, source, plain, Target(outscale=1), notify)
        return replace(view, seconds=None), outcome

    def make(
        self,
        name: str,
        path: Path,
        source: Path,
        upscaler: ImageUpscaler,
        target: Target,
        notify: Notify = no_notice,
    ) -> tuple[View, Outcome]:
        """Upscales the excerpt of a file.

        Args:
            name: Name of the entry.
            path: The file.
            source: The input, whose frame rate is that of all views.
            upscaler: What upscales.
            target: Size of the result.
            notify: Receives notices, which begin with the name of the file.
        """
        options = self._options
        video = VideoOptions(
            codec=_CODECS[options.clip_format],
            crf=options.crf,
            pix_fmt="yuv420p",
            encoder_args=("-g", str(_KEY_FRAMES)),
            start=options.start,
            frames=options.frames,
            fps=_rate_of(source),
        )
        destination = self._folder / f"clip.{options.clip_format}"
        unit = WorkUnit(
            job=Job(path, destination, VIDEOS.format_of(destination)),
            options=UpscaleOptions(target=target),
            media=_ClipFiles(VideoFiles.from_options(video)),
            output=destination,
        )
        ends: list[Finished | Failed] = []

        def keep_end(event: Event) -> None:
            if isinstance(event, Finished | Failed):
                ends.append(event)
            elif isinstance(event, Warned):
                notify(replace(event.notice, message=f"{path}: {event.notice.message}"))

        LocalExecutor(lambda _: upscaler).run((unit,), of_jobs(keep_end))
        (end,) = ends
        if isinstance(end, Failed):
            raise end.error
        outcome, data = end.outcome, destination.read_bytes()
        destination.unlink()
        self._budget.take(data)
        view = View(
            name=name,
            mime=f"video/{options.clip_format}",
            data=data,
            size=outcome.size,
            seconds=outcome.stages.inference_s,
        )
        return view, outcome


@dataclass(frozen=True, slots=True)
class _ClipFiles:
    """Reads videos as a run does, and writes their frames alone, one at every tick from 0 on."""

    files: VideoFiles

    def source(
        self,
        path: Path,
        notify: Notify,
        segment: Segment | None = None,
        destination: Destination | None = None,
    ) -> VideoSource:
        return self.files.source(path, notify, segment)

    def sink(
        self,
        path: Path,
        target: Format,
        source: FrameSource,
        notify: Notify,
        segment: Segment | None = None,
    ) -> VideoEncoder:
        if not isinstance(target, VideoFormat) or not isinstance(source, VideoSource):
            raise TypeError(f"{path}: a clip is made of a video")
        options, binary = self.files.options, self.files.binary
        spec = EncodeSpec.choose(source.info, target, options, binary=binary, notify=notify)

        def command(destination: Path) -> list[str]:
            return [
                *("-copyts", "-f", "nut", "-i", "pipe:0", "-map", "0:0"),
                *spec.stream_arguments(),
                *encoder_arguments(options.encoder_args),
                # The index comes first, so that a browser can seek at once.
                *(("-movflags", "+faststart") if target.is_isobmff else ()),
                *("-f", target.muxer, "-y", url(destination)),
            ]

        clock = FrameClock(time_base=1 / spec.frame_rate, origin=Fraction(0), first_tick=0)
        return VideoEncoder(path, spec=spec, clock=clock, binary=binary, command=command)


def _rate_of(path: Path) -> Fraction:
    """Returns the constant rate at which the frames of a file are shown, 1/s."""
    rate = probe(path).frame_rate or _USUAL_RATE
    return rate if 0 < rate <= 1000 else _USUAL_RATE


def _differences(outcome: Outcome, size: Size, frames: int) -> Iterator[str]:
    """Yields what is not expected of the excerpt of a ready result.

    Args:
        outcome: Of the excerpt.
        size: Expected size, px; encoders may have added a pixel.
        frames: Expected number of frames.
    """
    found = outcome.source_size
    if max(abs(found.width - size.width), abs(found.height - size.height)) > 1:
        yield f"has {found} px, and not {size} px"
    if outcome.frames != frames:
        yield f"has {outcome.frames} frames there, and not {frames}"


def _shown_size(path: Path, size: Size) -> Size:
    """Returns the size in which pixels that are not square have their proportions, px."""
    return Size(max(1, round(size.width * probe(path).sample_aspect_ratio)), size.height)
