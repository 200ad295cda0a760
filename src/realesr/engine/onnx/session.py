"""Runtimes that compute ONNX networks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from realesr.engine.device import kind_of
from realesr.engine.onnx.content import OnnxFile, required
from realesr.errors import DeviceError, DeviceUnavailableError, UnsupportedCheckpointError
from realesr.weights.limits import plain

Values = NDArray[Any]

RUNTIMES = ("onnxruntime", "openvino")
"""Values of the option ``engine`` that compute ONNX networks."""

_PROVIDERS = {
    "cpu": (),
    "cuda": ("CUDAExecutionProvider", "MIGraphXExecutionProvider", "ROCMExecutionProvider"),
    "mps": ("CoreMLExecutionProvider",),
    "auto": (
        "CUDAExecutionProvider",
        "MIGraphXExecutionProvider",
        "ROCMExecutionProvider",
        "DmlExecutionProvider",
        "CoreMLExecutionProvider",
    ),
}
"""Onnxruntime's names of what computes on a device, the first choice first. Packages for other
devices replace the package onnxruntime: onnxruntime-gpu, -directml, -migraphx, ..."""
_TENSORRT = "TensorrtExecutionProvider"
"""Builds an engine for each size of tile, which takes minutes: for networks of one size."""
_CPU = "CPUExecutionProvider"
_MEMORY_WORDS = ("bad_alloc", "bad alloc", "allocate memory", "out of memory", "alloc failed")


class Session(Protocol):
    """A network that is ready to run."""

    @property
    def device(self) -> str:
        """Name of the device: ``cpu``, ``cuda:0``, ``directml``, ..."""
        ...

    def __call__(self, images: Values) -> Values:
        """Runs the network on (N, 3, H, W), and returns what it gives, whatever that is.

        Raises:
            MemoryError: There is not enough.
            DeviceError: The runtime refuses to compute this.
        """
        ...


def open_session(runtime: str, file: OnnxFile, *, device: str, threads: int | None) -> Session:
    """Loads a network into a runtime.

    Args:
        runtime: One of :data:`RUNTIMES`.
        file: The network.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; OpenVINO knows the first two.
        threads: Number of CPU threads; None for one per core.

    Raises:
        MissingExtraError: The runtime is not installed.
        DeviceUnavailableError: It does not compute on this device here.
        UnsupportedCheckpointError: It refuses the network.
    """
    if runtime == "openvino":
        return _OpenVino(file, device, threads)
    return _OnnxRuntime(file, device, threads)


class _OnnxRuntime:
    def __init__(self, file: OnnxFile, device: str, threads: int | None) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it keeps an id in the home folder
        runtime = required("onnxruntime", "`engine` onnxruntime")
        runtime.set_default_logger_severity(4)  # realesr words its errors itself
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4
        providers = _providers(runtime.get_available_providers(), device, file)
        try:
            self._session = runtime.InferenceSession(file.data, options, providers)
        except Exception as error:  # its kinds have no common class but Exception
            raise UnsupportedCheckpointError(
                f"onnxruntime refuses the network: {_said(error)}"
            ) from error
        self._names = file.output_name, file.input_name
        self.device = _name_of(self._session.get_providers()[0], device)

    def __call__(self, images: Values) -> Values:
        output, input_name = self._names
        try:
            (result,) = self._session.run([output], {input_name: images})
        except Exception as error:
            raise _worded(error, images.shape) from error
        return np.asarray(result)


class _OpenVino:
    def __init__(self, file: OnnxFile, device: str, threads: int | None) -> None:
        # OpenVINO does without telemetry, which keeps an id in the home folder, if there is none.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        openvino = required("openvino", "`engine` openvino")
        if device not in ("auto", "cpu"):
            raise DeviceUnavailableError(f"`device` {device}: OpenVINO knows auto and cpu here")
        core = openvino.Core()
        self.device = "cpu"
        target = "CPU"
        if device == "auto" and "GPU" in core.available_devices:
            self.device, target = "gpu", "GPU"
        config: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if target == "CPU":
            config["INFERENCE_PRECISION_HINT"] = "f32"
            if threads is not None:
                config["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(file.data, b"")
            self._network = core.compile_model(model, target, config)
        except Exception as error:
            raise UnsupportedCheckpointError(f"OpenVINO refuses the network: {_said(error)}") from (
                error
            )

    def __call__(self, images: Values) -> Values:
        try:
            return np.array(self._network(images)[0])  # a copy: the next run overwrites it
        except Exception as error:
            raise _worded(error, images.shape) from error


def _providers(available: Sequence[str], device: str, file: OnnxFile) -> list[Any]:
    """Returns what onnxruntime is to use, the first choice first; the CPU takes the rest.

    Raises:
        DeviceUnavailableError: Nothing that is installed computes on the device.
    """
    kind, _, number = device.partition(":")
    chosen: list[Any] = [each for each in _PROVIDERS[kind] if each in available][:1]
    if kind in ("auto", "cuda") and None not in file.fixed and _TENSORRT in available:
        chosen.insert(0, _TENSORRT)
    if kind != "auto" and kind != "cpu" and not chosen:
        raise DeviceUnavailableError(
            f"`device` {device}: the installed onnxruntime computes on {', '.join(available)}"
        )
    if number:
        chosen = [(each, {"device_id": number}) for each in chosen]
    return [*chosen, _CPU]


def _name_of(provider: str, device: str) -> str:
    """Returns the name of a device from that of what computes there."""
    if provider == _CPU:
        return "cpu"
    if provider in _PROVIDERS["cuda"] or provider == _TENSORRT:
        return device if kind_of(device) == "cuda" and ":" in device else "cuda:0"
    names = {"DmlExecutionProvider": "directml", "CoreMLExecutionProvider": "coreml"}
    return names.get(provider, provider)


def _worded(error: Exception, shape: tuple[int, ...]) -> Exception:
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(word in text for word in _MEMORY_WORDS):
        return MemoryError(f"no memory for a tile of {shape[-1]}x{shape[-2]} px")
    return DeviceError(f"the network fails at {shape[-1]}x{shape[-2]} px: {_said(error)}")


def _said(error: Exception) -> str:
    return plain(" ".join(str(error).split()), 300) or type(error).__name__
