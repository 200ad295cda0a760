"""Downloads of weights: resumed, retried, and verified before a file gets its final name."""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from realesr.errors import (
    ChecksumMismatchError,
    DownloadError,
    InvalidOptionError,
    MissingWeightsError,
)
from realesr.partial import drop_if_foreign, reopen
from realesr.progress import Notice, Notify, Progress, no_notice, no_progress
from realesr.reasons import reason_of
from realesr.weights.catalog import (
    MIRROR_VARIABLE,
    ORIGINS,
    Spec,
    WeightFile,
    cache_folder,
    find_weights,
)
from realesr.weights.limits import plain
from realesr.weights.transfer import Pace, PageError, RangeError, blocks_of, check_range, opened

WAITS_S = (1.0, 3.0, 9.0)
"""Pauses between attempts, s."""
TIMEOUT_S = 30.0
"""Longest time without data from the server, s."""
MIN_RATE = 1024
"""Least number of bytes per second. At this rate the smallest model takes 20 minutes, and a server
that sends less is broken or means harm."""

_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(
    weights: WeightFile,
    folder: Path,
    *,
    on_progress: Progress = no_progress,
    notify: Notify = no_notice,
    sleep: Callable[[float], None] = time.sleep,
    timeout_s: float = TIMEOUT_S,
    min_rate: int = MIN_RATE,
) -> Path:
    """Downloads a weights file.

    An interrupted download stays in the folder, in a file that ends with ``.part``, and the next
    attempt resumes it.

    Args:
        weights: The file to download.
        folder: Folder of the file; it is created if it is missing.
        on_progress: Receives the number of downloaded bytes and of all bytes.
        notify: Receives a notice before every further attempt.
        sleep: Function that waits between attempts, for a time in s.
        timeout_s: Longest time without data, and the time over which the rate is measured, s.
        min_rate: Least rate, bytes per second. A slower server counts as one that has failed.

    Returns:
        Path of the verified file.

    Raises:
        InvalidOptionError: The address of the mirror is none.
        DownloadError: The server cannot be reached, does not have the file, or the folder cannot
            be written.
        ChecksumMismatchError: The downloaded bytes are not the expected ones; they are deleted.
    """
    target = folder / weights.name
    partial = folder / f"{weights.name}.part"
    url = _address(weights, target)
    pace = Pace(timeout_s, min_rate)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A second process waits here, and then finds the file.
        with FileLock(folder / f"{weights.name}.lock"):
            if target.exists() and sha256_of(target) == weights.sha256:
                return target
            drop_if_foreign(partial)
            is_resumed = partial.exists()
            _download(url, weights, partial, target, on_progress, notify, sleep, pace)
            if is_resumed and sha256_of(partial) != weights.sha256:
                partial.unlink()  # its beginning belonged to another file
                _download(url, weights, partial, target, on_progress, notify, sleep, pace)
            _verify(partial, weights, url)
            partial.replace(target)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written: {reason_of(error)}") from error
    return target


def ensure_weights(
    spec: Spec, *, on_progress: Progress = no_progress, notify: Notify = no_notice
) -> Path:
    """Finds the weights of a model on this machine, or downloads them into the user's cache.

    Args:
        spec: Catalog entry of the model.
        on_progress: Receives the number of downloaded bytes and of all bytes.
        notify: Receives a notice if a local file is not the one of the catalog.

    Returns:
        Path of the weights file.

    Raises:
        MissingWeightsError: The weights are missing and cannot be downloaded.
        DownloadError, ChecksumMismatchError: See :func:`fetch`.
    """
    try:
        path = find_weights(spec)
    except MissingWeightsError:
        if spec.weights.url is None:
            raise
        return fetch(spec.weights, cache_folder(), on_progress=on_progress, notify=notify)
    if not matches_checksum(path, spec.weights):
        notify(
            Notice(
                "weights-differ",
                f"{path} is not the published {spec.name} (its SHA-256 differs), and used as it is",
            )
        )
    return path


def matches_checksum(path: Path, weights: WeightFile) -> bool:
    """Returns whether a file has the size and the SHA-256 of the catalog."""
    return path.stat().st_size == weights.size_bytes and sha256_of(path) == weights.sha256


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _address(weights: WeightFile, target: Path) -> str:
    if weights.url is None:
        raise DownloadError(
            f"{weights.name} is part of realesr and cannot be downloaded: put it at {target}"
        )
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror is None:
        return weights.url
    if not _is_address(mirror):
        raise InvalidOptionError(
            f"{MIRROR_VARIABLE}={plain(mirror)} is no address: it must begin with https:// or "
            "http:// and name a server, such as https://example.org/models; unset it to download "
            "from the official pages"
        )
    origin = next(origin for origin in ORIGINS if weights.url.startswith(origin))
    return mirror.rstrip("/") + weights.url.removeprefix(origin)


def _is_address(mirror: str) -> bool:
    if not mirror.isascii() or not mirror.isprintable() or " " in mirror:
        return False
    try:
        parts = urllib.parse.urlsplit(mirror)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port, or brackets
        return False


def _download(
    url: str,
    weights: WeightFile,
    partial: Path,
    target: Path,
    on_progress: Progress,
    notify: Notify,
    sleep: Callable[[float], None],
    pace: Pace,
) -> None:
    """Downloads all bytes, with repeated attempts after temporary errors.

    Raises:
        DownloadError: An error is permanent, or the last attempt failed.
    """
    for wait_s in (*WAITS_S, None):
        try:
            _continue(url, weights, partial, on_progress, pace)
            break
        except PageError as error:
            raise DownloadError(_explain(error, url, target)) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
            if wait_s is None or not _is_transient(error):
                raise DownloadError(_explain(error, url, target)) from error
            notify(
                Notice(
                    "download-retried",
                    f"{weights.name}: {_reason(error)}; trying again in {wait_s:g} s",
                )
            )
            sleep(wait_s)


def _continue(
    url: str, weights: WeightFile, partial: Path, on_progress: Progress, pace: Pace
) -> None:
    """Downloads the missing bytes in one request; in a second one if the server cannot resume.

    Raises:
        ConnectionError: The connection ended before the last byte, or is too slow.
        PageError: The server sends something else.
    """
    there = partial.stat().st_size if partial.exists() else 0
    if there >= weights.size_bytes:
        partial.unlink()  # belongs to another file, or failed its check
        there = 0
    request = urllib.request.Request(url, headers={"User-Agent": "realesr"})  # noqa: S310
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        with opened(request, pace.timeout_s) as response:
            is_partial = response.status == http.HTTPStatus.PARTIAL_CONTENT
            if is_partial:
                check_range(response, there)
            done = there if is_partial else 0
            blocks = blocks_of(response, weights.size_bytes - done, pace)
            with reopen(partial, is_continued=is_partial) as file:
                for block in blocks:
                    file.write(block)
                    done += len(block)
                    on_progress(done, weights.size_bytes)
    except (RangeError, urllib.error.HTTPError) as error:
        status = getattr(error, "code", http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        if not there or status != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        partial.unlink()
        _continue(url, weights, partial, on_progress, pace)
        return
    if done < weights.size_bytes:
        raise ConnectionError(f"the connection ended after {done} of {weights.size_bytes} bytes")


def _verify(partial: Path, weights: WeightFile, url: str) -> None:
    found = sha256_of(partial)
    if found != weights.sha256:
        partial.unlink()
        raise ChecksumMismatchError(
            f"{url}: what came is not {weights.name}: its SHA-256 is {found}, expected "
            f"{weights.sha256}. Nothing was kept; a proxy or a mirror may have changed it"
        )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _TRANSIENT_STATUSES
    return True


def _explain(error: Exception, url: str, target: Path) -> str:
    return (
        f"{target.name} cannot be downloaded from {url}: {_reason(error)}. Download it elsewhere "
        f"and put it at {target}, or name a mirror in {MIRROR_VARIABLE}"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return plain(f"the server answers {error.code} {error.reason}".strip())
    return plain(str(getattr(error, "reason", None) or error), 300)
