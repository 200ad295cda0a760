"""What steady details, denoising and deblocking do, in numbers.

Usage:
    python scripts/reports/steady.py still PICTURE...
    python scripts/reports/steady.py moving SMALL_CLIP ORIGINAL_CLIP
    python scripts/reports/steady.py cleaning PICTURE...
    python scripts/reports/steady.py sheet OUTPUT.jpg CLIP:FRAME:LEFT:TOP...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from realesr import Upscaler
from realesr.imaging.cleaning import deblock, denoise
from realesr.imaging.steady import WINDOW, Steadier
from realesr.metrics.warping import warping_error

SCALE = 4
FRAMES = 16
DAMAGE = ((4, 80), (8, 60))
"""Deviation of the noise in levels, and quality of JPEG."""
DETAIL_SIGMA = 8
"""Standard deviation of the low-pass below details, px of the result."""


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """PSNR of all channels, dB."""
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def details(image: np.ndarray) -> np.ndarray:
    """An image without its low frequencies."""
    values = image.astype(np.float32)
    return values - cv2.GaussianBlur(values, (0, 0), DETAIL_SIGMA)


def deviation(images: list[np.ndarray]) -> float:
    """Mean deviation over time."""
    return float(np.std(np.stack(images).astype(np.float32), axis=0).mean())


def original(path: str) -> tuple[np.ndarray, np.ndarray]:
    """A picture, and a quarter of it."""
    image = cv2.imread(path)[..., ::-1]
    height, width = (side // SCALE * SCALE for side in image.shape[:2])
    image = np.ascontiguousarray(image[:height, :width])
    size = (width // SCALE, height // SCALE)
    return image, cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def damaged(small: np.ndarray, noise: float, quality: int, seed: int) -> np.ndarray:
    """A frame with fresh noise, encoded by itself."""
    added = np.random.default_rng(seed).normal(0, noise, small.shape)
    levels = np.clip(np.rint(small + added), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", levels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def timed(function: Callable[..., np.ndarray], *arguments: object) -> tuple[np.ndarray, float]:
    """A result, and the CPU time that it took, s."""
    started = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - started


def still(paths: list[str]) -> None:
    """A picture that does not move: deviations of details and of all, PSNR, and time."""
    upscale = Upscaler.from_name()
    print("| Picture | Noise, JPEG | Deviation of details | of all | PSNR, dB | Time |")
    print("|---|---|---|---|---|---|")
    for path in paths:
        image, small = original(path)
        for noise, quality in DAMAGE:
            steadier, plain, steady, seconds = Steadier(), [], [], []
            for seed in range(FRAMES + WINDOW):
                lr = damaged(small, noise, quality, seed)
                sr, network = timed(upscale, lr)
                result, more = timed(steadier, lr, sr)
                if seed >= WINDOW:
                    plain.append(sr)
                    steady.append(result)
                    seconds.append((network, more))
            fine = [deviation(list(map(details, each))) for each in (plain, steady)]
            every = [deviation(each) for each in (plain, steady)]
            quality_of = [np.mean([psnr(each, image) for each in part]) for part in (plain, steady)]
            network, more = np.median(seconds, axis=0)
            print(
                f"| {Path(path).stem} | {noise}, {quality} "
                f"| {fine[0]:.2f} → {fine[1]:.2f} ({fine[1] / fine[0]:.0%}) "
                f"| {every[0]:.2f} → {every[1]:.2f} ({every[1] / every[0]:.0%}) "
                f"| {quality_of[0]:.2f} → {quality_of[1]:.2f} | +{more / network:.0%} |",
                flush=True,
            )


def frames(path: str) -> Iterator[np.ndarray]:
    """Decodes a clip."""
    with av.open(path) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def moving(small: str, large: str) -> None:
    """A clip with movement, and its original."""
    upscale, steadier = Upscaler.from_name(), Steadier()
    plain, steady, originals, seconds = [], [], [], []
    for lr, hr in zip(frames(small), frames(large), strict=False):
        sr, network = timed(upscale, lr)
        result, more = timed(steadier, lr, sr)
        plain.append(sr)
        steady.append(result)
        originals.append(hr)
        seconds.append((network, more))
    pairs = list(zip(plain, steady, originals, strict=True))
    before, after = (np.array([psnr(p[n], p[2]) for p in pairs]) for n in (0, 1))
    network, more = np.median(seconds, axis=0)
    print(f"{len(pairs)} frames; PSNR {before.mean():.2f} → {after.mean():.2f} dB")
    print(f"least and most of a frame: {min(after - before):+.2f}, {max(after - before):+.2f} dB")
    errors = [warping_error(part, originals) for part in (plain, steady)]
    print(f"warping error {errors[0]:.6f} → {errors[1]:.6f}; time +{more / network:.0%}")


def cleaning(paths: list[str]) -> None:
    """Damaged pictures, cleaned by the amount of damage, before and after the network."""
    upscale, plain = Upscaler.from_name(), Upscaler.from_name("bicubic")
    print("| Picture | Damage | Filter | PSNR of the input, dB | bicubic x4 | network x4 |")
    print("|---|---|---|---|---|---|")
    for path in paths:
        image, small = original(path)
        for noise, quality, name, clean in (
            (8.0, 100, "denoise 8", lambda x: denoise(x, 8)),
            (20.0, 100, "denoise 20", lambda x: denoise(x, 20)),
            (0.0, 20, "deblock 1", lambda x: deblock(x, 1.0)),
        ):
            lr = damaged(small, noise, quality, 0)
            better = clean(lr)
            print(
                f"| {Path(path).stem} | noise {noise:g}, JPEG {quality} | {name} "
                f"| {psnr(lr, small):.2f} → {psnr(better, small):.2f} "
                f"| {psnr(plain(lr), image):.2f} → {psnr(plain(better), image):.2f} "
                f"| {psnr(upscale(lr), image):.2f} → {psnr(upscale(better), image):.2f} |",
                flush=True,
            )


def sheet(output: str, places: list[str]) -> None:
    """Crops at 100 %: plain upscaling, network, steady, and four times the difference."""
    upscale, rows = Upscaler.from_name(), []
    for place in places:
        path, *numbers = place.rsplit(":", 3)
        number, left, top = map(int, numbers)
        steadier, result, sr = Steadier(), None, None
        for n, lr in enumerate(frames(path)):
            if n < number - WINDOW:
                continue
            sr = upscale(lr)
            result = steadier(lr, sr)
            if n == number:
                break
        plain = cv2.resize(lr, sr.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        difference = np.clip(128 + 4.0 * (result.astype(float) - sr), 0, 255).astype(np.uint8)
        crop = np.s_[top : top + 200, left : left + 260]
        rows.append(np.hstack([each[crop] for each in (plain, sr, result, difference)]))
    cv2.imwrite(output, np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "still":
        still(arguments)
    elif command == "moving":
        moving(*arguments)
    elif command == "cleaning":
        cleaning(arguments)
    else:
        sheet(arguments[0], arguments[1:])
