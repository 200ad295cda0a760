"""One image or one video of a client: from a file of the service to another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from realesr.errors import InvalidOptionError, UnsupportedMediaError
from realesr.jobs import Job
from realesr.loading.notices import idle_of_encoding, idle_of_filter, idle_of_mixture
from realesr.media.content import Kind, identify
from realesr.media.formats import IMAGES, VIDEOS, AnyMediaType
from realesr.options import EncodingOptions, UpscaleOptions, VideoOptions
from realesr.pipeline.executors.base import of_jobs
from realesr.pipeline.executors.local import LocalExecutor
from realesr.pipeline.units import MediaIO, WorkUnit
from realesr.plan import refuse_impossible
from realesr.progress import Event, Failed, Finished, FrameDone, Notice, Outcome, TileDone, Warned
from realesr.serving.engine import Engine
from realesr.serving.tickets import Ticket
from realesr.weights.catalog import is_plain

HEAD_BYTES = 4096
INPUT, OUTPUT = "body", "output"
"""Names of an input and a result in their folder, without suffixes."""


@dataclass(frozen=True, slots=True)
class Made:
    """A result.

    Attributes:
        outcome: Sizes, times, and where it is.
        notices: What was left out or done otherwise.
    """

    outcome: Outcome
    notices: tuple[Notice, ...]


def suffix_of(head: bytes, *, kinds: tuple[Kind, ...]) -> str:
    """Returns the suffix of a body by its first bytes; what a client calls it does not matter.

    Raises:
        UnsupportedMediaError: It is something else.
    """
    content = identify(head)
    if content is None or content.kind not in kinds:
        wanted = " or ".join(kinds)
        raise UnsupportedMediaError(f"the body is no {wanted} that is known here")
    return content.suffix


def make_image(
    engine: Engine,
    ticket: Ticket,
    source: Path,
    options: UpscaleOptions,
    *,
    ext: str | None,
    encoding: EncodingOptions,
    max_pixels: int,
    smooth_color: bool,
) -> Made:
    """Upscales an image file; the result lies beside it.

    Args:
        engine: What upscales.
        ticket: Progress, and what the work is stopped by.
        source: The input, whose suffix is true.
        options: How it is upscaled.
        ext: Suffix of the output without its dot; None for that of the input.
        encoding: How it is encoded.
        max_pixels: Largest image that is decoded, px.
        smooth_color: Whether the color of a JPEG is smoothed for networks.

    Raises:
        StoppedError: The ticket stopped the work.
        RealesrError: The image cannot be read, upscaled or written.
    """
    from realesr.media.pictures import PictureFiles

    media = PictureFiles(
        encoding=encoding,
        max_pixels=max_pixels,
        smooth_color=smooth_color and not is_plain(options.model_name, options.model_path),
        first_frame=True,
    )
    unit = _unit(IMAGES, source, options, ext, media)
    refuse_impossible((unit.job,), encoding)
    idle = (*_idle(options, engine), *idle_of_encoding(encoding, (unit.job.target,)))

    def on_event(event: Event) -> None:
        if isinstance(event, TileDone):
            ticket.done, ticket.total = event.done, event.total

    return _run(engine, ticket, unit, on_event, idle, is_urgent=True)


def make_video(
    engine: Engine,
    ticket: Ticket,
    source: Path,
    options: UpscaleOptions,
    *,
    ext: str | None,
    video: VideoOptions,
    on_frame: Callable[[], None],
) -> Made:
    """Upscales a video file, or an animation; the result lies beside it.

    Args:
        engine: What upscales.
        ticket: Progress, and what the work is stopped by.
        source: The input, whose suffix is true.
        options: How it is upscaled.
        ext: Suffix of the output without its dot; None for that of the input.
        video: Excerpt and encoding.
        on_frame: Called after each frame; its errors end the work.

    Raises:
        StoppedError: The ticket stopped the work.
        RealesrError: The video cannot be read, upscaled or written.
    """
    from realesr.media.moving import MovingFiles

    unit = _unit(VIDEOS, source, options, ext, MovingFiles.from_options(video))

    def on_event(event: Event) -> None:
        if isinstance(event, FrameDone):
            ticket.done, ticket.total = event.done, event.expected
            engine.metrics.frames.inc()
            on_frame()
            ticket.check()

    return _run(engine, ticket, unit, on_event, _idle(options, engine), is_urgent=False)


def _unit(
    kind: AnyMediaType, source: Path, options: UpscaleOptions, ext: str | None, media: MediaIO
) -> WorkUnit:
    output = output_of(kind, source, ext)
    job = Job(source, output, kind.format_of(output))
    return WorkUnit(job=job, options=options, media=media, output=output)


def output_of(kind: AnyMediaType, source: Path, ext: str | None) -> Path:
    """Returns where the result of an input will lie.

    Args:
        kind: Images or videos.
        source: The input.
        ext: Suffix of the output without its dot; None for that of the input.

    Raises:
        InvalidOptionError: A result cannot be an ``ext``.
    """
    suffix = kind.output_suffix_of(source.suffix) if ext is None else f".{ext}"
    if suffix not in (*kind.output_suffixes, *kind.aliases):
        known = ", ".join(each.removeprefix(".") for each in kind.output_suffixes)
        raise InvalidOptionError(f"`ext` {ext}: must be one of {known}")
    return source.with_name(f"{OUTPUT}{suffix}")


def _idle(options: UpscaleOptions, engine: Engine) -> tuple[Notice, ...]:
    """Returns notices about options of a client that do nothing for its model."""
    return (*idle_of_filter(options, engine.base), *idle_of_mixture(options))


def _run(
    engine: Engine,
    ticket: Ticket,
    unit: WorkUnit,
    on_event: Callable[[Event], None],
    idle: Iterable[Notice],
    *,
    is_urgent: bool,
) -> Made:
    notices = [*idle]
    ends: list[Finished | Failed] = []

    def report(event: Event) -> None:
        if isinstance(event, Warned):
            notices.append(event.notice)
        elif isinstance(event, Finished | Failed):
            ends.append(event)
        else:
            on_event(event)

    upscaler = engine.watched(unit.options, ticket, is_urgent=is_urgent)
    LocalExecutor(lambda options: upscaler).run((unit,), of_jobs(report))
    (end,) = ends
    if isinstance(end, Failed):
        raise end.error
    return Made(end.outcome, tuple(notices))
