"""Every error that the package raises on purpose.

    RealesrError
      UsageError (exit code 2): InvalidOptionError, UnknownModelError
      WeightsError: MissingWeightsError, DownloadError, ChecksumMismatchError,
                    UnsupportedCheckpointError
      MediaError: UnreadableMediaError, UnsupportedMediaError, UnwritableMediaError,
                  FFmpegNotFoundError, FFmpegError
      TrainingError
      DeviceError: DeviceUnavailableError, UnsupportedPrecisionError, OutOfMemoryError

A message says what failed, on which file, and what to do next.
"""

from __future__ import annotations


class RealesrError(Exception):
    """The base of all; ``exit_code`` is what the command exits with."""

    exit_code = 1


class UsageError(RealesrError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class InvalidOptionError(UsageError, ValueError):
    """An option has a value outside its range, or contradicts another."""


class UnknownModelError(UsageError, LookupError):
    """No model of that name is in the catalog."""


class WeightsError(RealesrError):
    """The weights of a model cannot be had."""


class MissingWeightsError(WeightsError, FileNotFoundError):
    """A file of weights is in none of the places where it is looked for."""


class DownloadError(WeightsError, OSError):
    """Weights cannot be downloaded."""


class ChecksumMismatchError(WeightsError):
    """A downloaded file is not what it should be."""


class UnsupportedCheckpointError(WeightsError):
    """A file of weights is damaged, unsafe, or of an unknown architecture."""


class MissingExtraError(RealesrError):
    """A package is needed that only an extra of realesr brings."""


class MediaError(RealesrError):
    """An image or a video cannot be read or written."""


class UnreadableMediaError(MediaError, OSError):
    """A file is missing, damaged, or no image."""


class UnsupportedMediaError(MediaError):
    """A file is intact but of a kind that is not handled."""


class UnwritableMediaError(MediaError, OSError):
    """An output cannot be written."""


class FFmpegNotFoundError(MediaError):
    """There is no ffmpeg, or only one that lacks what videos need."""


class FFmpegError(MediaError):
    """ffmpeg failed; the message has its last words."""


class TrainingError(RealesrError):
    """A training run cannot go on; its last checkpoint is intact."""


class DeviceError(RealesrError):
    """The device cannot do what is asked."""


class DeviceUnavailableError(DeviceError):
    """The device does not exist on this machine."""


class UnsupportedPrecisionError(DeviceError):
    """The device does not compute in this precision, or only slowly."""


class OutOfMemoryError(DeviceError, MemoryError):
    """The result, or a single tile of the smallest size, does not fit."""
