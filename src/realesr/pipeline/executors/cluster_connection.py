"""The connection to a Ray cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from realesr.errors import InvalidOptionError, MissingExtraError
from realesr.progress import Notice, Notify

_ANSWER_S = 5.0
"""Time for a machine to take a connection, s."""
_SLOW_S = 15.0
"""Time after which a cluster that does not answer is told of, s."""

Ray = Any


def import_ray() -> Ray:
    """Imports Ray, whose start takes a second: nothing else in the package does.

    Raises:
        MissingExtraError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray's coming default: it leaves CUDA_VISIBLE_DEVICES of workers without a GPU alone.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
    except ImportError as error:
        raise MissingExtraError(
            f'`cluster` needs Ray ({error}): pip install "realesr[cluster]" on every machine'
        ) from error
    return ray


def connect(ray: Ray, address: str, *, notify: Notify) -> bool:
    """Connects this process to a cluster.

    Args:
        ray: The package.
        address: ``HOST:PORT``, ``auto`` or ``local``.
        notify: Receives a notice if the cluster takes long to answer; from another thread.

    Returns:
        Whether the connection is new; False if the process had one.

    Raises:
        InvalidOptionError: No cluster answers there.
    """
    if ray.is_initialized():
        return False
    if address.startswith("ray://"):
        raise InvalidOptionError(
            f"`cluster` {address}: run the command on a machine of the cluster, such as by "
            "`ray job submit`, and name the address of its head, HOST:6379, or auto"
        )
    _check_answers(address)
    slow = Notice("cluster-slow", f"waits for Ray at {address}: is that the address of the head?")
    timer = threading.Timer(_SLOW_S, notify, (slow,))
    timer.daemon = True
    timer.start()
    try:
        with _signals_kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            more = {"include_dashboard": False} if address == "local" else {}
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except Exception as error:
        raise _no_answer(address, error) from error
    finally:
        timer.cancel()
    return True


def _check_answers(address: str) -> None:
    """Checks that something listens where the head of a cluster should: Ray waits for ever.

    Raises:
        InvalidOptionError: Nothing does.
    """
    place = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal():
        return  # Ray looks for it, or refuses it
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_answer(place, error) from error


def _no_answer(address: str, error: Exception) -> InvalidOptionError:
    first = str(error).partition("\n")[0]
    return InvalidOptionError(
        f"`cluster` {address}: no Ray cluster answers ({first}): start one as docs/scaling.md "
        "shows, or let `cluster` local begin one on this machine"
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keeps the handlers of signals, some of which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)
