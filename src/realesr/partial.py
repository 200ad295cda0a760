"""Partial files: a hidden name beside the destination, which a file gets when it is complete.

Names are random, and links are never followed. The owner holds a lock on each file and folder of
its own for as long as it lives, so that leftovers of a killed process are told from files that are
being written: the next process that writes into the same folder removes what nobody locks. Names
hold a mark of the machine, because locks of other machines may not be seen here.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from realesr.emergency import check_not_ending, on_emergency
from realesr.special import special_kind

if sys.platform != "win32":
    import fcntl

_PREFIX = "realesr-"
_SUFFIX = ".part"
_MARK = 8
"""Length of each of the two marks in a name: of the machine, and of its run since it started."""
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_PEEK = _SAFE | getattr(os, "O_NONBLOCK", 0)

_swept: set[tuple[str, bool]] = set()


class Partial:
    """A new file that replaces its destination in one step when it is complete.

    Leaving the context with an exception, or without :meth:`commit`, removes it.

    Args:
        destination: The name that the file gets in the end. A missing folder is created.

    Attributes:
        path: The hidden name, of 43 bytes whatever the destination is called.

    Raises:
        OSError: The folder or the file cannot be written, or the destination is a folder, a FIFO,
            a socket or a device. ``strerror`` says so in words.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        folder = destination.parent
        folder.mkdir(parents=True, exist_ok=True)
        _check_replaceable(destination)
        remove_leftovers(folder)
        self.path, self._lock = folder, -1
        # First, so that a process that is ending makes no file that nobody removes.
        self._forget = on_emergency(self._unlink)
        try:
            self._lock = _create(folder, self._plan)
            check_not_ending()
        except BaseException:
            self._forget()
            self._unlink()
            self._unlock()
            raise

    def _plan(self, path: Path) -> None:
        self.path = path

    def open(self) -> IO[bytes]:
        """Returns the file, open for writing; the caller closes it before :meth:`commit`."""
        return os.fdopen(os.dup(self._lock), "wb")

    def commit(self, *, is_durable: bool = False) -> None:
        """Gives the file its name.

        Args:
            is_durable: Whether the content must have reached the disk before, so that a file of
                this name is whole even after a power cut.

        Raises:
            OSError: That is not possible; the partial file is removed.
        """
        try:
            if is_durable:
                os.fsync(self._lock)
            if sys.platform == "win32":  # no file is renamed there while it is open
                self._unlock()
            self.path.replace(self.destination)
        except BaseException:
            self.discard()
            raise
        self._forget()
        self._unlock()

    def discard(self) -> None:
        """Removes the file; does nothing after :meth:`commit`."""
        self._forget()
        if self._lock >= 0:
            if sys.platform == "win32":
                self._unlock()
            self._unlink()
            self._unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.discard()

    def _unlink(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _unlock(self) -> None:
        if self._lock >= 0:
            descriptor, self._lock = self._lock, -1
            os.close(descriptor)


def write_whole(destination: Path, data: bytes) -> None:
    """Writes a file that gets its name only when it is complete.

    Raises:
        OSError: As :class:`Partial` does, or the disk is full.
    """
    with Partial(destination) as partial:
        with partial.open() as file:
            file.write(data)
        partial.commit()


def reopen(path: Path, *, is_continued: bool) -> IO[bytes]:
    """Opens a partial file that keeps its name between runs, such as a download, for writing.

    Args:
        path: The file; its folder exists. A caller locks it by other means.
        is_continued: Whether writing goes on at its end; otherwise the file is made anew.

    Raises:
        OSError: It cannot be written.
    """
    drop_if_foreign(path)
    if not is_continued:
        path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | _PEEK
    flags |= os.O_APPEND if is_continued else os.O_EXCL
    return os.fdopen(os.open(path, flags, 0o666), "ab" if is_continued else "wb")


def drop_if_foreign(path: Path) -> None:
    """Removes a link, or anything else that no earlier run can have left under a name.

    Raises:
        OSError: It cannot be removed.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not _is_own_file(status):
        path.unlink()


@contextmanager
def temporary_folder(beside: Path | None = None) -> Iterator[Path]:
    """Makes a folder for temporary files, and removes it with its content in the end.

    Args:
        beside: The existing folder in which it is hidden, for files that may be large; None for
            the system's folder of temporary files.
    """
    import shutil
    import tempfile

    parent = Path(tempfile.gettempdir()) if beside is None else beside
    prefix = f"{'' if beside is None else '.'}{_PREFIX}{''.join(_marks())}-"
    remove_leftovers(parent, are_folders=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = -1
        if sys.platform != "win32":
            with suppress(FileNotFoundError):
                lock = os.open(folder, _PEEK | os.O_DIRECTORY)
            if lock < 0 or not _lock(lock) or not os.fstat(lock).st_nlink:
                if lock >= 0:
                    os.close(lock)
                continue  # another process took it for a leftover
        break

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    try:
        forget = on_emergency(remove)
    except BaseException:
        remove()
        raise
    try:
        yield folder
    finally:
        remove()
        forget()
        if lock >= 0:
            os.close(lock)


def remove_leftovers(folder: Path, *, are_folders: bool = False) -> None:
    """Removes what killed processes have left in a folder; each folder is searched once a process.

    Args:
        folder: Where to look.
        are_folders: Whether temporary folders are removed, or partial files.
        start: What their names begin with; None for what is usual in either case.
    """
    # as a string, and without looking at links
    key = os.path.abspath(folder), are_folders  # noqa: PTH100
    if key in _swept or sys.platform == "win32":
        return
    _swept.add(key)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_hidden = entry.name.startswith(".")
            name = entry.name.removeprefix(".")
            if name.startswith(_PREFIX) and (are_folders or (is_hidden and name.endswith(_SUFFIX))):
                with suppress(OSError):
                    _remove_leftover(Path(entry.path), name[len(_PREFIX) :], are_folders)


def _remove_leftover(path: Path, marks: str, is_folder: bool) -> None:
    """Removes a file or a folder of an owner that lives no more; leaves anything else alone."""
    # Some file systems lock for writing only what is open for it.
    descriptor = os.open(path, (os.O_RDONLY if is_folder else os.O_RDWR) | _PEEK)
    try:
        status = os.fstat(descriptor)
        is_own = _is_own_folder(status) if is_folder else _is_own_file(status)
        if not is_own or not _is_of_this_machine(marks, status.st_mtime):
            return
        if not _lock(descriptor, is_needed=True):
            return
        now = path.lstat()
        if (now.st_ino, now.st_dev) != (status.st_ino, status.st_dev):
            return
        if is_folder:
            import shutil

            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _is_of_this_machine(marks: str, changed_at: float) -> bool:
    """Returns whether an owner would be seen here if it lived, by the marks in a name.

    Locks of the same run of a machine are seen, also from other containers. After a new start, the
    name of the machine has to do, and nothing has been written since.
    """
    machine, boot = _marks()
    if marks[_MARK : 2 * _MARK] == boot:
        return True
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    running_s = time.monotonic() if clock is None else time.clock_gettime(clock)
    started_at = time.time() - running_s
    return marks[:_MARK] == machine and changed_at < started_at


@cache
def _marks() -> tuple[str, str]:
    """Returns marks of this machine and of its run since it started, hexadecimal."""
    machine = os.uname().nodename if sys.platform != "win32" else ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        boot = machine
    return f"{zlib.crc32(machine.encode()):08x}", f"{zlib.crc32(boot.encode()):08x}"


def _create(folder: Path, plan: Callable[[Path], None]) -> int:
    """Creates and locks a file; returns its descriptor.

    Args:
        folder: Where.
        plan: Receives the path before the file is there.
    """
    while True:
        name = f".{_PREFIX}{''.join(_marks())}-{os.urandom(6).hex()}{_SUFFIX}"
        path = folder / name
        plan(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, 0o666)
        except FileExistsError:
            continue
        # Between the two calls, another process may have taken it for a leftover.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _lock(descriptor: int, *, is_needed: bool = False) -> bool:
    """Locks without waiting; returns whether nobody else holds a lock.

    Args:
        descriptor: An open file or folder.
        is_needed: What to return where a file system has no locks: False if they are needed.
    """
    if sys.platform == "win32":
        return not is_needed
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not is_needed
    return True


def _is_own_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and _is_mine(status)


def _is_own_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and _is_mine(status)


def _is_mine(status: os.stat_result) -> bool:
    return sys.platform == "win32" or status.st_uid == os.geteuid()


def _check_replaceable(destination: Path) -> None:
    """Raises an error if something is there that no file may replace, or the name is too long."""
    try:
        mode = destination.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # a link to nothing is replaced
            return
        if error.errno == errno.ENAMETOOLONG:
            reason = "the name is too long for this file system: choose a shorter one"
            raise OSError(errno.ENAMETOOLONG, reason) from None
        raise
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder: choose another `output`")
    kind = special_kind(mode)
    if kind is not None:
        raise FileExistsError(errno.EEXIST, f"is {kind}, and not replaced: choose another `output`")
