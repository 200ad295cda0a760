"""ICC profiles that are made from other descriptions of color, and the code points inside them.

Profiles have the structure of ICC.1:2022 (version 4.4): a matrix and curves for RGB, a curve for
gray.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from realesr.imaging.color import (
    ADOBE_RGB_CHROMATICITIES,
    ADOBE_RGB_GAMMA,
    D65,
    SRGB_CHROMATICITIES,
    Chromaticities,
    Cicp,
    ColorDescription,
)

_D50 = (0.9642, 1.0, 0.8249)
"""White of the profile connection space, X, Y, Z (ICC.1:2022, 7.2.16)."""
_BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)
"""Cone responses of the linear Bradford transform (ICC.1:2022, annex E)."""
_PRIMARIES = {
    # ITU-T H.273, table 2
    1: SRGB_CHROMATICITIES,
    4: Chromaticities((31000, 31600), (67000, 33000), (21000, 71000), (14000, 8000)),
    5: Chromaticities(D65, (64000, 33000), (29000, 60000), (15000, 6000)),
    6: Chromaticities(D65, (63000, 34000), (31000, 59500), (15500, 7000)),
    7: Chromaticities(D65, (63000, 34000), (31000, 59500), (15500, 7000)),
    8: Chromaticities((31000, 31600), (68100, 31900), (24300, 69200), (14500, 4900)),
    9: Chromaticities(D65, (70800, 29200), (17000, 79700), (13100, 4600)),
    11: Chromaticities((31400, 35100), (68000, 32000), (26500, 69000), (15000, 6000)),
    12: Chromaticities(D65, (68000, 32000), (26500, 69000), (15000, 6000)),
    22: Chromaticities(D65, (63000, 34000), (29500, 60500), (15500, 7700)),
}
_NAMES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_BT709_CURVE = (1 / 0.45, 1 / 1.09929682680944, 0.09929682680944 / 1.09929682680944, 1 / 4.5, 0.081)
_CURVES: dict[int, tuple[float, ...]] = {
    # ITU-T H.273, table 3, inverted: (g,) is v ** g; (g, a, b, c, d) is (a v + b) ** g from d on
    # and c v below
    1: _BT709_CURVE,
    4: (2.2,),
    5: (2.8,),
    6: _BT709_CURVE,
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0913),
    8: (1.0,),
    13: (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    14: _BT709_CURVE,
    15: _BT709_CURVE,
}
_PARAMETRIC_TYPES = {1: 0, 5: 3}
"""Function type by number of parameters (ICC.1:2022, table 68)."""
_TABLE_LENGTH = 4096
"""Entries of the curve of an HDR transfer."""


def profile_of(color: ColorDescription, *, is_gray: bool) -> bytes | None:
    """Makes a profile that says the same as a description.

    Args:
        color: The description; without chromaticities those of sRGB are taken.
        is_gray: Whether the pixels have one channel.

    Returns:
        A profile; None if there is nothing to say, or no profile can say it. For PQ and HLG the
        curve ends at the peak of the transfer, and the code points are inside (``cicp``), because
        only they say that it is HDR.
    """
    if color.cicp:
        return _from_cicp(color.cicp, is_gray=is_gray)
    if color.is_adobe_rgb:
        curve = _parametric((1 / ADOBE_RGB_GAMMA,))
        return _profile(
            "Compatible with Adobe RGB (1998)", ADOBE_RGB_CHROMATICITIES, curve, is_gray
        )
    if color.is_srgb:
        return None
    chromaticities = color.chromaticities or SRGB_CHROMATICITIES
    if color.gamma:
        curve, name = _parametric((100_000 / color.gamma,)), f"Gamma {100_000 / color.gamma:.4g}"
    else:
        curve, name = _parametric(_CURVES[13]), "Primaries as stated, sRGB curve"
    return _profile(name, chromaticities, curve, is_gray)


def cicp_of(icc: bytes) -> Cicp | None:
    """Returns the code points inside a profile (``cicp``, ICC.1:2022, 9.2.17), or None."""
    count = int.from_bytes(icc[128:132])
    for at in range(132, min(132 + 12 * count, len(icc) - 11), 12):
        signature, offset, _ = struct.unpack_from(">4sII", icc, at)
        if signature == b"cicp" and len(icc) >= offset + 12:
            primaries, transfer, _, full_range = icc[offset + 8 : offset + 12]
            return Cicp(primaries, transfer, bool(full_range))
    return None


def _from_cicp(cicp: Cicp, *, is_gray: bool) -> bytes | None:
    chromaticities = _PRIMARIES.get(cicp.primaries)
    if chromaticities is None or cicp.is_srgb or not cicp.is_full_range:
        return None
    if cicp.hdr:
        curve = _table(_pq() if cicp.hdr == "PQ" else _hlg())
    elif parameters := _CURVES.get(cicp.transfer):
        curve = _parametric(parameters)
    else:
        return None
    name = _NAMES.get(cicp.primaries, f"H.273 primaries {cicp.primaries}")
    name += f", {cicp.hdr or f'H.273 transfer {cicp.transfer}'}"
    return _profile(name, chromaticities, curve, is_gray, cicp)


def _pq() -> NDArray[np.float64]:
    """Electro-optical transfer function of PQ over 10,000 cd/m2 (ITU-R BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.linspace(0, 1, _TABLE_LENGTH) ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return light


def _hlg() -> NDArray[np.float64]:
    """Inverse of the opto-electronic transfer function of HLG (ITU-R BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    signal = np.linspace(0, 1, _TABLE_LENGTH)
    light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.clip(light, 0, 1)


def _profile(
    name: str, colors: Chromaticities, curve: bytes, is_gray: bool, cicp: Cicp | None = None
) -> bytes:
    """Joins header and tags (ICC.1:2022, 7.2 and 8.3)."""
    tags = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
    }
    adapt = _adaptation(colors.white)
    tags[b"chad"] = b"sf32" + bytes(4) + b"".join(map(_fixed, adapt.ravel()))
    if is_gray:
        tags[b"kTRC"] = curve
    else:
        columns = (adapt @ _to_xyz(colors)).T
        tags |= {kind: _xyz(each) for kind, each in zip(_COLORANTS, columns, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    if cicp and not is_gray:
        tags[b"cicp"] = b"cicp" + bytes((0, 0, 0, 0, cicp.primaries, cicp.transfer, 0, 1))
    return _joined(tags, b"GRAY" if is_gray else b"RGB ")


_COLORANTS = (b"rXYZ", b"gXYZ", b"bXYZ")


def _joined(tags: dict[bytes, bytes], space: bytes) -> bytes:
    table, body, places = b"", b"", dict[bytes, int]()
    start = 128 + 4 + 12 * len(tags)
    for kind, data in tags.items():
        if data not in places:  # curves are shared
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", kind, places[data], len(data))
    size = start + len(body)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4sI8sI12s48x",
        *(size, b"", 0x04400000, b"mntr", space, b"XYZ "),
        *(struct.pack(">6H", 2025, 1, 1, 0, 0, 0), b"acsp", b"", 0, b"", 0, b"", 0),
        b"".join(map(_fixed, _D50)),
    )
    return header + struct.pack(">I", len(tags)) + table + body


def _to_xyz(colors: Chromaticities) -> NDArray[np.float64]:
    """Returns the matrix from linear RGB to XYZ, (3, 3) (SMPTE RP 177, 3.3)."""
    columns = np.array([_xyz_of(each) for each in (colors.red, colors.green, colors.blue)]).T
    scale: NDArray[np.float64] = np.linalg.solve(columns, _xyz_of(colors.white))
    return columns * scale


def _xyz_of(chromaticity: tuple[int, int]) -> NDArray[np.float64]:
    x, y = chromaticity
    return np.array((x / y, 1.0, (100_000 - x - y) / y))


def _adaptation(white: tuple[int, int]) -> NDArray[np.float64]:
    """Returns the matrix from a white to D50, (3, 3) (ICC.1:2022, annex E)."""
    gain = (_BRADFORD @ _D50) / (_BRADFORD @ _xyz_of(white))
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD
    return adapted


def _parametric(parameters: tuple[float, ...]) -> bytes:
    kind = _PARAMETRIC_TYPES[len(parameters)]
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, parameters))


def _table(light: NDArray[np.float64]) -> bytes:
    levels = np.rint(light * 65_535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(levels)) + levels.tobytes()


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _xyz(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    """Returns an s15Fixed16Number."""
    return struct.pack(">i", round(value * 65_536))
