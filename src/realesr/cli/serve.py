"""``realesr serve``: pictures and clips over HTTP."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path

from realesr import __version__
from realesr.cli.options.model import add_device_options, device_options
from realesr.cli.options.parsers import memory
from realesr.cli.printing import tell
from realesr.cli.process import keep_memory
from realesr.cli.wording import print_notice
from realesr.errors import InvalidOptionError, MissingExtraError
from realesr.loading.notices import idle_of_tiles
from realesr.options import DEFAULT_MODEL, UpscaleOptions
from realesr.reasons import reason_of
from realesr.serving.options import ServeOptions
from realesr.weights.catalog import BASELINES, MODELS, find_local_weights, find_model

TOKEN_VARIABLE = "REALESR_TOKEN"  # noqa: S105 -- a name
_PACKAGES = {"fastapi": "fastapi", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client",
             "multipart": "python-multipart"}  # fmt: skip
_DEFAULTS = ServeOptions()

EXAMPLES = """\
examples:
  realesr serve
  realesr serve --port 9000 -n realesr-photo-x4 realesr-anime-x4
  realesr serve --host 0.0.0.0 --token-file token.txt
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "serve",
        help="a page and an API over HTTP",
        description="Serves a page, and an API for pictures and clips, until it is ended. Needs "
        "the extra `serve`.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "-n", "--model-name", nargs="+", metavar="NAME",
        help="models that clients may choose, the default first; downloaded if they are not here "
        "(default: those that are here)",
    )  # fmt: skip
    group = parser.add_argument_group("address")
    group.add_argument("--host", default=_DEFAULTS.host, metavar="ADDRESS",
                       help="address to listen on; others than this machine need a token "
                       "(default: %(default)s)")  # fmt: skip
    group.add_argument("--port", type=int, default=_DEFAULTS.port, metavar="N",
                       help="port, 0 takes a free one (default: %(default)s)")  # fmt: skip
    group.add_argument("--token-file", type=Path, metavar="FILE",
                       help="file with the token that clients present (default: the variable "
                       f"{TOKEN_VARIABLE})")  # fmt: skip
    _add_limits(parser)
    add_device_options(parser)
    parser.set_defaults(run=run, ends_by_itself=True)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")

    def add(name: str, kind: object, metavar: str, help_: str) -> None:
        default = getattr(_DEFAULTS, name)
        shown = f"{default >> 20}M" if kind is memory else f"{default:g}"
        option = "--" + name.removesuffix("_s").replace("_", "-")
        group.add_argument(
            option, type=kind, default=default, metavar=metavar, dest=name,  # type: ignore[arg-type]
            help=f"{help_} (default: {shown})",
        )  # fmt: skip

    add("max_body", memory, "SIZE", "largest body with an image")
    add("max_video_body", memory, "SIZE", "largest body with a video")
    add("max_pixels", int, "N", "largest image or frame that is decoded, pixels")
    add("max_result_pixels", int, "N", "largest result, pixels")
    add("queue", int, "N", "images that wait or are at work")
    add("max_jobs", int, "N", "videos that wait, are at work or are kept")
    add("max_storage", memory, "SIZE", "files of all videos")
    add("timeout_s", float, "SECONDS", "time for an image")
    add("upload_timeout_s", float, "SECONDS", "time for a body")
    add("video_timeout_s", float, "SECONDS", "time for a video")
    add("keep_s", float, "SECONDS", "how long results of videos are kept")
    add("drain_s", float, "SECONDS", "time for what is at work when a signal comes")
    group.add_argument("--temporary", type=Path, metavar="FOLDER",
                       help="folder for temporary files (default: the system's)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serves; returns the exit code.

    Raises:
        RealesrError: The service could not start.
    """
    missing = [name for package, name in _PACKAGES.items() if find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"the service needs {', '.join(missing)}: `pip install 'realesr[serve]'`"
        )
    names = tuple(args.model_name or _names_here())
    limits = {name: getattr(args, name) for name in ServeOptions.__dataclass_fields__
              if hasattr(args, name)}  # fmt: skip
    options = ServeOptions(**limits, token=_token(args.token_file), models=names)
    base = device_options(args)
    for notice in idle_of_tiles(base):
        print_notice(notice)
    _fetch(base, names)
    # The cheap checks are done. The following imports are slow.
    from realesr.serving.run import serve

    keep_memory()
    serve(
        options,
        base,
        version=__version__,
        temporary=args.temporary,
        notify=print_notice,
        on_start=lambda address: tell(f"listening on {address}; Ctrl-C ends it"),
        logs_requests=args.verbose > 0,
    )
    return 0


def _names_here() -> list[str]:
    here = [spec.name for spec in MODELS if find_local_weights(spec)]
    return sorted(here, key=lambda name: name != DEFAULT_MODEL) or [DEFAULT_MODEL]


def _fetch(base: UpscaleOptions, names: tuple[str, ...]) -> None:
    """Finds or downloads all models now, so that no client has to wait for it."""
    from dataclasses import replace

    from realesr.cli.reporter import download_bar
    from realesr.loading.resolve import ensure_files

    for name in names:
        if name not in BASELINES:
            find_model(name, files="A service has models of the catalog alone")
        options = replace(base, model_name=name)
        ensure_files(options, downloading=download_bar, notify=print_notice)


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "is no text"
        raise InvalidOptionError(f"`token_file` {path}: {reason}") from error
