"""A look through a PyTorch pickle that builds nothing.

PyTorch's weights-only unpickler runs no code, but a small pickle can make it build gigabytes, or
tuples so deep that Python crashes when they are compared. This scan follows the instructions and
notes for each value only how deep and how large it is.
"""

from __future__ import annotations

import itertools
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from realesr.errors import UnsupportedCheckpointError
from realesr.weights.limits import MAX_PICKLE_BYTES, plain

MAX_INSTRUCTIONS = 500_000
"""A parameter takes about 25; with an optimizer's state, four times as many."""
MAX_DEPTH = 64
MAX_NODES = 4_000_000
"""Values of a pickle if every reference to the same value counted anew."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""First value of a file of PyTorch before 1.6 (``torch/serialization.py``)."""
_DAMAGE = (
    *(ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError),
    MemoryError,  # a string that says to be longer than the memory
)
"""What a scan of mixed up instructions leads to."""
_LONGEST_LINE = 4096
_LEGACY_PICKLES = 5
"""Magic number, version, system, content, keys of the storages."""

INERT = (
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.dtype",
    "numpy.ndarray",
)
"""What makes NumPy values, which training code leaves beside the weights. They are not built."""

_TENSORS = tuple(f"torch._utils._rebuild_tensor{version}" for version in ("", "_v2", "_v3"))
_STORAGES = ("torch.storage.UntypedStorage", "torch.storage.TypedStorage")
_HARMLESS = (
    *("collections.OrderedDict", "collections.Counter", "builtins.set", "builtins.complex"),
    *("torch.Size", "torch.device", "torch.serialization._get_layout"),
    *("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"),
)
_MADE = {
    "collections.OrderedDict": "ordered",
    "torch._utils._rebuild_parameter": "tensor",
    "torch._utils._rebuild_parameter_with_state": "tensor",
}
_ENCODE = "_codecs.encode"
_KNOWN = frozenset((*_TENSORS, *_STORAGES, *_HARMLESS, *INERT, _ENCODE))
_PYTHON_2 = {"__builtin__": "builtins"}

_ITEM_BYTES = {
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Byte", "Char", "Bool", "QInt8", "QUInt8", "Untyped"), 1),
    "ComplexDouble": 16,
}
"""Size of a value, bytes, by the storage's type without ``Storage`` (``torch/storage.py``)."""


class _RefusedError(Exception):
    """The pickle is refused; the message is a clause."""


@dataclass(slots=True)
class _Value:
    """What is known of a value: nesting, size, and its content where the scan needs it."""

    depth: int = 0
    nodes: int = 1
    kind: str = "plain"
    content: Any = None


@dataclass(slots=True)
class Plan:
    """What a pickle would build.

    Attributes:
        storages: Sizes of all storages, bytes, by their keys.
        shapes: Shapes of all tensors.
        names: Keys of the tensors in dicts.
    """

    storages: dict[str, int] = field(default_factory=dict)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def scan_pickle(path: Path, file: BinaryIO, *, is_legacy: bool = False) -> Plan:
    """Follows the instructions of a pickle.

    Args:
        path: The weights file, for messages.
        file: The pickle; its position afterwards is behind it.
        is_legacy: Whether this is a whole file of PyTorch before 1.6, which begins with five
            pickles.

    Raises:
        UnsupportedCheckpointError: The pickle is damaged, would run code, or would build more than
            a network can need.
    """
    scanner = _Scanner()
    try:
        for number in range(_LEGACY_PICKLES if is_legacy else 1):
            result = scanner.follow(file)
            if is_legacy and number == 0 and result.content != LEGACY_MAGIC:
                raise _RefusedError("it is a pickle, but PyTorch did not write it")
    except _RefusedError as error:
        raise UnsupportedCheckpointError(
            f"{path} cannot be loaded safely as a PyTorch checkpoint: {error}"
        ) from error
    except _DAMAGE as error:
        raise UnsupportedCheckpointError(
            f"{path} cannot be loaded safely as a PyTorch checkpoint: it is damaged or cut off "
            f"({type(error).__name__})"
        ) from error
    return scanner.plan


class _BoundedReader:
    """Reads a pickle in pieces of a plausible length: a file object reserves what it is told."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Reads a number of bytes.

        Raises:
            ValueError: The pickle says a length that is larger than any pickle of a network.
        """
        if size > MAX_PICKLE_BYTES:
            raise ValueError("a length beyond reason")
        return self._file.read(size)

    def readline(self) -> bytes:
        """Reads a line, or as much of it as a name can have."""
        return self._file.readline(_LONGEST_LINE)


class _Scanner:
    """The stack machine of a pickle, on :class:`_Value`."""

    def __init__(self) -> None:
        self.plan = Plan()
        self._instructions = 0

    def follow(self, file: BinaryIO) -> _Value:
        """Follows one pickle to its end and returns its value.

        Raises:
            _RefusedError: See :func:`scan_pickle`.
            Exception: One of ``_DAMAGE``: the pickle is damaged.
        """
        self._stack: list[_Value] = []
        self._marks: list[list[_Value]] = []
        self._memo: dict[int, _Value] = {}
        for name, argument in self._opcodes(file):
            if name in _CONSTANTS:
                self._stack.append(_Value(content=argument))
            elif name in _FRESH:
                self._stack.append(_Value(depth=1, kind=_FRESH[name], content=[]))
            elif name == "STOP":
                return self._stack.pop()
            else:
                step = _STEPS.get(name)
                if step is None:
                    raise _RefusedError(
                        f"PyTorch's safe reader does not know its instruction {name}; save it anew "
                        "with torch.save"
                    )
                step(self, argument)
        raise ValueError("no end")

    def _opcodes(self, file: BinaryIO) -> Iterator[tuple[str, Any]]:
        for opcode, argument, _ in pickletools.genops(cast(BinaryIO, _BoundedReader(file))):
            self._instructions += 1
            if self._instructions > MAX_INSTRUCTIONS:
                raise _RefusedError(f"it has more than {MAX_INSTRUCTIONS} instructions")
            yield opcode.name, argument

    def _made(self, parts: list[_Value], kind: str, content: Any = None) -> _Value:
        made = _Value(kind=kind, content=content)
        self._grow(made, parts)
        return made

    def _grow(self, value: _Value, parts: list[_Value]) -> None:
        value.depth = max(value.depth, 1 + max((part.depth for part in parts), default=0))
        value.nodes += sum(part.nodes for part in parts)
        if value.depth > MAX_DEPTH or value.nodes > MAX_NODES:
            raise _RefusedError("its values are nested deeper than those of any network")

    def _popped_to_mark(self) -> list[_Value]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def mark(self, _: Any) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def pop(self, _: Any) -> None:
        self._stack.pop()

    def tuple_to_mark(self, _: Any) -> None:
        items = self._popped_to_mark()
        self._stack.append(self._made(items, "tuple", items))

    def small_tuple(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) < count:
            raise IndexError
        self._stack[-count:] = [self._made(items, "tuple", items)]

    def add(self, items: list[_Value]) -> None:
        """APPEND, SETITEM and the like: values of a list, or keys and values of a dict."""
        self._grow(self._stack[-1], items)
        for key, value in itertools.pairwise(items):
            if value.kind == "tensor" and isinstance(key.content, str):
                self.plan.names.append(key.content)

    def add_one(self, count: int) -> None:
        items = self._stack[-count:]
        del self._stack[-count:]
        self.add(items)

    def add_to_mark(self, _: Any) -> None:
        self.add(self._popped_to_mark())

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def reference(self, argument: str) -> None:
        """GLOBAL: a class or a function, by module and name."""
        module, _, name = argument.partition(" ")
        full = f"{_PYTHON_2.get(module, module)}.{name}"
        is_torch_type = full.startswith("torch.") and full.count(".") == 1
        if full.startswith("torch._utils.") and full not in _KNOWN:
            raise _RefusedError(
                f"it holds a kind of tensor that realesr does not read (`{plain(full)}`): sparse, "
                "quantized or nested ones among others"
            )
        if not is_torch_type and full not in _KNOWN:
            raise _RefusedError(
                f"it would run code on loading, {plain(full)}, which is refused. Whoever trusts it "
                "can save its state_dict() alone with torch.save"
            )
        self._stack.append(_Value(kind="global", content=full))

    def storage(self, _: Any) -> None:
        """BINPERSID: values that lie outside the pickle."""
        tag, type_, key, _, numel, *_ = (part.content for part in self._stack.pop().content)
        name = str(type_).removeprefix("torch.").removeprefix("storage.").removesuffix("Storage")
        if tag not in ("storage", b"storage") or name not in _ITEM_BYTES:
            raise _RefusedError(f"it refers to {plain(str(type_))}")
        if not isinstance(numel, int) or numel < 0:
            raise ValueError("a storage without a size")
        bytes_ = numel * _ITEM_BYTES[name]
        known = self.plan.storages.get(str(key), 0)
        self.plan.storages[str(key)] = max(known, bytes_)
        self._stack.append(_Value(kind="storage"))

    def call(self, _: Any) -> None:
        """REDUCE: a function and its arguments."""
        arguments, function = self._stack.pop(), self._stack.pop()
        name = function.content if function.kind == "global" else None
        parts = arguments.content if arguments.kind == "tuple" else None
        if parts is None or name is None:
            raise TypeError("no call")
        if name in _TENSORS:
            shape = tuple(part.content for part in parts[2].content)
            if parts[0].kind != "storage" or not all(isinstance(s, int) and s >= 0 for s in shape):
                raise TypeError("no tensor")
            self.plan.shapes.append(shape)
            kind = "tensor"
        elif name in INERT:
            kind = "inert"
        elif name in _HARMLESS:
            kind = _MADE.get(name, "made")
        elif name == _ENCODE and parts[-1].content in ("latin1", b"latin1"):
            kind = "made"
        else:
            raise _RefusedError(f"it calls {plain(name)}, which no file of weights needs")
        self._stack.append(self._made(parts, kind))

    def new(self, _: Any) -> None:
        """NEWOBJ: an object of a class."""
        _arguments, class_ = self._stack.pop(), self._stack.pop()
        if class_.content not in (*INERT, "collections.OrderedDict"):
            raise _RefusedError(f"it makes {plain(str(class_.content))}, which weights do not need")
        self._stack.append(_Value(kind="inert" if class_.content in INERT else "ordered"))

    def build(self, _: Any) -> None:
        """BUILD: the state of an object."""
        state = self._stack.pop()
        if self._stack[-1].kind not in ("inert", "ordered"):
            raise _RefusedError(f"it changes a {self._stack[-1].kind}, which weights do not need")
        self._grow(self._stack[-1], [state])


_CONSTANTS = frozenset(
    (
        *("BINFLOAT", "BININT", "BININT1", "BININT2", "BINUNICODE", "LONG1"),
        *("NEWFALSE", "NEWTRUE", "NONE", "SHORT_BINSTRING"),
    )
)
_FRESH = {"EMPTY_DICT": "dict", "EMPTY_LIST": "list", "EMPTY_SET": "set", "EMPTY_TUPLE": "tuple"}
_STEPS: dict[str, Any] = {
    "PROTO": lambda scanner, version: None,
    "MARK": _Scanner.mark,
    "TUPLE": _Scanner.tuple_to_mark,
    "TUPLE1": lambda scanner, _: scanner.small_tuple(1),
    "TUPLE2": lambda scanner, _: scanner.small_tuple(2),
    "TUPLE3": lambda scanner, _: scanner.small_tuple(3),
    "APPEND": lambda scanner, _: scanner.add_one(1),
    "SETITEM": lambda scanner, _: scanner.add_one(2),
    "APPENDS": _Scanner.add_to_mark,
    "SETITEMS": _Scanner.add_to_mark,
    "BINPUT": _Scanner.put,
    "LONG_BINPUT": _Scanner.put,
    "BINGET": _Scanner.get,
    "LONG_BINGET": _Scanner.get,
    "GLOBAL": _Scanner.reference,
    "BINPERSID": _Scanner.storage,
    "REDUCE": _Scanner.call,
    "NEWOBJ": _Scanner.new,
    "BUILD": _Scanner.build,
}
