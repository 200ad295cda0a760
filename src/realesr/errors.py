"""The errors that the package raises on purpose.

    RealesrError
      UsageError (exit code 2): InvalidOptionError, UnknownModelError
      WeightsError: MissingWeightsError, DownloadError, ChecksumMismatchError,
                    UnsupportedCheckpointError
      MediaError: UnreadableMediaError, UnsupportedMediaError (TooLargeMediaError),
                  UnwritableMediaError,
                  FFmpegNotFoundError, FFmpegError
      TrainingError
      DeviceError: DeviceUnavailableError, UnsupportedPrecisionError, OutOfMemoryError

A message says what failed, on which file, and what to do next.
"""

from __future__ import annotations


class RealesrError(Exception):
    """Base class of all errors; ``exit_code`` is the exit code of the command."""

    exit_code = 1


class UsageError(RealesrError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class InvalidOptionError(UsageError, ValueError):
    """An option has a value outside its range, or contradicts another."""


class UnknownModelError(UsageError, LookupError):
    """No model of that name is in the catalog."""


class WeightsError(RealesrError):
    """The weights of a model are not available."""


class MissingWeightsError(WeightsError, FileNotFoundError):
    """A weights file is in none of the searched folders."""


class DownloadError(WeightsError, OSError):
    """Weights cannot be downloaded."""


class ChecksumMismatchError(WeightsError):
    """The SHA-256 of a downloaded file is not that of the catalog."""


class UnsupportedCheckpointError(WeightsError):
    """A weights file is damaged, unsafe, or of an unknown architecture."""


class MissingExtraError(RealesrError):
    """A package is missing that an extra of realesr installs."""


class MediaError(RealesrError):
    """An image or a video cannot be read or written."""


class UnreadableMediaError(MediaError, OSError):
    """A file is missing or damaged, or is not an image or video."""


class UnsupportedMediaError(MediaError):
    """A file is intact, but its format is not supported."""


class TooLargeMediaError(UnsupportedMediaError):
    """An image says to have more pixels than are decoded."""


class UnwritableMediaError(MediaError, OSError):
    """An output cannot be written."""


class FFmpegNotFoundError(MediaError):
    """There is no ffmpeg, or only one that lacks necessary features."""


class FFmpegError(MediaError):
    """ffmpeg failed; the message contains its last error lines."""


class TrainingError(RealesrError):
    """A training run cannot continue; its last checkpoint is intact."""


class DeviceError(RealesrError):
    """The device cannot perform the computation."""


class DeviceUnavailableError(DeviceError):
    """The device does not exist on this machine."""


class UnsupportedPrecisionError(DeviceError):
    """The device does not support this precision, or is slower in it."""


class OutOfMemoryError(DeviceError, MemoryError):
    """The result, or a single tile of the smallest size, does not fit."""
