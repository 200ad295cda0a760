"""Files of ncnn, written as its converters write them."""

import itertools
import struct
from pathlib import Path

import numpy as np

HALF = struct.pack("<I", 0x01306B47)
SINGLE = bytes(4)
INT8 = struct.pack("<I", 0x000D4B38)


class NcnnWriter:
    """Collects the layers and the numbers of a network.

    Args:
        arrays: Parameters by their names in PyTorch.
        tag: Number format of convolutions.
        is_fused: Whether activations and products with constants are parts of other layers, as
            ncnnoptimize makes them.
    """

    def __init__(self, arrays, *, tag=HALF, is_fused=True):
        self.arrays, self.tag, self.is_fused = arrays, tag, is_fused
        self.layers, self.numbers = [], []
        self._names = (f"blob{number}" for number in itertools.count())
        self._uses = {}

    def layer(self, kind, inputs, parameters=""):
        """Adds a layer with one result."""
        result = next(self._names)
        for name in inputs:
            self._uses[name] = self._uses.get(name, 0) + 1
        self.layers.append([kind, f"{kind}_{len(self.layers)}", list(inputs), [result], parameters])
        return result

    def convolution(self, name, x, slope=None):
        """Adds a convolution, and a leaky ReLU if there is a slope."""
        weight, bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
        outputs, _, side, _ = weight.shape
        words = f"0={outputs} 1={side} 4={side // 2} 5=1 6={weight.size}"
        if slope is not None and self.is_fused:
            words += f" 9=2 -23310=1,{slope:e}"
        data = weight.astype("<f2" if self.tag == HALF else "<f4").tobytes()
        self.numbers.append(self.tag + data + bytes(-len(data) % 4) + bias.astype("<f4").tobytes())
        x = self.layer("Convolution", [x], words)
        return x if slope is None or self.is_fused else self.layer("ReLU", [x], f"0={slope:e}")

    def prelu(self, name, x):
        slopes = self.arrays[f"{name}.weight"]
        self.numbers.append(slopes.astype("<f4").tobytes())
        return self.layer("PReLU", [x], f"0={slopes.size}")

    def residual(self, x, other, factor):
        """Adds the sum of a product and another value."""
        if self.is_fused:
            words = f"0=1 -23301=2,{factor:e},1.000000e+00"
            return self.layer("Eltwise", [x, other], words)
        x = self.layer("BinaryOp", [x], f"0=2 1=1 2={factor:e}")
        return self.layer("BinaryOp", [x, other], "0=0")

    def text(self):
        """The .param file, with a Split for each value that is used several times."""
        copies, lines = {}, []
        for kind, name, inputs, outputs, words in self.layers:
            taken = [copies[each].pop() if each in copies else each for each in inputs]
            lines.append((kind, name, taken, outputs, words))
            for each in outputs:
                if (uses := self._uses.get(each, 0)) > 1:
                    copies[each] = [f"{each}_splitncnn_{number}" for number in range(uses)]
                    lines.append(("Split", f"splitncnn_{each}", [each], list(copies[each]), ""))
        blobs = sum(len(outputs) for *_, outputs, _ in lines)
        shown = [
            f"{kind:<24} {name:<24} {len(a)} {len(b)} {' '.join([*a, *b])} {words}".rstrip()
            for kind, name, a, b, words in lines
        ]
        return "\n".join(["7767517", f"{len(lines)} {blobs}", *shown, ""])

    def write(self, folder: Path, name="net") -> Path:
        """Writes both files; returns the path of the .param file."""
        path = folder / f"{name}.param"
        path.write_text(self.text())
        path.with_suffix(".bin").write_bytes(b"".join(self.numbers))
        return path


def arrays_of(network):
    """The parameters of a PyTorch network as arrays."""
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def rrdbnet(network, **options):
    """A writer with an RRDBNet."""
    config, net = network.config, NcnnWriter(arrays_of(network), **options)
    image = net.layer("Input", [])
    if config.multiple_of > 1:
        image = net.layer("Reorg", [image], f"0={config.multiple_of}")
    first = x = net.convolution("conv_first", image)
    for block in range(config.num_block):
        start = x
        for dense in (1, 2, 3):
            joined = [x]
            for layer in range(1, 5):
                taken = joined[0] if layer == 1 else net.layer("Concat", joined)
                joined.append(net.convolution(f"body.{block}.rdb{dense}.conv{layer}", taken, 0.2))
            end = net.convolution(f"body.{block}.rdb{dense}.conv5", net.layer("Concat", joined))
            x = net.residual(end, x, 0.2)
        x = net.residual(x, start, 0.2)
    x = net.layer("BinaryOp", [first, net.convolution("conv_body", x)])
    for step in range(1, config.upsampling_steps + 1):
        x = net.convolution(f"conv_up{step}", net.layer("Interp", [x], "0=1 1=2.0 2=2.0"), 0.2)
    net.convolution("conv_last", net.convolution("conv_hr", x, 0.2))
    return net


def srvgg(network, *, resized=None, **options):
    """A writer with an SRVGGNetCompact."""
    config, net = network.config, NcnnWriter(arrays_of(network), **options)
    image = x = net.layer("Input", [])
    for layer in range(config.num_conv + 1):
        x = net.prelu(f"body.{2 * layer + 1}", net.convolution(f"body.{2 * layer}", x))
    x = net.convolution(f"body.{2 * config.num_conv + 2}", x)
    x = net.layer("PixelShuffle", [x], f"0={config.scale}")
    scale = f"{config.scale:e}"
    base = net.layer("Interp", [image], f"0=1 1={scale} 2={scale}")
    x = net.layer("BinaryOp", [x, base])
    if resized is not None:
        net.layer("Interp", [x], f"0=3 1={resized:e} 2={resized:e}")
    return net


def rounded(arrays):
    """What remains of parameters in a file of float16 convolutions."""
    return {
        name: values.astype(np.float16).astype(np.float32) if values.ndim == 4 else values
        for name, values in arrays.items()
    }
