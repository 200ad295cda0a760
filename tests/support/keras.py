"""Networks of Keras in NumPy, which write their weights as Keras 2 does.

A network computes its result while it is built, with weights that are drawn as it goes. Values are
(H, W, C). Layers and their order are those of krasserm/super-resolution and of ISR.
"""

import itertools

import numpy as np

MEAN = np.array([0.4488, 0.4371, 0.4040]) * 255


class KerasNet:
    """Layers that compute at once, and are kept.

    Args:
        first: Number of the first layer that is numbered automatically: 8 gives conv2d_8, conv2d_9,
            conv2d_10, whose order is not that of the alphabet.
        is_initialized: Whether norms of weights have been set; otherwise the file holds other ones.
    """

    def __init__(self, *, first=8, is_initialized=True):
        self.rng = np.random.default_rng(0)
        self.is_initialized = is_initialized
        self.layers = [("input_1", {})]
        self._numbers = itertools.count(first)

    def _keep(self, kind, weights, name):
        name = name or f"{kind}_{next(self._numbers)}"
        self.layers += [(name, weights), (f"{name}_activation", {})]

    def _drawn(self, side, inputs, outputs):
        kernel = self.rng.normal(
            0, (1.5 / (side * side * inputs)) ** 0.5, (side, side, inputs, outputs)
        )
        return kernel.astype("f4"), self.rng.normal(0, 0.1, outputs).astype("f4")

    def conv(self, x, outputs, side=3, name=None):
        kernel, bias = self._drawn(side, x.shape[2], outputs)
        self._keep("conv2d", {"kernel:0": kernel, "bias:0": bias}, name)
        return convolved(x, kernel, bias)

    def normalized(self, x, outputs, side=3, name=None):
        """tfa.layers.WeightNormalization around a convolution."""
        v, bias = self._drawn(side, x.shape[2], outputs)
        norms = np.sqrt(np.square(v).sum((0, 1, 2)))
        g = (norms * self.rng.uniform(0.5, 1.5, outputs)).astype("f4")
        flag = np.array(self.is_initialized)
        weights = {"g:0": g, "kernel:0": v, "bias:0": bias, "initialized:0": flag}
        self._keep("weight_normalization", weights, name)
        return convolved(x, v / norms * (g if self.is_initialized else norms), bias)

    def norm(self, x):
        draw, size = self.rng.uniform, x.shape[2]
        gamma, beta, mean, variance = (draw(0.5, 1.5, size).astype("f4") for _ in range(4))
        variance = variance * np.float32(0.01)  # small enough for the epsilon to show
        gamma = gamma * np.float32(0.05)
        weights = {"gamma:0": gamma, "beta:0": beta, "moving_mean:0": mean}
        self._keep("batch_normalization", weights | {"moving_variance:0": variance}, None)
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def prelu(self, x):
        alpha = self.rng.uniform(0, 0.5, (1, 1, x.shape[2])).astype("f4")
        self._keep("p_re_lu", {"alpha:0": alpha}, None)
        return np.where(x > 0, x, alpha * x)

    def write(self, path, *, in_model=False, is_split=False, is_old=False):
        """Writes the file; its names may stand in several attributes, as those of large ones do.

        h5py before 3.0, of TensorFlow before 2.5, wrote names of the same length.
        """
        import h5py

        with h5py.File(path, "w") as file:
            root = file.create_group("model_weights") if in_model else file
            names = [name.encode() for name, _ in self.layers]
            parts = [names[:9], names[9:10], names[10:]] if is_split else [names]
            for number, part in enumerate(parts):
                name = f"layer_names{number}" if is_split else "layer_names"
                root.attrs[name] = np.array(part) if is_old else part
            root.attrs["backend"] = b"tensorflow"
            for name, weights in self.layers:
                group = root.create_group(name)
                inner = [f"{name}/{each}".encode() for each in weights]
                group.attrs["weight_names"] = np.array(inner, "S") if is_old and inner else inner
                for each, values in weights.items():
                    group.create_dataset(f"{name}/{each}", data=values)
        return path


def convolved(x, kernel, bias):
    """Conv2D with padding="same"."""
    side = kernel.shape[0]
    padded = np.pad(x, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (0, 1))
    return np.einsum("hwikl,klio->hwo", windows, kernel, optimize=True) + bias


def depth_to_space(x, factor):
    """tf.nn.depth_to_space: channels are (row, column, color)."""
    height, width, channels = x.shape
    split = x.reshape(height, width, factor, factor, channels // factor**2)
    return split.transpose(0, 2, 1, 3, 4).reshape(height * factor, width * factor, -1)


def relu(x):
    return np.maximum(x, 0)


def edsr(net, x, scale, feat=8, blocks=3):
    """Krasserm's EDSR, for values from 0 to 255."""
    x = net.conv((x - MEAN) / 127.5, feat)
    b = x
    for _ in range(blocks):
        b = b + net.conv(relu(net.conv(b, feat)), feat)
    x = x + net.conv(b, feat)
    for factor in {2: (2,), 3: (3,), 4: (2, 2)}[scale]:
        x = depth_to_space(net.conv(x, feat * factor**2, name=f"up_{len(net.layers)}"), factor)
    return net.conv(x, 3) * 127.5 + MEAN


def wdsr(net, x, scale, kind, feat=10, blocks=3):
    """Krasserm's WDSR-A and WDSR-B, for values from 0 to 255."""
    x = (x - MEAN) / 127.5
    m = net.normalized(x, feat)
    for _ in range(blocks):
        if kind == "a":
            b = net.normalized(relu(net.normalized(m, 4 * feat)), feat)
        else:
            b = net.normalized(relu(net.normalized(m, 6 * feat, 1)), int(0.8 * feat), 1)
            b = net.normalized(b, feat)
        m = m + b
    m = net.normalized(m, 3 * scale**2, name=f"conv2d_main_scale_{scale}")
    s = net.normalized(x, 3 * scale**2, 5, name=f"conv2d_skip_scale_{scale}")
    return (depth_to_space(m, scale) + depth_to_space(s, scale)) * 127.5 + MEAN


def srgan(net, x, feat=8, blocks=3):
    """Krasserm's generator of SRGAN, for values from 0 to 255."""
    x = first = net.prelu(net.conv(x / 255, feat, 9))
    for _ in range(blocks):
        x = x + net.norm(net.conv(net.prelu(net.norm(net.conv(x, feat))), feat))
    x = first + net.norm(net.conv(x, feat))
    for _ in range(2):
        x = net.prelu(depth_to_space(net.conv(x, 4 * feat), 2))
    return (np.tanh(net.conv(x, 3, 9)) + 1) * 127.5


def rdn(net, x, scale, upscaling, feat=8, growth=6, layers=2, blocks=3):
    """ISR's RDN, for values from 0 to 1."""
    first = net.conv(x, feat, name="F_m1")
    x, joined = net.conv(first, feat, name="F_0"), []
    for d in range(1, blocks + 1):
        y = x
        for c in range(1, layers + 1):
            y = np.concatenate([y, relu(net.conv(y, growth, name=f"F_{d}_{c}"))], 2)
        x = x + net.conv(y, feat, 1, name=f"LFF_{d}")
        joined.append(x)
    x = net.conv(net.conv(np.concatenate(joined, 2), feat, 1, name="GFF_1"), feat, name="GFF_2")
    x = relu(net.conv(x + first, 64, 5, name="UPN1"))
    x = net.conv(relu(net.conv(x, 32, name="UPN2")), 3 * scale**2, name="UPN3")
    x = depth_to_space(x, scale) if upscaling == "shuffle" else x.repeat(scale, 0).repeat(scale, 1)
    return net.conv(x, 3, name="SR")


def rrdn(net, x, scale, feat=8, growth=6, layers=2, blocks=2):
    """ISR's RRDN, for values from 0 to 1."""
    x = first = net.conv(x, feat, name="Pre_blocks_conv")
    for t in range(1, blocks + 1):
        start = x
        for d in range(1, 4):
            y = x
            for c in range(1, layers + 1):
                y = np.concatenate([y, relu(net.conv(y, growth, name=f"F_{t}_{d}_{c}"))], 2)
            x = x + 0.2 * net.conv(y, feat, name=f"LFF_{t}_{d}")
        x = start + 0.2 * x
    x = net.conv(x, feat, name="post_blocks_conv") + first
    return net.conv(
        depth_to_space(net.conv(x, 3 * scale**2, name="PreShuffle"), scale), 3, name="SR"
    )
